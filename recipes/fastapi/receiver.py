"""A receiver of AI Rudder's callbacks with FastAPI: `pip install -r requirements.txt`, then `python3 receiver.py`

It verifies signatures over the raw bytes, processes each event once, and responds before it works. When a user asks
for a person, it accepts the conversation.
"""

import hashlib
import hmac
import json
import os
import time
import urllib.request
from pathlib import Path

import uvicorn
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

PORT = int(os.getenv("PORT", "3000"))
AIRUDDER = os.getenv("AIRUDDER_MOCK_URL", "http://127.0.0.1:2478")
KEY = os.getenv("AIRUDDER_MOCK_SIGN_KEY", "a17d0de2a17d0de2a17d0de2a17d0de2")  # names the secret
SECRET = os.getenv("AIRUDDER_MOCK_SECRET", "airudder-mock-secret")
SECRETS = [SECRET, os.getenv("AIRUDDER_MOCK_NEXT_SECRET", SECRET)]  # both valid while the secret is rotated
EVENTS = Path(os.getenv("EVENTS", "events"))  # in your code: a table with a unique key
EVENTS.mkdir(parents=True, exist_ok=True)
app = FastAPI()


def sign(raw, secret):
    return hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def is_genuine(raw, given):
    given = given.encode(errors="replace")  # compare_digest accepts only ASCII in a text
    return any(hmac.compare_digest(sign(raw, secret).encode(), given) for secret in SECRETS)


def parsed(raw):
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def is_notice(event):
    """The vendor does not sign callbacks of calls, tasks, workflows, the dialer and SMS, so anyone can send one. Chatbot
    callbacks are signed, and name their event; so is the end of a chat in a workflow."""
    return isinstance(event, dict) and not {"event", "session_end_reason"} & event.keys()


def take(event):
    """Stores an event, and says whether it is new: the vendor repeats a callback without a timely response."""
    key = hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()
    try:
        with open(EVENTS / key, "x", encoding="utf-8") as file:  # check and record in one step: two may arrive at once
            json.dump(event, file)
        return True
    except FileExistsError:
        return False


def work(event):
    """Runs after the response, which does not wait for it."""
    transfer = event.get("transfer")
    if event.get("event") != "session.transfer" or not isinstance(transfer, dict) or not transfer.get("call_id"):
        return
    body = json.dumps({"call_id": transfer["call_id"], "result": "accepted"}).encode()
    headers = {"Content-Type": "application/json", "X-AIRudder-Sign-Key": KEY, "X-AIRudder-Sign": sign(body, SECRET)}
    url = AIRUDDER + "/api/v1/session/transfer_result"
    for pause in (0.5, 1, None):  # the vendor may be down for a moment; a refusal is final
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as response:
                return print("accepted", transfer["call_id"], response.status, flush=True)
        except OSError as error:
            print("not accepted", transfer["call_id"], error, flush=True)
            if pause is None or getattr(error, "code", 500) < 500:
                return
        time.sleep(pause)


@app.post("/callbacks")
async def hook(request: Request, behind: BackgroundTasks):
    try:
        raw = await request.body()  # the raw bytes, before any parser: no Pydantic model as a parameter
    except ClientDisconnect:
        return JSONResponse({"error": "the request broke off"}, 400)
    given = ", ".join(request.headers.getlist("X-AIRudder-Sign"))  # two signatures are never right
    event = parsed(raw)
    if not is_genuine(raw, given) and (given or not is_notice(event)):
        return JSONResponse({"error": "wrong signature"}, 401)
    if not isinstance(event, dict):
        return JSONResponse({"error": "not an event"}, 400)
    if take(event):
        behind.add_task(work, event)
    return {}


@app.get("/probe")
def probe():  # how many events were accepted, for `airudder-mock audit --probe`
    return {"worked": len(os.listdir(EVENTS))}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
