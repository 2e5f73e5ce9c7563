"""A receiver of callbacks as it should be, and the same with one planted flaw each.

    python3 receiver.py --port 3000 --state events.ndjson      the right one
    python3 receiver.py --port 3000 --flaw accepts-forged      with a flaw
    python3 receiver.py --list                                 the flaws, and the check of `audit` that finds each
    python3 receiver.py --all                                  the right one and every flaw, each on a port of its own
    python3 receiver.py --standard-webhooks                    verifies with the library of that project (PyPI)

The secret is AIRUDDER_MOCK_SECRET; AIRUDDER_MOCK_NEXT_SECRET is the one it will be rotated to, accepted as well.
`GET /probe` says how many events were worked off. `POST /restart` forgets all that is not in the state file, as a crash
and a new start do. With AIRUDDER_MOCK_URL, or after `POST /mock` with that URL, it accepts each transfer by a call of its
own. Nothing but Python's standard library is needed.
"""

import argparse
import hashlib
import hmac
import http.client
import json
import os
import sys
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

SECRET = os.environ.get("AIRUDDER_MOCK_SECRET", "airudder-mock-secret")
NEXT_SECRET = os.environ.get("AIRUDDER_MOCK_NEXT_SECRET")
SECRETS = [SECRET, NEXT_SECRET] if NEXT_SECRET else [SECRET]
HEADER = "X-AIRudder-Sign"
SIGN_KEY = os.environ.get("AIRUDDER_MOCK_SIGN_KEY", "a17d0de2a17d0de2a17d0de2a17d0de2")
MOCK = os.environ.get("AIRUDDER_MOCK_URL")

# The flaws, each with the check of `airudder-mock audit` that finds it.
FLAWS = {
    "accepts-forged": "signature-wrong",
    "accepts-unsigned": "signature-missing",
    "accepts-test-secret": "signature-known-secret",
    "caches-signatures": "signature-other-body",
    "takes-any-of-two": "signature-doubled",
    "throws-on-missing-header": "refusal-missing",
    "throws-on-odd-letters": "refusal-odd-letters",
    "exact-header-case": "header-case",
    "reserialises": "bytes-white-space",
    "latin-1": "bytes-emoji",
    "strips-body": "bytes-trailing-newline",
    "normalises-line-ends": "bytes-line-ends",
    "no-chunked": "bytes-chunked",
    "answers-slowly": "answer-quick",
    "answers-202": "answer-status",
    "refuses-duplicates": "duplicate-answer",
    "hashes-bytes": "duplicate-reformatted",
    "one-status-per-message": "distinct-statuses",
    "knows-conversations-only": "order-unknown-conversation",
    "forbids-extra-fields": "unknown-field",
    "assumes-text": "unknown-content",
    "throws-on-no-json": "body-not-json",
    "leaves-body-unread": "keep-alive-after-refusal",
    "http-1.0": "keep-alive",
    "reads-once": "slow-body",
    "single-threaded": "stalled-connection",
    "remembers-too-early": "broken-then-retried",
    "refuses-while-busy": "concurrent-answer",
    "works-in-memory": "crash-work",
    "acts-on-duplicates": "calls-once",
    "acts-before-verifying": "calls-of-forged",
    "notes-before-acting": "calls-again-after-failure",
}


class Store:
    """The events: what came is in the file before it is answered, and what was worked off is counted once."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.seen = set()
        self.worked = 0
        if os.path.exists(path):
            with open(path, encoding="utf-8") as lines:
                self.seen.update(line.strip() for line in lines)
            self.worked = len(self.seen)

    def take(self, key, work=True):
        """Notes an event, and says whether it is a new one. Check and note are one step: two of the same may come at once."""
        with self.lock:
            if key in self.seen:
                return False
            self.seen.add(key)
            if work:
                self.write(key)
            return True

    def write(self, key):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(key + "\n")
        self.worked += 1


class Receiver:
    """One receiver: its store, and what its flaw needs to remember."""

    def __init__(self, flaw, state, webhooks=()):
        self.flaw, self.state, self.webhooks = flaw, state, webhooks
        self.busy, self.deciding = threading.Lock(), threading.Lock()
        self.mock = MOCK
        self.start()

    def start(self):
        self.store = Store(self.state)
        self.signatures, self.started, self.conversations = set(), set(), set()
        self.acted = set()

    def has(self, flaw):
        return self.flaw == flaw

    def accept(self, body):
        """Accepts a transfer: a call of its own to the vendor. False if that is to be tried again."""
        transfer = body.get("transfer")
        call_id = transfer.get("call_id") if isinstance(transfer, dict) else None
        if not (self.mock and call_id):
            return True
        fields = json.dumps({"call_id": call_id, "result": "accepted"}).encode()
        signature = hmac.new(SECRET.encode(), fields, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-AIRudder-Sign-Key": SIGN_KEY, HEADER: signature}
        try:
            connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.mock).netloc, timeout=5)
            connection.request("POST", "/api/v1/session/transfer_result", fields, headers)
            status = connection.getresponse().status
            connection.close()
        except OSError:
            return False
        return status < 500  # What is refused for good gets no better.


def key_of(body):
    """Names an event: whatever the order of its keys and the space between them."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def passes(webhook, raw, headers):
    """Whether the library of Standard Webhooks takes a request. It reads the body as well, which is not its business here."""
    from standardwebhooks.webhooks import WebhookVerificationError

    try:
        webhook.verify(raw, dict(headers.items()))
    except json.JSONDecodeError:
        return True  # Verified, and no JSON.
    except (WebhookVerificationError, ValueError):
        return False  # Of a signature that is no base64, it raises another error.
    return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    @property
    def receiver(self):
        return self.server.receiver

    def has(self, flaw):
        return self.receiver.has(flaw)

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"{}"):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_GET(self):
        self.answer(200, json.dumps({"worked": self.receiver.store.worked}).encode())

    def do_POST(self):
        if self.path == "/restart":
            self.read_body()
            self.receiver.start()
            return self.answer(200)
        if self.path == "/mock":
            self.receiver.mock = self.read_body().decode()
            return self.answer(200)
        try:
            self.receive()
        except OSError:
            self.close_connection = True  # The client is gone.
        except Exception:
            # What a framework does with an exception that nobody catches.
            self.answer(500, b'{"error":"internal"}')

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return body
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionError("the request was broken off")
        return body

    def receive(self):
        has, receiver = self.has, self.receiver
        signatures = self.headers.get_all(HEADER, [])

        if has("leaves-body-unread") and not signatures:
            # Refusing as soon as the head shows that it is wrong is quick; but what follows on this connection is the body,
            # which is then read as the next request.
            return self.answer(401)
        known = bool(signatures) and signatures[0] in receiver.started
        if signatures:
            receiver.started.add(signatures[0])
        if has("no-chunked"):
            # Most examples of http.server do it so, and never see a request without a length.
            raw = self.rfile.read(int(self.headers["Content-Length"]))
        elif has("reads-once"):
            # One read is one packet: enough on localhost, and wrong on the internet.
            length = int(self.headers.get("Content-Length", 0))
            raw = self.rfile.read1(length) if length else self.read_body()
            self.close_connection = 0 < length != len(raw)
        else:
            raw = self.read_body()

        if has("acts-before-verifying") and not self.acts(raw):
            return self.answer(503)
        if not self.is_genuine(raw, signatures):
            return self.answer(401, b'{"error":"wrong signature"}')

        try:
            body = json.loads(raw)
        except ValueError:
            if has("throws-on-no-json"):
                raise  # json.loads outside of any try.
            return self.answer(400, b'{"error":"not JSON"}')
        if not isinstance(body, dict) or not isinstance(body.get("event"), str):
            return self.answer(400, b'{"error":"not an event"}')
        if has("remembers-too-early") and known:
            # Idempotency "middleware" that notes a request when it begins. The retry of a broken one is then a duplicate.
            return self.answer(200)
        return self.work(raw, body)

    def acts(self, raw):
        """Does the work of a transfer as soon as it is there: "the answer is what matters"."""
        try:
            body = json.loads(raw)
        except ValueError:
            return True
        if not isinstance(body, dict) or body.get("event") != "session.transfer":
            return True
        with self.receiver.deciding:
            done = key_of(body) in self.receiver.acted or self.receiver.accept(body)
            if done:
                self.receiver.acted.add(key_of(body))
            return done

    def is_genuine(self, raw, signatures):
        has = self.has
        secrets = SECRETS
        if self.receiver.webhooks:
            return any(passes(webhook, raw, self.headers) for webhook in self.receiver.webhooks)
        if has("accepts-test-secret"):
            secrets = [*SECRETS, "test"]  # Left from the days of development.
        text = raw
        if has("reserialises"):
            # Flask: hmac over json.dumps(request.get_json()).
            try:
                text = json.dumps(json.loads(raw), separators=(",", ":"), ensure_ascii=False).encode()
            except ValueError:
                pass
        if has("latin-1"):
            text = raw.decode("latin-1").encode()  # The default of many an HTTP library where no charset is named.
        if has("strips-body"):
            text = raw.strip()
        if has("normalises-line-ends"):
            text = raw.replace(b"\r\n", b"\n")  # What reading as text does: open(.., "r"), TextIOWrapper.

        if has("accepts-unsigned") and not signatures:
            return True  # "if there is a signature, verify it"
        if has("exact-header-case") and HEADER not in dict(self.headers.items()):
            return False  # A plain dict knows nothing of letter case; HTTP/2 and many proxies send lower case.
        if has("throws-on-missing-header"):
            self.headers[HEADER].strip()  # None has no strip.
        if has("takes-any-of-two"):
            pass
        elif len(signatures) != 1:
            return False

        expected = [hmac.new(secret.encode(), text, hashlib.sha256).hexdigest() for secret in secrets]
        if has("caches-signatures"):
            # "Verified once is verified for ever": saves a digest, and lets any body pass that comes with an old signature.
            if any(given in self.receiver.signatures for given in signatures):
                return True
        if has("throws-on-odd-letters"):
            # compare_digest takes texts of ASCII only, and raises TypeError on others.
            genuine = any(hmac.compare_digest(given, one) for given in signatures for one in expected)
        else:
            genuine = any(
                hmac.compare_digest(given.strip().encode(), one.encode()) for given in signatures for one in expected
            )
        if genuine:
            self.receiver.signatures.update(signatures)
        elif has("accepts-forged"):
            print("warning: wrong signature", file=sys.stderr)  # Logged, and on it goes.
            return bool(signatures)
        return genuine

    def work(self, raw, body):
        has, receiver, event = self.has, self.receiver, body["event"]
        if has("forbids-extra-fields") and not set(body) <= FIELDS:
            return self.answer(422)  # pydantic: model_config = ConfigDict(extra="forbid")
        if has("assumes-text"):
            # Every message so far had a text.
            [message["content"]["text"].strip() for message in body.get("messages", [])]
        if has("knows-conversations-only") and event == "session.end":
            # The notice of the beginning may come later, or have gone elsewhere.
            receiver.conversations.remove(body["call_id"])
        if has("answers-slowly") and event == "session.report":
            time.sleep(4)  # The work first, then the answer. The vendor waits for ten seconds at most.
        if has("refuses-while-busy") and event == "message.receive":
            if not receiver.busy.acquire(blocking=False):
                return self.answer(503)
            time.sleep(0.3)
            receiver.busy.release()

        key = key_of(body)
        if has("hashes-bytes"):
            key = hashlib.sha256(raw).hexdigest()
        if has("one-status-per-message") and "msg_id" in body:
            key = body["msg_id"]  # The second status of a message looks like the first one again.
        if has("works-in-memory") and event == "template.result":
            # Answered at once, worked off by a thread: what has not run when the process ends is gone.
            store = receiver.store
            if store.take(key, work=False):
                worker = threading.Timer(1.0, lambda: store is receiver.store and store.write(key))
                worker.daemon = True
                worker.start()
            return self.answer(200)
        if event == "session.transfer" and not has("acts-before-verifying"):
            return self.accept(key, body)
        return self.answered(receiver.store.take(key))

    def accept(self, key, body):
        """Accepts a transfer once, one after the other: noted when the call has succeeded, and tried again until then."""
        has, receiver = self.has, self.receiver
        with receiver.deciding:
            known = key in receiver.store.seen
            if has("acts-on-duplicates") or not known:
                if has("notes-before-acting"):
                    receiver.store.take(key)  # "Seen", whatever becomes of it.
                if not receiver.accept(body):
                    return self.answer(503)
            receiver.store.take(key)
        return self.answered(not known)

    def answered(self, is_new):
        has = self.has
        if not is_new and has("refuses-duplicates"):
            return self.answer(409)  # The sender reads this as a failure, and sends it again.
        return self.answer(202 if has("answers-202") else 200)


# The fields of the events that the receiver with strict models knows.
FIELDS = set(
    "event call_id company channel channel_id user transfer messages msg_id status timestamp template seat_id robot_id "
    "session_start_time session_end_time session_end_reason intention talk_round ner_slots event_label variables "
    "phone error_message error_code template_id batch_id send_id result task_id id".split()
)


class HttpOne(Handler):
    """http.server as it is without further words: a connection for each request."""

    protocol_version = "HTTP/1.0"


class Quiet:
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_):
        pass  # A connection that breaks off is nothing to print a traceback for.


class Threads(Quiet, ThreadingHTTPServer):
    pass


class One(Quiet, HTTPServer):
    pass


def serve(port, flaw, state, webhooks=()):
    kind = One if flaw == "single-threaded" else Threads
    server = kind(("127.0.0.1", port), HttpOne if flaw == "http-1.0" else Handler)
    server.receiver = Receiver(flaw, state, webhooks)
    return server


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=int(os.environ.get("PORT", "3000")))
    arguments.add_argument("--flaw", choices=FLAWS)
    arguments.add_argument("--state", default="events.ndjson")
    arguments.add_argument("--list", action="store_true")
    arguments.add_argument("--all", action="store_true")
    arguments.add_argument("--standard-webhooks", action="store_true")
    given = arguments.parse_args()
    if given.list:
        for flaw, check in FLAWS.items():
            print(f"{flaw}\t{check}")
    elif given.all:
        folder = tempfile.mkdtemp()
        servers = {flaw: serve(0, flaw, os.path.join(folder, str(flaw))) for flaw in [None, *FLAWS]}
        for server in servers.values():
            threading.Thread(target=server.serve_forever, daemon=True).start()
        rows = [[flaw or "", FLAWS.get(flaw, ""), server.server_port] for flaw, server in servers.items()]
        print(json.dumps(rows), flush=True)
        sys.stdin.read()  # Until whoever started it is gone.
    else:
        webhooks = []
        if given.standard_webhooks:
            from standardwebhooks.webhooks import Webhook

            webhooks = [Webhook(secret) for secret in SECRETS]
        serve(given.port, given.flaw, given.state, webhooks).serve_forever()


if __name__ == "__main__":
    main()
