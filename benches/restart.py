#!/usr/bin/env python3
"""How long a mock takes to be where it was: from the start of the process to its first answer.

    python3 benches/restart.py [--program PATH] [--rows N] [--chats N]

Method: `airudder-mock serve --data-dir DIR` gets tasks of 1,000 rows each and a conversation for each of some numbers, and is left
until nothing is under way, without a callback URL. Then it is killed and started again on the same folder, five times; the
median of the times counts, and what is in the folder. The release build of this tree is measured unless --program names another.
"""
import argparse
import os
import statistics
import sys
import tempfile

from kill import BUILT, CREDENTIALS, Mock


def resident(mock):
    """Megabytes."""
    with open(f"/proc/{mock.process.pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=BUILT)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--chats", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mock = Mock(args.program, folder, "--speed", "max")
        token = mock.ask("POST", "/service/cloud/auth", CREDENTIALS)["data"]["token"]
        for task in range(0, args.rows, 1000):
            rows = [{"Mobile": f"+62812{task + row:08}"} for row in range(min(1000, args.rows - task))]
            fields = {"TaskName": f"t{task}", "RobotID": "Welcome call", "Details": rows}
            mock.ask("POST", "/service/cloud/task", fields, token)
        for chat in range(args.chats):
            mock.ask("POST", "/_mock/chats", {"write": "hello", "name": f"User {chat}"})
        mock.ask("POST", "/_mock/settle", {"within": "50s"})
        before = mock.ask("GET", "/_mock/state")
        mock.kill()
        size = os.path.getsize(os.path.join(folder, "inputs.ndjson"))
        with open(os.path.join(folder, "inputs.ndjson")) as file:
            inputs = sum(1 for _ in file)
        starts = []
        for _ in range(5):
            mock = Mock(args.program, folder, "--speed", "max")
            starts.append(mock.start * 1000)
            after, memory = mock.ask("GET", "/_mock/state"), resident(mock)
            mock.kill()
    same = all(before[key] == after[key] for key in before if isinstance(before[key], (int, list)))
    print(f"{args.rows} rows, {args.chats} conversations: {inputs} inputs, {size / 1e6:.1f} MB in the folder")
    print(f"start {statistics.median(starts):.0f} ms ({min(starts):.0f} to {max(starts):.0f}), {memory:.0f} MB resident; "
          f"the state is {'the same' if same else 'ANOTHER'}")
    if not same:
        sys.exit(f"{before}\n{after}")


if __name__ == "__main__":
    main()
