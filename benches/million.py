#!/usr/bin/env python3
"""What a mock's memory does over a million requests and their callbacks, and what its journal costs a request.

    python3 benches/million.py [--program PATH] [--requests N] [--rounds N] [flat] [journal]

Method: release build (--program names another one), `airudder-mock serve --quiet --seed 7` on loopback, this process as
the client.

    flat      text messages (`sms.send`), 20 at a time over each of 8 kept-alive connections; each causes a callback, which
              `airudder-mock receive` in a process of its own takes. The client waits while more than 20,000 callbacks are
              open. Memory is the resident set (`VmRSS`, from /proc) at every tenth of the requests. What is finished is
              kept up to 20,000 rows; the journal has its usual limits
    journal   a mock that keeps its journal and one with `journal_entries = 0`, in turns, the order changing from round to
              round: 100,000 requests each, first of a small list (`robot.list`), then with a body of 1 KB (`sms.send`,
              without a callback URL). Nobody reads the journal. CPU is that of the whole process in nanoseconds, from
              /proc/PID/task/*/schedstat. One round warms up; then the medians count, and the median of the differences of
              the rounds, with its quartiles
"""
import argparse
import asyncio
import glob
import json
import statistics
import subprocess
import time

from solid import BUILT, CREDENTIALS, Mock

CONNECTIONS = 8
AT_ONCE = 20
A_ROUND = 100_000
MOST_OPEN = 20_000


def cpu(mock):
    """Microseconds of CPU of the whole process so far."""
    nanoseconds = 0
    for name in glob.glob(f"/proc/{mock.process.pid}/task/*/schedstat"):
        with open(name) as file:
            nanoseconds += int(file.read().split()[0])
    return nanoseconds / 1000


async def token(mock):
    _, answer = await mock.ask("/service/cloud/auth", CREDENTIALS)
    return json.loads(answer)["data"]["token"]


def request(mock, token, method, path, body=None):
    body = b"" if body is None else json.dumps(body).encode()
    head = (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{mock.port}\r\nAuthorization: Token {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


async def send(mock, requests, count):
    """So many requests, in turn. Each is answered 200."""
    async def client(count, first):
        reader, writer = await mock.connect()
        sent = 0
        while sent < count:
            some = min(AT_ONCE, count - sent)
            at = [requests[(first + sent + one) % len(requests)] for one in range(some)]
            writer.write(b"".join(at))
            for _ in range(some):
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 "), head
                length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
            sent += some
        writer.close()

    share = count // CONNECTIONS
    await asyncio.gather(*(client(share, number * share) for number in range(CONNECTIONS)))


def receiver(program):
    """A process that receives callbacks, and its URL."""
    process = subprocess.Popen([program, "receive", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().split()[-1]
    # Nobody reads what it prints for each callback, but the pipe must not fill.
    subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
    return process, url


async def flat(options):
    taking, url = receiver(options.program)
    settings = "limits = { kept_rows = 20000, kept_conversations = 5000 }\n"
    mock = Mock(options.program, settings, "--callback-url", url, "--speed", "60")
    texts = [{"to": [f"+62811{number:08}"], "message": "Your parcel has come.", "from": "A", "callbackUrl": url} for number in range(1000)]
    begun, memory = time.monotonic(), [mock.memory("VmRSS")]
    key, since = await token(mock), time.monotonic()

    async def opened():
        sums = (await mock.state())["callbacks"]
        return sums["pending"] + sums["in_flight"] + sums["waiting"], sums

    for _ in range(10):
        for _ in range(10):
            # Tokens live a day of the mock's time, which is 24 minutes here.
            if time.monotonic() - since > 600:
                key, since = await token(mock), time.monotonic()
            requests = [request(mock, key, "POST", "/service/sms/message/v2/send", text) for text in texts]
            await send(mock, requests, options.requests // 100)
            while (await opened())[0] > MOST_OPEN:
                await asyncio.sleep(0.05)
        memory.append(mock.memory("VmRSS"))
    while (open_sums := await opened())[0] or (await mock.state())["busy"]:
        await asyncio.sleep(0.1)
    sums, took = open_sums[1], time.monotonic() - begun
    assert sums["queued"] == sums["delivered"] + sums["failed"] + sums["dropped"], sums
    print("| requests | callbacks delivered | failed | seconds | MB at the start | MB at each tenth | MB at the end | peak MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    print(f"| {options.requests // 100 // CONNECTIONS * CONNECTIONS * 100:,} | {sums['delivered']:,} | {sums['failed']:,} | {took:.0f} | {memory[0]:.0f} | "
          f"{', '.join(f'{one:.0f}' for one in memory[1:])} | {mock.memory('VmRSS'):.0f} | {mock.memory():.0f} |\n", flush=True)
    mock.end()
    taking.kill()


async def journal(options):
    mocks = {"kept": Mock(options.program), "none": Mock(options.program, "limits = { journal_entries = 0 }\n")}
    keys = {name: await token(mock) for name, mock in mocks.items()}
    text = {"to": ["+6281112345678"], "message": "x" * 900, "from": "A"}
    print("| request | journal kept | none | difference | quartiles of the difference |")
    print("| --- | --- | --- | --- | --- |")
    for name, method, path, body in [("robot.list", "GET", "/service/cloud/robot", None),
                                     ("sms.send, 1 KB", "POST", "/service/sms/message/v2/send", text)]:
        costs = {"kept": [], "none": []}
        for number in range(options.rounds + 1):
            for kind in sorted(mocks, reverse=number % 2 == 1):
                mock = mocks[kind]
                before = cpu(mock)
                await send(mock, [request(mock, keys[kind], method, path, body)], A_ROUND)
                if number > 0:
                    costs[kind].append((cpu(mock) - before) / A_ROUND)
        differences = sorted(kept - none for kept, none in zip(costs["kept"], costs["none"]))
        quartiles = statistics.quantiles(differences, n=4)
        kept, none = (statistics.median(costs[kind]) for kind in ("kept", "none"))
        print(f"| {name} | {kept:.2f} us | {none:.2f} us | {statistics.median(differences):.2f} us | "
              f"{quartiles[0]:.2f} to {quartiles[2]:.2f} us |", flush=True)
    for mock in mocks.values():
        mock.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=BUILT)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("parts", nargs="*", choices=[[], "flat", "journal"], metavar="PART")
    options = parser.parse_args()
    print(f"{options.program}\n" + __doc__.split("Method: ")[1] + "\n")
    for part in options.parts or ["flat", "journal"]:
        asyncio.run({"flat": flat, "journal": journal}[part](options))


if __name__ == "__main__":
    main()
