"""A receiver for the examples: a few lines of the standard library."""

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Receiver:
    """Takes callbacks and remembers them with whether their signature is right."""

    def __init__(self):
        receiver = self
        self.callbacks = []
        self.secret = None

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sign = self.headers.get("X-AIRudder-Sign")
                secret = (receiver.secret or "").encode()
                right = sign == hmac.new(secret, body, hashlib.sha256).hexdigest()
                receiver.callbacks.append((json.loads(body), right))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def airudder_options(receiver):
    return {"callback_url": receiver.url}
