"""A client of the mock by Python's standard library alone, and the words its checks are made of."""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

BASE = sys.argv[1]
KEY, SECRET = "AIRudderMockKey0000001", "AIRudderMockSecret0001"

# Whatever proxies the machine has, the mock is not behind them.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def call(method, path, body=None, headers=None):
    url = path if path.startswith("http") else BASE + path
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with OPENER.open(request, timeout=60) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, error.headers, error.read())


def post(path, fields, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Token " + token
    return call("POST", path, json.dumps(fields).encode(), headers)


def get(path, token=None, **query):
    headers = {"Authorization": "Token " + token} if token else {}
    if query:
        path += "?" + urllib.parse.urlencode(query)
    return call("GET", path, headers=headers)


def data(reply):
    answer = reply.json()
    assert (reply.status, answer["code"], answer["status"]) == (200, 200, "OK"), (reply.status, answer)
    return answer.get("data")


def token():
    return data(post("/service/cloud/auth", {"APPKey": KEY, "APPSecret": SECRET}))["token"]


def skip(by):
    assert post("/_mock/clock", {"by": by}).status == 200


def same(what, found, wanted):
    assert found == wanted, f"{what}: found {found!r}, wanted {wanted!r}"
    print("ok", what)


def true(what, holds, *found):
    assert holds, (what, *found)
    print("ok", what)
