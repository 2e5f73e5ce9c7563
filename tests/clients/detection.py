"""Number detection and text messages; both tell their results to a URL of the call."""

import base64
import hashlib
import sys

from client import KEY, SECRET, post, same, token, true

HOOK = sys.argv[2]


def signed(secret, timestamp, version="1.0.0"):
    return base64.urlsafe_b64encode(hashlib.md5(f"{secret}+{timestamp}+{version}".encode()).digest()).decode()


def check(sign, calls, key=KEY):
    system = {"appkey": key, "charset": "UTF-8", "timestamp": 1893456000, "signtype": "MD5", "version": "1.0.0"}
    return post("/service/cloud/emptycheck", {"system": {**system, "sign": sign}, "business": {"calls": calls}})


def one(number, url=HOOK, **more):
    return {"callee": number, "callback": base64.b64encode(url.encode()).decode(), **more}


sign = signed(SECRET, 1893456000)
# What a client gives along comes back as it came, whatever it is.
given = ["mine 0", 1, 2.5, True, {"case": 4}, [5, "five"], "6", "", "mine 8", {}]
numbers = [one(f"+62811100{at}904{at}", prvdata=given[at]) for at in range(10)]
same("ten numbers", check(sign, numbers).status, 200)
same("a wrong signature", check(signed("wrong", 1893456000), numbers).status, 401)
same("another second", check(signed(SECRET, 1893456001), numbers).status, 401)
same("nobody's key", check(sign, numbers, key="nobody").status, 401)
same("no URL", check(sign, [one("+6281110009042", url="no URL")]).status, 400)
same("no base64", check(sign, [{"callee": "+6281110009042", "callback": "http://"}]).status, 400)
same("no numbers", check(sign, []).status, 400)

access = token()
fields = {"to": ["+6281110000001"], "message": "Halo", "from": "MOCK"}
answer = post("/service/sms/message/v2/send", fields, access)
true("a text", answer.status == 200 and answer.json()["code"] == 0 and answer.json()["body"]["messageId"], answer.body)
for number in ("+6281110009050", "+6281110009042"):
    fields = {"to": [number], "message": "Halo", "from": "MOCK", "callbackUrl": HOOK}
    sent = post("/service/sms/message/v2/send", fields, access).json()
    same("a text with a receipt", (sent["code"], len(sent["body"]["messageId"])), (0, 32))
fields["to"] = ["+6281110009042", "+6281110009043"]
same("two numbers", post("/service/sms/message/v2/send", fields, access).status, 400)
same("without a token", post("/service/sms/message/v2/send", fields).status, 401)
