#!/usr/bin/env python3
"""How long a mock takes to be where it was: after its end, and when it is put back to a snapshot.

    python3 benches/restart.py [--program PATH] [--rows N] [--chats N]

Method: `airudder-mock serve --data-dir DIR` gets tasks of 1,000 rows each and a conversation for each of some numbers, and is left
until nothing is under way, without a callback URL. Then it is killed and started again on the same folder, five times; the
median of the times from the start of the process to its first answer counts, and what is in the folder.
Another mock, without a folder, gets the same. Half of the rows are left to be called, time stands still, and a snapshot is
taken; then, twenty times, a task of 1,000 rows and a conversation begin, and the mock is put back. Each time is that of the
whole exchange over a connection of its own, beside that of a `GET /_mock/ready`. The release build of this tree is measured
unless --program names another.
"""
import argparse
import os
import statistics
import sys
import tempfile
import time

from kill import BUILT, CREDENTIALS, Mock


def resident(mock):
    """Megabytes."""
    with open(f"/proc/{mock.process.pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def fill(mock, first, rows, chats):
    """Tasks and conversations."""
    token = mock.ask("POST", "/service/cloud/auth", CREDENTIALS)["data"]["token"]
    for task in range(first, first + rows, 1000):
        wanted = [{"Mobile": f"+62812{task + row:08}"} for row in range(min(1000, first + rows - task))]
        fields = {"TaskName": f"t{task}", "RobotID": "Welcome call", "Details": wanted}
        mock.ask("POST", "/service/cloud/task", fields, token)
    for chat in range(chats):
        mock.ask("POST", "/_mock/chats", {"write": "hello", "name": f"User {chat}"})


def timed(mock, *call):
    """The milliseconds of an exchange."""
    begun = time.monotonic()
    mock.ask(*call)
    return (time.monotonic() - begun) * 1000


def spread(times):
    return f"{statistics.median(times):.1f} ms ({min(times):.1f} to {max(times):.1f})"


def restarts(args):
    with tempfile.TemporaryDirectory() as folder:
        mock = Mock(args.program, folder, "--speed", "max")
        fill(mock, 0, args.rows, args.chats)
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
    print(f"start {spread(starts)}, {memory:.0f} MB resident; the state is {'the same' if same else 'ANOTHER'}")
    if not same:
        sys.exit(f"{before}\n{after}")


def snapshots(args):
    mock = Mock(args.program, None, "--speed", "max")
    half = args.rows // 2
    fill(mock, 0, half, args.chats)
    mock.ask("POST", "/_mock/settle", {"within": "50s"})
    mock.ask("POST", "/_mock/clock", {"speed": "0"})
    fill(mock, half, args.rows - half, 0)
    nothing = [timed(mock, "GET", "/_mock/ready") for _ in range(20)]
    before, memory = mock.ask("GET", "/_mock/objects"), resident(mock)
    take = timed(mock, "POST", "/_mock/snapshots", {"name": "here"})
    restores = []
    for _ in range(20):
        fill(mock, args.rows, 1000, 1)
        if mock.ask("GET", "/_mock/objects") == before:
            sys.exit("a task was made, and the state is the same")
        restores.append(timed(mock, "POST", "/_mock/snapshots/here/restore", {}))
        if mock.ask("GET", "/_mock/objects") != before:
            sys.exit("the state is another after it was put back")
    after = resident(mock)
    mock.kill()
    print(f"snapshot {take:.1f} ms, put back {spread(restores)}, of that a request by itself {spread(nothing)}; "
          f"{memory:.0f} MB resident before, {after:.0f} MB afterwards")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=BUILT)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--chats", type=int, default=10_000)
    args = parser.parse_args()
    restarts(args)
    snapshots(args)


if __name__ == "__main__":
    main()
