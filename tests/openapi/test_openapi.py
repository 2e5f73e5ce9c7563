"""Random requests to a running mock, drawn from its own two OpenAPI documents: nothing is answered with a server error, or in a
way that the documents do not describe.

    airudder-mock exec -- python3 -m pytest -q tests/openapi

`exec` starts the mock and tells its address. The packages pytest, requests and schemathesis are needed.
"""
import hashlib
import hmac
import os

import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

BASE = os.environ["AIRUDDER_MOCK_URL"]
SECRET = os.environ["AIRUDDER_MOCK_SECRET"].encode()
SIGN_KEY = os.environ["AIRUDDER_MOCK_SIGN_KEY"]
CREDENTIALS = {"APPKey": os.environ["AIRUDDER_MOCK_APP_KEY"], "APPSecret": os.environ["AIRUDDER_MOCK_APP_SECRET"]}

WANTED = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
FEW = settings(max_examples=int(os.environ.get("EXAMPLES", "8")), deadline=None, derandomize=True, database=None,
               suppress_health_check=list(HealthCheck))


def document(path):
    schema = schemathesis.openapi.from_dict(requests.get(BASE + path, timeout=10).json())
    schema.config.update(base_url=BASE)
    # Each field at its edges makes some 60 requests to an endpoint: EDGES=1 asks for them.
    schema.config.phases.coverage.enabled = "EDGES" in os.environ
    return schema


class Account(requests.auth.AuthBase):
    """What the vendor's endpoints ask for: a token, or a signature of the bytes. Each takes the header that it knows."""

    def __init__(self):
        answer = requests.post(BASE + "/service/cloud/auth", json=CREDENTIALS, timeout=10).json()
        self.token = answer["data"]["token"]

    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        request.headers["Authorization"] = f"Token {self.token}"
        request.headers["X-AIRudder-Sign-Key"] = SIGN_KEY
        request.headers["X-AIRudder-Sign"] = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        return request


control = document("/_mock/openapi.json")
vendor = document("/_mock/vendor/openapi.json")
account = None


@control.parametrize()
@FEW
def test_control(case):
    # Who waits has what he waits for at once, or never.
    if isinstance(case.body, dict) and "within" in case.body:
        case.body["within"] = "1ms"
    if case.operation.path in ("/_mock/journal/stream", "/_mock/journal/events"):
        with requests.get(BASE + case.formatted_path, params=case.query, stream=True, timeout=10) as answer:
            documented = case.operation.definition.raw["responses"].get(str(answer.status_code), {"content": {}})
            assert answer.headers["content-type"] in documented["content"]
        return
    answer = case.call(timeout=30)
    case.validate_response(answer, checks=WANTED)


@vendor.parametrize()
@FEW
def test_vendor(case):
    global account
    account = account or Account()
    answer = case.call(auth=account, timeout=30)
    case.validate_response(answer, checks=WANTED)
