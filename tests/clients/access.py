"""Tokens: how they are asked for, how long they live, and who is turned away."""

import re
import urllib.parse

from client import KEY, SECRET, call, data, get, post, same, skip, token, true

AUTH = "/service/cloud/auth"


def works(token, scheme="Token"):
    return call("GET", "/service/cloud/robot", headers={"Authorization": f"{scheme} {token}"}).status


as_json = token()
true("JSON", re.fullmatch(r"[A-Za-z0-9+/]{52,64}", as_json), as_json)

form = urllib.parse.urlencode({"APPKey": KEY, "APPSecret": SECRET}).encode()
as_form = data(call("POST", AUTH, form, {"Content-Type": "application/x-www-form-urlencoded"}))["token"]
same("form", works(as_form), 200)

parts = "".join(
    f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    for name, value in [("APPKey", KEY), ("APPSecret", SECRET)]
)
multipart = (parts + "--limit--\r\n").encode()
as_parts = data(call("POST", AUTH, multipart, {"Content-Type": "multipart/form-data; boundary=limit"}))["token"]
same("multipart", works(as_parts), 200)
same("every token is another one", len({as_json, as_form, as_parts}), 3)

for what, fields, status in [
    ("a wrong secret", {"APPKey": KEY, "APPSecret": "wrong"}, 401),
    ("a wrong key", {"APPKey": "wrong", "APPSecret": SECRET}, 401),
    ("no secret", {"APPKey": KEY}, 400),
]:
    answer = post(AUTH, fields)
    same(what, (answer.status, answer.json()["code"]), (status, status))

same("Bearer", works(as_json, "Bearer"), 200)
same("another scheme", works(as_json, "Basic"), 401)
same("a token nobody was given", works("x" * 56), 401)
answer = get("/service/cloud/robot")
same("no token", (answer.status, answer.json()["code"]), (401, 401))

# Asking again restarts the 24 hours, and the earlier token keeps working.
skip("23h")
later = token()
skip("2h")
same("the earlier token, 25 hours old", works(as_json), 200)
same("the later token", works(later), 200)
skip("21h59m")
same("just before the end", works(as_json), 200)
skip("2m")
same("both have expired", (works(as_json), works(later)), (401, 401))
fresh = token()
same("a fresh token", works(fresh), 200)
same("what has expired stays so", works(later), 401)
skip("25h")
same("the fresh token 25 hours later", works(fresh), 401)

forced = token()
same("expiry by command", post("/_mock/tokens/expire", {}).status, 200)
same("is expiry", works(forced), 401)
of_account = token()
same("expiry of one account", post("/_mock/tokens/expire", {"app_key": KEY}).status, 200)
same("is expiry as well", works(of_account), 401)
same("of no account", post("/_mock/tokens/expire", {"app_key": "nobody"}).status, 404)
