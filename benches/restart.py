#!/usr/bin/env python3
"""How long a mock takes to be where it was: from the start of the process to its first answer.

    python3 benches/restart.py [--program PATH] [--rows N] [--chats N]

Method: `airudder-mock serve --data-dir DIR` gets tasks of 1,000 rows each and a conversation for each of some numbers, and is left
until nothing is under way, without a callback URL. Then it is killed and started again on the same folder, five times; the
median of the times counts, and what is in the folder. The release build of this tree is measured unless --program names another.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILT = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "airudder-mock")
CREDENTIALS = {"APPKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001"}


class Mock:
    def __init__(self, program, folder, *flags):
        begun = time.monotonic()
        command = [program, "serve", "--quiet", "--listen", "127.0.0.1:0", "--data-dir", folder, *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the mock did not start: exit code {self.process.wait()}")
        self.base = line.strip()
        self.ask("/_mock/ready")
        self.start = time.monotonic() - begun

    def ask(self, path, fields=None, token=None):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Token {token}"} if token else {})}
        body = None if fields is None else json.dumps(fields).encode()
        return json.load(urllib.request.urlopen(urllib.request.Request(self.base + path, body, headers), timeout=600))

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))

    def kill(self):
        self.process.kill()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=BUILT)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--chats", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mock = Mock(args.program, folder, "--speed", "max")
        token = mock.ask("/service/cloud/auth", CREDENTIALS)["data"]["token"]
        for task in range(0, args.rows, 1000):
            rows = [{"Mobile": f"+62812{task + row:08}"} for row in range(min(1000, args.rows - task))]
            fields = {"TaskName": f"t{task}", "RobotID": "Welcome call", "Details": rows}
            mock.ask("/service/cloud/task", fields, token)
        for chat in range(args.chats):
            mock.ask("/_mock/chats", {"write": "hello", "name": f"User {chat}"})
        mock.ask("/_mock/settle", {"within": "120s"})
        before = mock.ask("/_mock/state")
        mock.kill()
        size = os.path.getsize(os.path.join(folder, "inputs.ndjson"))
        with open(os.path.join(folder, "inputs.ndjson")) as file:
            inputs = sum(1 for _ in file)
        starts = []
        for _ in range(5):
            mock = Mock(args.program, folder, "--speed", "max")
            starts.append(mock.start * 1000)
            after, memory = mock.ask("/_mock/state"), mock.memory()
            mock.kill()
    same = all(before[key] == after[key] for key in before if isinstance(before[key], (int, list)))
    print(f"{args.rows} rows, {args.chats} conversations: {inputs} inputs, {size / 1e6:.1f} MB in the folder")
    print(f"start {statistics.median(starts):.0f} ms ({min(starts):.0f} to {max(starts):.0f}), {memory:.0f} MB resident; "
          f"the state is {'the same' if same else 'ANOTHER'}")
    if not same:
        sys.exit(f"{before}\n{after}")


if __name__ == "__main__":
    main()
