#!/usr/bin/env python3
"""What a calling task costs by the number of its rows: wall time, CPU and peak memory of the mock.

    python3 benches/rows.py [--with-receiver] [ROWS ...]

Method: release build; a fresh `airudder-mock serve --speed max` for each size; one POST of a task whose rows have a
number and an id of the caller's, up to two tries each, 200 channels; then the list is asked for until the task is
finished. CPU is user and system of the mock's whole process, memory its resident peak, both from /proc (Linux). With
--with-receiver every notice goes to `airudder-mock receive`, a process of its own that is not counted.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "airudder-mock")
SETTINGS = "[limits]\nbody_mb = 512\n[calling]\nchannels = 200\n[delivery]\npreset = \"once\"\n"
CREDENTIALS = {"APPKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001"}


class Mock:
    def __init__(self, folder, callback_url):
        settings = os.path.join(folder, "settings.toml")
        with open(settings, "w") as file:
            file.write(SETTINGS)
        command = [PROGRAM, "serve", "--config", settings, "--listen", "127.0.0.1:0", "--speed", "max", "--quiet"]
        if callback_url:
            command += ["--callback-url", callback_url]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.base = self.process.stdout.readline().strip()
        self.token = None

    def call(self, path, body=None):
        while True:
            headers = {"Content-Type": "application/json"}
            if self.token:
                headers["Authorization"] = "Token " + self.token
            request = urllib.request.Request(self.base + path, body, headers)
            try:
                return json.load(urllib.request.urlopen(request, timeout=600))
            except urllib.error.HTTPError as error:
                # Days pass while a long list is called, and tokens live for one.
                if error.code != 401:
                    raise
                self.token = None
                self.token = self.call("/service/cloud/auth", json.dumps(CREDENTIALS).encode())["data"]["token"]

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, kind):
        """Bytes: `VmRSS` is what is resident, `VmHWM` its peak."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(kind))


def receiver():
    """A process that receives callbacks, and its URL."""
    process = subprocess.Popen([PROGRAM, "receive", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().split()[-1]
    # Nobody reads what it prints for each callback, but the pipe must not fill.
    subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
    return process, url


def measure(count, with_receiver):
    with tempfile.TemporaryDirectory() as folder:
        listener, url = receiver() if with_receiver else (None, None)
        mock = Mock(folder, url)
        try:
            rows = ",".join('{"Mobile":"+6281%08d","Comments":"c%07d"}' % (n, n) for n in range(count))
            body = '{"TaskName":"rows","RobotID":"r","RepeatNumber":2,"RepeatInterval":1,"Details":[%s]}' % rows
            body = body.encode()
            mock.call("/service/cloud/list")
            cpu, peak, start = mock.cpu(), mock.memory("VmHWM"), time.time()
            mock.call("/service/cloud/v2/task", body)
            while True:
                task = mock.call("/service/cloud/list?Number=1")["data"]["list"][0]
                if task["Status"] == "finished":
                    break
                time.sleep(0.05)
            while mock.call("/_mock/state")["busy"]:
                time.sleep(0.05)
            wall, cpu = time.time() - start, mock.cpu() - cpu
            beyond = (mock.memory("VmHWM") - peak - len(body)) / count
            sums = task["Connected"] + task["NotConnected"] + task["Cancelled"]
            callbacks = mock.call("/_mock/state")["callbacks"]
            assert task["Total"] == sums and callbacks["queued"] == callbacks["delivered"] + callbacks["failed"]
            print(
                f"| {count:,} | {wall:.2f} s | {cpu:.2f} s | {cpu / count * 1e6:.1f} us | "
                f"{mock.memory('VmHWM') / 2**20:.0f} MB | {beyond:.0f} bytes | {callbacks['delivered']:,} |",
                flush=True,
            )
        finally:
            mock.process.kill()
            if listener:
                listener.kill()


def main():
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    sizes = [int(arg) for arg in sys.argv[1:] if arg.isdigit()] or [10_000, 100_000, 1_000_000]
    with_receiver = "--with-receiver" in sys.argv
    print(__doc__.split("Method: ")[1].strip() + "\n")
    print("| rows | wall | CPU | CPU per row | peak memory | beyond the rows' own text, per row | notices |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for count in sizes:
        measure(count, with_receiver)


if __name__ == "__main__":
    main()
