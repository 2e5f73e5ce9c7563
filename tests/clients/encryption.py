"""Encrypted calls and answers, and the ways in which encryption is refused."""

import base64
import hashlib
import json
import sys
import urllib.parse

import aes_ecb
from client import call, data, get, post, same, true

KEY = b"airudderredduria"


def sealed(text):
    plain = text.encode()
    return base64.b64encode(aes_ecb.encrypt(KEY, plain)).decode(), hashlib.sha256(plain).hexdigest()


def opened(reply):
    assert reply.headers["Is-Encrypted"] == "1", reply.headers
    plain = aes_ecb.decrypt(KEY, base64.b64decode(reply.body, validate=True))
    assert hashlib.sha256(plain).hexdigest() == reply.headers["Signed"]
    return json.loads(plain)


# FIPS 197, appendix C.1, and then the vendor's own vector.
standard = aes_ecb.encrypt_block(bytes(range(16)), bytes.fromhex("00112233445566778899aabbccddeeff"))
same("the standard's vector", standard.hex(), "69c4e0d86a7b0430d8cdb78070b4c55a")
text, digest = sealed("TaskID=69f531a01a9df58aa6de2487be610abb")
same("the vendor's vector", text, "qbj8cnqKnqR66qDS49ib9ymU1mpMCyp8Dm0gS1VvmnEqTxPGSBzruAU1sapP+cye")
same("its digest", digest, "6956d7af4c89b89f19f9ae0a8be4bcf12abe7c6ed893691733f3480ad3f3aabc")
same("and back", aes_ecb.decrypt(KEY, base64.b64decode(text)), b"TaskID=69f531a01a9df58aa6de2487be610abb")

own, plain_only, must, keyless = (
    data(post("/service/cloud/auth", {"APPKey": key, "APPSecret": "secret"}))["token"]
    for key in ("accept", "off", "require", "keyless")
)


def secret_post(path, fields, token, **changes):
    text, digest = sealed(json.dumps(fields))
    headers = {"Authorization": "Token " + token, "Is-Encrypted": "1", "Signed": digest, "Content-Type": "text/plain"}
    headers.update(changes)
    return call("POST", path, text.encode(), {name: value for name, value in headers.items() if value})


def secret_get(path, query, token, quote=False):
    text, digest = sealed(query)
    headers = {"Authorization": "Token " + token, "Is-Encrypted": "1", "Signed": digest}
    return call("GET", f"{path}?{urllib.parse.quote(text, safe='') if quote else text}", headers=headers)


details = [{"Mobile": f"+62811100{at}9001", "Comments": at} for at in range(3)]
task = {"TaskName": "sealed", "Details": details}
made = opened(secret_post("/service/cloud/task", task, own))
same("a sealed body", made["code"], 200)
task_id = made["data"]["TaskID"]
raw = opened(secret_get("/service/cloud/detail", f"TaskID={task_id}", own))
same("a sealed query as it is", [row["Comments"] for row in raw["data"]["detail"]], [0, 1, 2])
quoted = opened(secret_get("/service/cloud/detail", f"TaskID={task_id}", own, quote=True))
same("a sealed query, percent-encoded", quoted["data"]["TaskID"], task_id)
# Whatever the text, some of these have `+` and `/` in them.
for at in range(8):
    listed = opened(secret_get("/service/cloud/list", f"Number={at + 1}&Page=1&Type=normal", own))
    assert listed["data"]["total"] == 1, listed
same("queries of all kinds", listed["code"], 200)
# Texts of any length, those that fill their last block among them.
for length in range(20, 37):
    name = "x" * length
    assert opened(secret_post("/service/cloud/task", {"TaskName": name, "Details": details}, own))["code"] == 200, length
same("texts of any length", length, 36)
refused = secret_get("/service/cloud/detail", "TaskID=unknown", own)
same("refusals are sealed", (refused.status, opened(refused)["code"]), (404, 404))
plain = get("/service/cloud/detail", own, TaskID=task_id)
same("plain calls get plain answers", (data(plain)["TaskID"], plain.headers["Is-Encrypted"]), (task_id, None))

other = {"TaskName": "never made", "Details": details}
for what, changes in [
    ("a wrong digest", {"Signed": "0" * 64}),
    ("no digest", {"Signed": None}),
    ("the digest in capitals", {"Signed": sealed(json.dumps(other))[1].upper()}),
]:
    answer = secret_post("/service/cloud/task", other, own, **changes)
    true(what, answer.status == 400 and answer.json()["code"] == 400 and "Signed" in answer.json()["message"], answer.body)
headers = {"Authorization": "Token " + own, "Is-Encrypted": "1", "Signed": "0" * 64}
same("no base64", call("POST", "/service/cloud/task", b"{}", headers).status, 400)
same("no whole block", call("POST", "/service/cloud/task", b"AAAA", headers).status, 400)

same("off, sealed", secret_post("/service/cloud/task", other, plain_only).status, 400)
same("off, plain", get("/service/cloud/robot", plain_only).status, 200)
same("required, plain", get("/service/cloud/robot", must).status, 400)
same("required, sealed", opened(secret_get("/service/cloud/robot", "a=b", must))["code"], 200)
same("no key", secret_post("/service/cloud/task", other, keyless).status, 400)
