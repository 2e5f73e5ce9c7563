#!/usr/bin/env python3
"""Ends the mock with kill -9 again and again while it works, and compares the ledgers.

    python3 benches/kill.py [--program PATH] [--kills N] [--seed N]

Method: `airudder-mock serve --data-dir DIR --speed 60` is started, and a client creates a task of three numbers and a
conversation every 20 ms, while a receiver in this process takes the callbacks (every tenth is refused once with 500). After 20
to 400 ms the process is killed with SIGKILL and started again on the same folder, N times; the client goes on with the token of
the first life. At the end an hour of the mock's time passes, so that calls and retries come to their end, and

    lost      tasks and chats that were answered and are not there, and callbacks that the mock counts as delivered and the receiver
              never had
    doubled   callbacks that the receiver answered with 200 more than once, beyond one for each attempt that was under way at a kill
    again     ids of tasks that were given twice
    start     from the start of the process to its first answer, with what is then in the folder

are counted; all but the last have to be 0. The release build of this tree is measured unless --program names another.
"""
import argparse
import collections
import http.client
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILT = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "airudder-mock")
CREDENTIALS = {"APPKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001"}


class Receiver(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        self.taken = collections.Counter()
        self.refused = set()
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Take)

    def handle_error(self, request, client_address):
        # A client that was killed leaves its connections broken: that is what is tried here.
        pass

    def take(self, body):
        with self.lock:
            if zlib.crc32(body) % 10 == 0 and body not in self.refused:
                self.refused.add(body)
                return 500
            self.taken[body] += 1
            return 200


class Take(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.take(body)
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Mock:
    def __init__(self, program, folder, *flags):
        begun = time.monotonic()
        command = [program, "serve", "--quiet", "--listen", "127.0.0.1:0", *flags]
        if folder:
            command += ["--data-dir", folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the mock did not start: exit code {self.process.wait()}")
        self.port = int(line.rsplit(":", 1)[1])
        self.ask("GET", "/_mock/ready")
        self.start = time.monotonic() - begun

    def ask(self, method, path, fields=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Token {token}"
        connection.request(method, path, json.dumps(fields) if fields is not None else None, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {answer}")
        return answer

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=BUILT)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    flags = ["--callback-url", f"http://127.0.0.1:{receiver.server_address[1]}/hook", "--speed", "60"]
    tasks, chats, under_way = [], [], 0
    open_attempts, read = set(), 0
    with tempfile.TemporaryDirectory() as folder:
        inputs = os.path.join(folder, "inputs.ndjson")
        mock = Mock(args.program, folder, *flags)
        token = mock.ask("POST", "/service/cloud/auth", CREDENTIALS)["data"]["token"]
        for life in range(args.kills):
            running = threading.Event()
            running.set()

            def work(mock=mock, life=life):
                while running.is_set():
                    try:
                        fields = {"TaskName": f"t{life}-{len(tasks)}", "RobotID": "Welcome call",
                                  "Details": [{"Mobile": f"+62811{n:05}9001"} for n in range(3)]}
                        tasks.append(mock.ask("POST", "/service/cloud/task", fields, token)["data"]["TaskID"])
                        chats.append(mock.ask("POST", "/_mock/chats", {"write": "hello"})["conversation"])
                        time.sleep(0.02)
                    except (OSError, http.client.HTTPException, ValueError):
                        return

            client = threading.Thread(target=work)
            client.start()
            time.sleep(chance.uniform(0.02, 0.4))
            mock.kill()
            running.clear()
            client.join()
            # Attempts that have no end in the file are made once more.
            with open(inputs, "rb") as file:
                file.seek(read)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    read += len(line)
                    given = json.loads(line)
                    if given.get("attempt") is not None:
                        open_attempts.add(given["attempt"])
                    elif "result" in given:
                        open_attempts.discard(given["result"]["callback"])
            under_way += len(open_attempts)
            mock = Mock(args.program, folder, *flags)
        start, size = mock.start, os.path.getsize(inputs)
        # Calls and retries come to their end; conversations go on for a day.
        mock.ask("POST", "/_mock/clock", {"by": "1h", "within": "50s"})
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            totals = mock.ask("GET", "/_mock/state")["callbacks"]
            if totals["pending"] + totals["in_flight"] + totals["waiting"] == 0:
                break
            time.sleep(0.2)
        listed, page = set(), 1
        while True:
            found = mock.ask("GET", f"/service/cloud/list?Page={page}&Number=1000", token=token)["data"]
            new = {row["TaskID"] for row in found["list"]} - listed
            if not new:
                break
            listed |= new
            page += 1
        gone = 0
        for chat in chats:
            try:
                mock.ask("POST", "/_mock/user", {"conversation": chat, "fall_silent": True})
            except RuntimeError as error:
                gone += "404" in str(error)
        totals = mock.ask("GET", "/_mock/state")["callbacks"]
        mock.kill()
    doubled = sum(times - 1 for times in receiver.taken.values())
    lost = len(set(tasks) - listed) + gone + max(0, totals["delivered"] - len(receiver.taken))
    again = len(tasks) - len(set(tasks))
    print(f"{args.kills} kills, {len(tasks)} tasks, {len(chats)} chats, {totals['delivered']} callbacks delivered, "
          f"{size / 1e6:.1f} MB in the folder")
    print(f"lost {lost}   doubled {max(0, doubled - under_way)} (came twice {doubled}, under way at a kill {under_way})   "
          f"again {again}   start {start * 1000:.0f} ms")
    if lost or again or doubled > under_way:
        sys.exit(1)


if __name__ == "__main__":
    main()
