"""A program that knows the vendor's host alone, by each library that is here."""

import importlib.util
import json
import urllib.request

API = "https://api.airudder.com/service/cloud"
CREDENTIALS = {"APPKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001"}


def with_urllib(url, body, headers):
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, headers | {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def with_requests(url, body, headers):
    import requests

    response = requests.post(url, json=body, headers=headers) if body else requests.get(url, headers=headers)
    return response.json()


def with_httpx(url, body, headers):
    import httpx

    response = httpx.post(url, json=body, headers=headers) if body else httpx.get(url, headers=headers)
    return response.json()


for name, ask in [("urllib", with_urllib), ("requests", with_requests), ("httpx", with_httpx)]:
    if name != "urllib" and importlib.util.find_spec(name) is None:
        continue
    token = ask(f"{API}/auth", CREDENTIALS, {})["data"]["token"]
    robots = ask(f"{API}/robot", None, {"Authorization": f"Token {token}"})
    assert robots["code"] == 200, robots
    print(name)
