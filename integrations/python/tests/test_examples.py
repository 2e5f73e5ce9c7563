"""Examples to copy. No test sleeps, and all may run at once (`pytest -n 8`)."""

import json
import urllib.error
import urllib.request

import pytest

from airudder_mock import MockError, NotMet


def call(airudder, method, path, fields=None, token=None):
    """A request to the vendor's endpoints, as your client sends it."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Token {token}"
    body = json.dumps(fields).encode() if fields is not None else None
    request = urllib.request.Request(airudder.base_url + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.fixture
def token(airudder):
    credentials = {"APPKey": airudder.app_key, "APPSecret": airudder.app_secret}
    status, answer = call(airudder, "POST", "/service/cloud/auth", credentials)
    assert status == 200
    return answer["data"]["token"]


def create_task(airudder, token, rows=3):
    details = [{"Mobile": f"+62811100090{n:02}", "LoanAmount": 150000, "LoanDate": "2026-01-15"} for n in range(1, rows + 1)]
    fields = {"TaskName": "example", "RobotID": "Welcome call", "Details": details}
    status, answer = call(airudder, "POST", "/service/cloud/task", fields, token)
    assert status == 200, answer
    return answer["data"]["TaskID"]


def test_wrong_credentials_are_refused(airudder):
    status, _ = call(airudder, "POST", "/service/cloud/auth", {"APPKey": airudder.app_key, "APPSecret": "wrong"})
    assert status != 200
    airudder.wait_for(request="auth.token", refused=True)


def test_the_callbacks_of_a_task_arrive(airudder, receiver, token):
    task = create_task(airudder, token)
    airudder.settle(advance=True)
    airudder.wait_for(callback="call.completed", times=3)
    airudder.wait_for(callback="task.finished")
    assert any(task in json.dumps(body) for body, _ in receiver.callbacks)
    airudder.assert_no_more(since=airudder.last())


def test_signatures_are_right(airudder, receiver):
    receiver.secret = airudder.secret
    conversation = airudder.emit("session.transfer")["body"]["transfer"]["call_id"]
    airudder.emit("message.receive", conversation=conversation)
    airudder.settle()
    assert [right for _, right in receiver.callbacks] == [True, True]


def test_a_callback_comes_twice_and_edited(airudder, receiver):
    first = airudder.emit("session.end")
    airudder.settle()
    airudder.resend(first["callback"])
    airudder.settle()
    airudder.resend(first["callback"], body={"edited": True})
    airudder.settle()
    bodies = [body for body, _ in receiver.callbacks]
    assert bodies[0] == bodies[1] and bodies[2] == {"edited": True}


def test_a_conversation_is_played_through_as_the_user(airudder):
    conversation = airudder.chat(name="Dinda", write="hello")
    airudder.wait_for(callback="message.receive", where={"user": {"name": "Dinda"}})
    airudder.user(conversation, ask_for_agent=True)
    airudder.clock(by="1m")
    airudder.wait_for(callback="session.transfer", where={"transfer": {"call_id": conversation}})


def test_a_token_expires_after_a_jump_of_thirty_days(airudder, token):
    assert call(airudder, "GET", "/service/cloud/robot", token=token)[0] == 200
    airudder.clock(by="30d")
    assert call(airudder, "GET", "/service/cloud/robot", token=token)[0] == 401


def test_a_fault_comes_and_goes(airudder, token):
    fault = airudder.add_fault("robot.list", status=503)
    assert call(airudder, "GET", "/service/cloud/robot", token=token)[0] == 503
    airudder.remove_fault(fault)
    assert call(airudder, "GET", "/service/cloud/robot", token=token)[0] == 200


def test_a_callback_goes_wrong(airudder, receiver):
    receiver.secret = airudder.secret
    airudder.add_fault(callback="session.end", kind="duplicate")
    airudder.add_fault(fault="signature-wrong of session.transfer, first 1")
    for event in ("session.end", "session.transfer", "session.transfer"):
        airudder.emit(event)
    airudder.settle(advance=True)
    airudder.wait_for(callback="session.end")
    rights = [right for _, right in receiver.callbacks]
    assert (len(rights), rights.count(False)) == (4, 1)
    with pytest.raises(TypeError, match="leave out call"):
        airudder.add_fault("task.create", fault="duplicate")


def test_a_clock_that_stands_still_is_named(airudder, token):
    create_task(airudder, token)
    # Nothing would come however long it waited.
    with pytest.raises(NotMet, match="the clock stands still at .*settle with `advance`"):
        airudder.settle(within="10m")
    with pytest.raises(NotMet, match="the clock stands still"):
        airudder.wait_for(callback="task.finished", within="100ms")


def test_what_does_not_come_is_explained(airudder):
    airudder.emit("session.end")
    airudder.settle()
    with pytest.raises(NotMet) as failed:
        airudder.wait_for(callback="session.end", where={"channel": "SMS"}, within="100ms")
    assert "`channel` is" in str(failed.value)
    with pytest.raises(MockError, match="did you mean `session.end`"):
        airudder.wait_for(callback="session.ende")


@pytest.mark.parametrize("number", range(8))
def test_namespaces_do_not_meet(airudder, token, number):
    create_task(airudder, token, rows=number + 1)
    airudder.settle(advance=True)
    assert len(airudder.wait_for(callback="call.completed", times=number + 1)) == number + 1
    assert len(airudder.journal(endpoint="task.create")) == 1


def test_the_state_is_put_back_and_goes_on_elsewhere(airudder, airudder_mock, token):
    airudder.snapshot("logged in")
    first = create_task(airudder, token)
    airudder.clock(by="30d")
    airudder.restore("logged in")
    assert create_task(airudder, token) == first
    branch = airudder_mock.namespace(callback_url=airudder.callback_url)
    branch.import_state(airudder.export_state("logged in"))
    # The branch has the credentials of the state, and is independent of it.
    assert create_task(branch, token) == first
    airudder_mock.remove(branch)
    airudder.reset()
    assert call(airudder, "GET", "/service/cloud/list", token=token)[0] == 401
