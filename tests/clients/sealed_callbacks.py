"""Encrypted callbacks, as a receiver wrote them down: a line each of digest and body."""

import base64
import hashlib
import json
import sys

import aes_ecb
from client import same

notices = []
with open(sys.argv[2]) as lines:
    for line in lines:
        digest, body = line.split()
        plain = aes_ecb.decrypt(b"airudderredduria", base64.b64decode(body, validate=True))
        same("the digest fits", hashlib.sha256(plain).hexdigest(), digest)
        notices.append(json.loads(plain))
numbers = sorted(notice.get("CalleeNumber", "the end") for notice in notices)
same("what was reported", numbers, ["+6281110009001", "+6281110009005", "the end"])
same("the end", [notice["Status"] for notice in notices], ["finished"] * 3)
