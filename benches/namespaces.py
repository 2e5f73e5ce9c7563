#!/usr/bin/env python3
"""Memory of the mock before and after 500 parallel tests, each with a namespace of its own.

    python3 benches/namespaces.py [--program PATH] [--tests N] [--rounds N] [--idle]

Method: one `airudder-mock serve --quiet --seed 1` on loopback. In a round all tests run at once, each in a thread and over
one connection of its own. A test creates a namespace with a clock that stands still, fetches a token, lists the robots,
creates a task of 20 numbers, begins a chat with the bot, sends a callback by hand and waits until it is delivered, moves
the clock by 25 hours, waits until nothing is under way, and reads journal, objects and tasks. When all tests have done
this, each removes its namespace and closes its connection. With --idle a test only creates the namespace and removes it.
The callbacks go to `airudder-mock receive`, which is not counted. Memory is from /proc (Linux), in MB: `RssAnon` is what the
process has allocated, `VmRSS` also includes the parts of the program and its libraries that were read so far. "Before" is
after 5 such tests, removed, so that what any test needs has been read; "started" is before them. "After" is two seconds
after the last test: the mock returns freed memory when nothing has been freed for half a second.
The release build of this tree is measured unless --program names another.
"""
import argparse
import http.client
import json
import subprocess
import threading
import time

import rows

KINDS = ["RssAnon", "RssFile", "VmRSS"]


def memory(pid):
    """MB by kind."""
    with open(f"/proc/{pid}/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return {kind: int(lines[kind].split()[0]) / 1024 for kind in KINDS}


class Test(threading.Thread):
    """A test with a namespace of its own."""

    def __init__(self, mock, number, meet, idle):
        super().__init__()
        self.mock, self.name, self.meet, self.idle, self.error = mock, f"test-{number}", meet, idle, None

    def ask(self, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = "Token " + token
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status < 300, f"{method} {path}: {answer.status} {text[:300]}"
        return json.loads(text)

    def run(self):
        try:
            self.connection = http.client.HTTPConnection(self.mock.host, timeout=300)
            self.live()
        except Exception as error:
            self.error = error
            self.meet.abort()
        finally:
            self.connection.close()

    def live(self):
        made = self.ask("POST", "/_mock/namespaces", {"name": self.name, "speed": "0"})
        if not self.idle:
            self.work(made, f"/_ns/{self.name}")
        self.meet.wait()
        self.ask("DELETE", "/_mock/namespaces/" + self.name)

    def work(self, made, base):
        credentials = {"APPKey": made["app_key"], "APPSecret": made["app_secret"]}
        token = self.ask("POST", base + "/service/cloud/auth", credentials)["data"]["token"]
        self.ask("GET", base + "/service/cloud/robot", token=token)
        called = [{"Mobile": f"+62811123{number:05}", "LoanAmount": 9, "LoanDate": "2029-12-15"} for number in range(20)]
        task = {"TaskName": self.name, "RobotID": "Payment reminder", "Details": called}
        self.ask("POST", base + "/service/cloud/task", task, token)
        chat = self.ask("POST", base + "/_mock/chats", {"write": "hello"})
        self.ask("POST", base + "/_mock/user", {"conversation": chat["conversation"], "write": "Where is my order?"})
        self.ask("POST", base + "/_mock/emit", {"event": "session.transfer"})
        self.ask("POST", base + "/_mock/wait", {"callback": "session.transfer", "within": "60s"})
        self.ask("POST", base + "/_mock/clock", {"by": "25h", "within": "200s"})
        self.ask("POST", base + "/_mock/settle", {"advance": True, "within": "200s"})
        self.ask("GET", base + "/_mock/journal?limit=100")
        self.ask("GET", base + "/_mock/objects")
        token = self.ask("POST", base + "/service/cloud/auth", credentials)["data"]["token"]
        self.ask("GET", base + "/service/cloud/list", token=token)


class Mock:
    def __init__(self, program, callback_url):
        command = [program, "serve", "--listen", "127.0.0.1:0", "--quiet", "--seed", "1", "--callback-url", callback_url]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.host = self.process.stdout.readline().strip().removeprefix("http://")
        connection = http.client.HTTPConnection(self.host)
        connection.request("GET", "/_mock/ready")
        assert connection.getresponse().status == 200
        connection.close()

    def round(self, count, idle):
        most = {}

        def look():
            most.update(memory(self.process.pid))

        meet = threading.Barrier(count, action=look)
        tests = [Test(self, number, meet, idle) for number in range(count)]
        for test in tests:
            test.start()
        for test in tests:
            test.join()
        errors = [test.error for test in tests if test.error and not isinstance(test.error, threading.BrokenBarrierError)]
        assert not errors, errors[:3]
        time.sleep(2)
        return most


def row(name, figures, base=None):
    cells = [f"{figures[kind]:.1f}" for kind in KINDS]
    more = ["", ""] if base is None else [f"{(figures[kind] / base[kind] - 1) * 100:+.0f} %" for kind in ("RssAnon", "VmRSS")]
    print(f"| {name} | {' | '.join(cells + more)} |", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--program")
    options.add_argument("--tests", type=int, default=500)
    options.add_argument("--rounds", type=int, default=4)
    options.add_argument("--idle", action="store_true")
    options = options.parse_args()
    if not options.program:
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=rows.ROOT, check=True)
    rows.PROGRAM = options.program or rows.PROGRAM
    print(__doc__.split("Method: ")[1].strip() + "\n")
    print("| MB | RssAnon | RssFile | VmRSS | RssAnon, to before | VmRSS, to before |\n| --- | --- | --- | --- | --- | --- |")
    listener, url = rows.receiver()
    mock = Mock(rows.PROGRAM, url)
    try:
        measure(mock, options)
    finally:
        mock.process.kill()
        listener.kill()


def measure(mock, options):
    row("started", memory(mock.process.pid))
    mock.round(5, options.idle)
    before = memory(mock.process.pid)
    row("before", before)
    for number in range(1, options.rounds + 1):
        start = time.time()
        row(f"round {number}: all {options.tests} at once", mock.round(options.tests, options.idle))
        row(f"round {number}: after ({time.time() - start:.1f} s)", memory(mock.process.pid), before)


if __name__ == "__main__":
    main()
