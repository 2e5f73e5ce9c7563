#!/usr/bin/env python3
"""What a conversation costs: memory and CPU of the mock by the number of numbers that campaigns were sent to.

    python3 benches/sessions.py [--with-receiver] [--talking] [NUMBERS ...]

Method: release build; a fresh `airudder-mock serve --speed max` for each size; template messages to 10,000 numbers a
call, each number another one, variables of the templates made up; then waiting until nothing is under way: about a
third of the users have replied and talked with the bot. Memory is the resident set of the mock's process at the end,
less what it was before the first call, and its peak; CPU is user and system of the whole process, both from /proc
(Linux). With --with-receiver the callbacks go to `airudder-mock receive`, a process of its own that is not counted.
With --talking every user replies and asks for a person, so that every conversation stays open. Messages are counted
over a sample of the conversations.
"""
import json
import subprocess
import sys
import tempfile
import time

from rows import Mock, ROOT, receiver

A_CALL = 10_000
SAMPLE = 100


def recipient(number, talking):
    number = "+6281%08d" % number
    return {"number": number, "mock_outcome": "wa_agent"} if talking else number


def measure(count, with_receiver, talking):
    with tempfile.TemporaryDirectory() as folder:
        listener, url = receiver() if with_receiver else (None, None)
        mock = Mock(folder, url)
        try:
            start, before, cpu = time.time(), mock.memory("VmRSS"), mock.cpu()
            for first in range(0, count, A_CALL):
                to = [recipient(number, talking) for number in range(first, min(first + A_CALL, count))]
                body = json.dumps({"template_id": 35, "to": to}).encode()
                task = mock.call("/api/v1/template/send", body)["data"]
                assert task["accepted"] == len(to), f"{task['accepted']} of {len(to)} accepted"
                while mock.call("/_mock/state")["busy"]:
                    time.sleep(0.02)
            wall, cpu = time.time() - start, mock.cpu() - cpu
            resident, peak = mock.memory("VmRSS"), mock.memory("VmHWM")
            said = 0
            asked = json.dumps({"task_id": task["task_id"], "size": SAMPLE}).encode()
            page = mock.call("/api/v1/template/result", asked)
            for row in page["data"]["list"]:
                asked = json.dumps({"call_id": row["call_id"], "size": 200}).encode()
                said += len(mock.call("/api/v1/session/messages", asked)["data"])
            print(
                f"| {count:,} | {wall:.1f} s | {cpu / count * 1e6:.0f} us | {(resident - before) / count:,.0f} bytes | "
                f"{resident / 2**20:.0f} MB | {peak / 2**20:.0f} MB | {said / SAMPLE:.1f} |",
                flush=True,
            )
        finally:
            mock.process.kill()
            if listener:
                listener.kill()


def main():
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    sizes = [int(arg) for arg in sys.argv[1:] if arg.isdigit()] or [10_000, 50_000, 100_000]
    print(__doc__.split("Method: ")[1].strip() + "\n")
    print("| numbers | wall | CPU per number | memory per number | resident | peak | messages of a conversation |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for count in sizes:
        measure(count, "--with-receiver" in sys.argv, "--talking" in sys.argv)


if __name__ == "__main__":
    main()
