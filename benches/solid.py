#!/usr/bin/env python3
"""What hostile and heavy traffic costs: the mock's memory, and how long a bystander waits meanwhile.

    python3 benches/solid.py [--program PATH] [--minutes N] [SCENARIO ...]

Method: each scenario starts a fresh `airudder-mock serve --quiet --seed 7` on loopback and does one thing to it. Meanwhile
the bystander asks for `GET /_mock/state` every 50 ms, each time over a connection of its own, and notes how long the
whole exchange took, connecting included; a request that takes longer than 30 s counts as 30 s. Memory is the resident
peak of the process (`VmHWM`), from /proc (Linux). The clients, the bystander and the receiver share one Python process,
so that part of a long wait may be its own: the column `idle` is the longest wait in the second before the scenario
begins. The release build of this tree is measured unless --program names another.

    campaign     200,000 template messages in 20 requests, 120 times real time, the webhook down; then it is up
    json         one JSON body of 64 MB: small values to the endpoint for tokens, to that for tasks without a token and with
                 one, and a million rows with one; status, memory and longest wait of each
    slow-bodies  1,100 clients that announce a body of 1,000 bytes and send one byte a second
    slow-heads   1,100 clients that send one byte of a request's head a second
    slow-faults  1,030 requests to an endpoint that waits a minute on purpose; their clients go at once
    recordings   250 clients that ask for a recording of ten minutes and read nothing
    unfinished   24 clients that send 60 MB of a body and then nothing more
    soak         tasks, conversations and text messages, a thousand requests and 800 callbacks a second, for --minutes (15);
                 what is finished is kept up to 20,000 rows and 5,000 conversations, which end after a minute of silence
    faults       1,000 callbacks a second, each of 21 faults hitting 1 of 100 (of one group the first that hits), to a receiver
                 that answers 503 to every fifth request at random and hangs up on every hundredth, for --minutes. Four times a
                 second the sums are added up: all = delivered + failed + dropped on purpose + unfinished. At the end,
                 when nothing is unfinished, delivered is what the receiver accepted; faults that throw its answer away
                 are not among the 21, for there it knows more than the mock
"""
import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILT = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "airudder-mock")
CREDENTIALS = {"APPKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001"}
LONGEST = 30.0


class Mock:
    """A mock in a process of its own, and the bystander beside it."""

    def __init__(self, program, settings="", *flags):
        self.folder = tempfile.TemporaryDirectory()
        config = os.path.join(self.folder.name, "settings.toml")
        with open(config, "w") as file:
            file.write(settings)
        command = [program, "--config", config, "serve", "--listen", "127.0.0.1:0", "--quiet", "--seed", "7", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        self.waits = []
        self.errors = 0
        self.watching = None
        self.asking_since = None

    def memory(self, kind="VmHWM"):
        """Megabytes."""
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith(kind):
                    return int(line.split()[1]) / 1024
        return 0

    def end(self):
        if self.watching:
            self.watching.cancel()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, path, body=None, headers=(), method=None):
        """Status and body of a request over a connection of its own."""
        reader, writer = await self.connect()
        try:
            body = body if isinstance(body, bytes) else (b"" if body is None else json.dumps(body).encode())
            method = method or ("POST" if body else "GET")
            lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Content-Type: application/json",
                     f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
            writer.write("\r\n".join(lines).encode() + body)
            await writer.drain()
            answer = await reader.read()
            head, _, rest = answer.partition(b"\r\n\r\n")
            if b"transfer-encoding: chunked" in head.lower():
                rest, chunks = b"", rest
                while chunks:
                    size, _, chunks = chunks.partition(b"\r\n")
                    rest, chunks = rest + chunks[:int(size, 16)], chunks[int(size, 16) + 2:]
            return int(head.split()[1]) if head else 0, rest
        finally:
            writer.close()

    async def state(self):
        return json.loads((await self.ask("/_mock/state"))[1])

    async def watch(self):
        async def bystand():
            while True:
                began = self.asking_since = time.monotonic()
                try:
                    status, _ = await asyncio.wait_for(self.ask("/_mock/state"), LONGEST)
                    self.errors += status != 200
                except (OSError, asyncio.TimeoutError):
                    self.errors += 1
                self.waits.append(time.monotonic() - began)
                self.asking_since = None
                await asyncio.sleep(0.05)

        self.watching = asyncio.create_task(bystand())
        await asyncio.sleep(1)
        idle, self.waits = max(self.waits), []
        return idle

    def figures(self, idle):
        # Whoever is still waiting has waited at least so long.
        under_way = [time.monotonic() - self.asking_since] if self.asking_since else []
        waits = sorted(self.waits + under_way)
        return {
            "peak MB": round(self.memory()),
            "longest wait ms": round(1000 * waits[-1]),
            "p99 ms": round(1000 * waits[int(len(waits) * 0.99)]),
            "refused": self.errors,
            "idle": round(1000 * idle),
        }


class Webhook:
    """A receiver that accepts everything, or all but what `judge` refuses (503) or hangs up on (None), by the number of callbacks
    that came and of those that it accepted."""

    def __init__(self, judge=lambda: 200):
        self.came = self.accepted = 0
        self.judge = judge
        self.server = None

    async def serve(self, port=0):
        async def client(reader, writer):
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    lines = head.lower().split(b"\r\n")
                    length = [line for line in lines if line.startswith(b"content-length:")]
                    if b"expect: 100-continue" in lines:
                        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    if b"transfer-encoding: chunked" in lines:
                        while size := int(await reader.readline(), 16):
                            await reader.readexactly(size + 2)
                        await reader.readline()
                    await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
                    self.came += 1
                    status = self.judge()
                    if status is None:
                        break
                    self.accepted += status == 200
                    last = lines[0].endswith(b"http/1.0") or b"connection: close" in lines
                    close = b"Connection: close\r\n" if last else b""
                    writer.write(b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\n%sContent-Length: 2\r\n\r\n{}" % (status, close))
                    if last:
                        break
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, OSError):
                pass
            finally:
                writer.close()

        self.server = await asyncio.start_server(client, "127.0.0.1", port, backlog=1024)
        return self.server.sockets[0].getsockname()[1]


def free_port():
    import socket
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def campaign(options):
    port = free_port()
    mock = Mock(options.program, '[delivery]\nattempts = 100\ngaps = ["10s"]\n', "--callback-url", f"http://127.0.0.1:{port}/hook", "--speed", "120")
    idle = await mock.watch()
    for part in range(20):
        numbers = [f"+62811{part * 10_000 + at:08}" for at in range(10_000)]
        status, body = await mock.ask("/api/v1/template/send", {"template_id": 36, "to": numbers})
        assert status == 200, body[:300]
    most, begun = 0, time.monotonic()
    while time.monotonic() - begun < options.seconds:
        callbacks = (await mock.state())["callbacks"]
        most = max(most, callbacks["pending"] + callbacks["in_flight"] + callbacks["waiting"])
        await asyncio.sleep(0.2)
    down = mock.figures(idle) | {"most unfinished": most}
    webhook = Webhook()
    await webhook.serve(port)
    await mock.ask("/_mock/clock", {"by": "1h", "within": "1s"})
    begun = time.monotonic()
    while time.monotonic() - begun < 900:
        state = await mock.state()
        callbacks = state["callbacks"]
        most = max(most, callbacks["pending"] + callbacks["in_flight"] + callbacks["waiting"])
        if not state["busy"] and callbacks["pending"] + callbacks["in_flight"] + callbacks["waiting"] == 0:
            break
        await asyncio.sleep(0.5)
    figures = down | {"peak MB after": round(mock.memory()), "most unfinished": most, "queued": callbacks["queued"],
                      "delivered": callbacks["delivered"], "failed": callbacks["failed"], "came": webhook.came,
                      "longest wait ms": mock.figures(idle)["longest wait ms"]}
    mock.end()
    return figures


async def json_body(options):
    values = b'{"a":[' + b"[1,2],{}," * 7_400_000 + b"0]}"
    row = '{"Mobile":"+6281100000000","Comments":"a customer of ours"}'
    rows = ('{"TaskName":"rows","RobotID":"Welcome call","ScheduleStartTime":"2090-01-01 09:00:00","Details":['
            + ",".join([row] * (66_000_000 // (len(row) + 1))) + "]}").encode()
    figures = {}
    for name, path, body, has_token in [
        ("any", "/service/cloud/auth", values, False), ("no token", "/service/cloud/task", values, False),
        ("values", "/service/cloud/task", values, True), ("rows", "/service/cloud/task", rows, True),
    ]:
        mock = Mock(options.program)
        headers = []
        if has_token:
            _, answer = await mock.ask("/service/cloud/auth", CREDENTIALS)
            headers = [f"Authorization: Token {json.loads(answer)['data']['token']}"]
        idle = await mock.watch()
        status, _ = await mock.ask(path, body, headers)
        await asyncio.sleep(0.2)
        one = mock.figures(idle)
        figures[name] = f"{status}, {one['peak MB']} MB, {one['longest wait ms']} ms;"
        mock.end()
    return figures


async def slow(options, count, first, piece, seconds=20):
    """Many clients that send `first` and then a piece each second."""
    mock = Mock(options.program)
    idle = await mock.watch()

    async def client():
        try:
            reader, writer = await mock.connect()
            writer.write(first)
            while True:
                await asyncio.sleep(1)
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass

    clients = [asyncio.create_task(client()) for _ in range(count)]
    await asyncio.sleep(seconds)
    figures = mock.figures(idle)
    for one in clients:
        one.cancel()
    mock.end()
    return figures


async def slow_bodies(options):
    head = b"POST /service/cloud/auth HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    return await slow(options, 1_100, head, b" ")


async def slow_heads(options):
    return await slow(options, 1_100, b"POST /service/cloud/auth HTTP/1.1\r\nHost: localhost\r\nX-Long: a", b"a")


async def slow_faults(options):
    mock = Mock(options.program, '[[faults]]\ncall = "auth.token"\ndelay = "60s"\n')
    idle = await mock.watch()
    body = b"{}"
    head = f"POST /service/cloud/auth HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    body = json.dumps(CREDENTIALS).encode()
    head = head.replace("Length: 2", f"Length: {len(body)}").encode()
    for _ in range(1_030):
        _, writer = await mock.connect()
        writer.write(head + body)
        await writer.drain()
        writer.close()
    await asyncio.sleep(15)
    figures = mock.figures(idle)
    mock.end()
    return figures


async def recordings(options):
    mock = Mock(options.program, "", "--speed", "600")
    _, answer = await mock.ask("/service/cloud/auth", CREDENTIALS)
    token = f"Authorization: Token {json.loads(answer)['data']['token']}"
    task = {"TaskName": "long", "Details": [{"Mobile": "+6281112349010"}], "RobotID": "Welcome call"}
    status, answer = await mock.ask("/service/cloud/task", task, [token])
    task_id = json.loads(answer)["data"]["TaskID"]
    link = None
    for _ in range(200):
        _, answer = await mock.ask(f"/service/cloud/detail?TaskID={task_id}", None, [token])
        text = answer.decode()
        if ".wav" in text:
            link = "/download/" + text.split("/download/", 1)[1].split(".wav")[0] + ".wav"
            status, wav = await mock.ask(link)
            if status == 200:
                break
        await asyncio.sleep(0.2)
    assert link, text[:600]
    idle = await mock.watch()
    writers = []
    for _ in range(250):
        reader, writer = await mock.connect()
        reader._transport.pause_reading()
        writer.write(f"GET {link} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        writers.append(writer)
    await asyncio.sleep(10)
    figures = mock.figures(idle) | {"recording MB": round(len(wav) / 2**20, 1)}
    mock.end()
    return figures


async def unfinished(options):
    mock = Mock(options.program)
    idle = await mock.watch()
    head = b"POST /service/cloud/task HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 62914560\r\n\r\n"
    refused = 0

    async def client():
        nonlocal refused
        reader, writer = await mock.connect()
        try:
            writer.write(head)
            for _ in range(59):
                writer.write(b" " * (1 << 20))
                await writer.drain()
            await asyncio.sleep(60)
        except OSError:
            refused += 1

    clients = [asyncio.create_task(client()) for _ in range(24)]
    await asyncio.sleep(15)
    figures = mock.figures(idle) | {"bodies refused": refused}
    for one in clients:
        one.cancel()
    mock.end()
    return figures


async def soak(options):
    webhook = Webhook()
    port = await webhook.serve()
    settings = "limits = { kept_rows = 20000, kept_conversations = 5000 }\nchatbot = { silence = '1m' }\n"
    mock = Mock(options.program, settings, "--callback-url", f"http://127.0.0.1:{port}/hook")
    idle = await mock.watch()
    _, answer = await mock.ask("/service/cloud/auth", CREDENTIALS)
    token = json.loads(answer)["data"]["token"]
    sent = 0
    body = json.dumps({"to": ["+6281112345678"], "message": "Hi", "from": "A", "callbackUrl": f"http://127.0.0.1:{port}/sms"}).encode()
    text = (f"POST /service/sms/message/v2/send HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Token {token}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
    memory, begun = [], time.monotonic()

    async def client(number):
        nonlocal sent
        reader, writer = await mock.connect()
        at = 0
        while time.monotonic() - begun < options.minutes * 60:
            at += 1
            # Eight of ten requests cause a callback; the others make tasks, conversations and lists.
            if at % 50 == 0:
                one = json.dumps({"TaskName": f"t{number}-{at}-{int(begun)}", "Details": [{"Mobile": "+6281112349001"}]}).encode()
                path = "/service/cloud/task"
            elif at % 5 == 0:
                one = json.dumps({"template_id": 36, "to": f"+62811{number:03}{at:06}"}).encode()
                path = "/api/v1/template/send_single"
            else:
                one, path = None, None
            if one is None:
                writer.write(text)
            else:
                writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Token {token}\r\nContent-Length: {len(one)}\r\n\r\n".encode() + one)
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(length[0].split(b":")[1]))
            sent += 1
            await asyncio.sleep(max(0, begun + at * 0.02 - time.monotonic()))

    clients = [asyncio.create_task(client(number)) for number in range(20)]
    while not all(one.done() for one in clients):
        memory.append(mock.memory("VmRSS"))
        await asyncio.sleep(options.minutes * 60 / 30)
    errors = [str(one.exception()) for one in clients if one.exception()]
    rates = {"requests/s": round(sent / (options.minutes * 60)), "callbacks/s": round(webhook.came / (options.minutes * 60))}
    # What was caused comes to its end, and then the sums of both sides have to match.
    until = time.monotonic() + 120
    while (sums := (await mock.state())["callbacks"]) and time.monotonic() < until:
        if not (sums["pending"] or sums["in_flight"] or sums["waiting"]):
            break
        await asyncio.sleep(1)
    figures = mock.figures(idle) | rates | {
        "MB at a third": round(memory[len(memory) // 3]), "MB at two thirds": round(memory[len(memory) * 2 // 3]),
        "MB at the end": round(memory[-1]), "errors": errors[:1], "sent": sent, "received": webhook.came, "sums": sums}
    mock.end()
    return figures


MIX = ["duplicate", "signed-anew", "reorder", "delay after=5s", "drop", "hold within=10s", "burst", "replay after=20s", "at-once",
       "body-truncated", "body-length-more", "body-chunked bytes=20", "body-trickle over=1s", "body-unknown-fields", "body-emoji",
       "body-spaced", "connection-reset-before", "connection-reset-during", "connection-http10",
       "connection-expect-continue", "connection-no-keep-alive"]


async def faults(options):
    chance = random.Random(7)
    webhook = Webhook(lambda: chance.choices((200, 503, None), (79, 20, 1))[0])
    port = await webhook.serve()
    mix = ", ".join(f"'{fault} 1%'" for fault in MIX)
    settings = (f"faults = [{mix}]\nlimits = {{ kept_rows = 20000, kept_conversations = 5000 }}\n"
                "[delivery]\nattempts = 5\ngaps = ['2s']\n")
    mock = Mock(options.program, settings, "--callback-url", f"http://127.0.0.1:{port}/hook")
    idle = await mock.watch()
    _, answer = await mock.ask("/service/cloud/auth", CREDENTIALS)
    token = json.loads(answer)["data"]["token"]
    clients, each, seconds = 10, 10, options.minutes * 60
    begun, emitted = time.monotonic(), 0

    async def client(number):
        nonlocal emitted
        reader, writer = await mock.connect()
        at = 0
        while time.monotonic() - begun < seconds:
            at += 1
            for one in range(each):
                message = {"to": [f"+62811{number:02}{at:05}{one}"], "message": "Hi", "from": "A"}
                body = json.dumps(message | {"callbackUrl": f"http://127.0.0.1:{port}/sms"}).encode()
                writer.write(f"POST /service/sms/message/v2/send HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                             f"Authorization: Token {token}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            for _ in range(each):
                head = await reader.readuntil(b"\r\n\r\n")
                assert b" 200 " in head.split(b"\r\n")[0], head
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(length[0].split(b":")[1]))
                emitted += 1
            await asyncio.sleep(max(0, begun + at * clients * each / 1000 - time.monotonic()))

    def unfinished(sums):
        return sums["pending"] + sums["in_flight"] + sums["waiting"]

    async def summed():
        sums = (await mock.state())["callbacks"]
        assert sums["queued"] == sums["delivered"] + sums["failed"] + sums["dropped"] + unfinished(sums), sums
        return sums

    running = [asyncio.create_task(client(number)) for number in range(clients)]
    memory, looks = [], 0
    while not all(one.done() for one in running):
        await summed()
        looks += 1
        if time.monotonic() - begun >= len(memory) * min(60, seconds / 5):
            memory.append(round(mock.memory("VmRSS")))
        await asyncio.sleep(0.25)
    for one in running:
        one.result()
    took = time.monotonic() - begun
    memory.append(round(mock.memory("VmRSS")))
    figures = mock.figures(idle)
    # A burst that is not full waits for its end, and a replay for its time.
    while unfinished(sums := await summed()) or (await mock.state())["busy"]:
        await asyncio.sleep(0.25)
    hits = json.loads((await mock.ask("/_mock/faults"))[1])["hits"]
    assert sums["delivered"] == webhook.accepted, (sums, webhook.accepted)
    figures |= {"emitted/s": round(emitted / took), "looks": looks, "emitted": emitted, "callbacks": sums["queued"],
                "delivered": sums["delivered"], "accepted by the receiver": webhook.accepted, "failed": sums["failed"],
                "dropped": sums["dropped"], "attempts": sums["attempts"], "hits": sum(hits.values()), "MB by the minute": memory}
    mock.end()
    return figures


SCENARIOS = {
    "campaign": campaign, "json": json_body, "slow-bodies": slow_bodies, "slow-heads": slow_heads,
    "slow-faults": slow_faults, "recordings": recordings, "unfinished": unfinished, "soak": soak, "faults": faults,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=BUILT)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seconds", type=float, default=60, help="how long the webhook of the campaign is down")
    parser.add_argument("scenarios", nargs="*", choices=[[], *SCENARIOS], metavar="SCENARIO")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    print(f"{options.program}\n" + __doc__.split("Method: ")[1].split("\n\n")[0] + "\n")
    for name in options.scenarios or SCENARIOS:
        figures = asyncio.run(SCENARIOS[name](options))
        print(f"{name:<12} " + "   ".join(f"{key} {value}" for key, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
