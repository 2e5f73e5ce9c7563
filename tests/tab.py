"""Presses TAB in bash, zsh and fish, and reads what the shell makes of it.

    python3 tests/tab.py --bin target/debug/airudder-mock

A shell that is missing is left out with a line that begins with SKIPPED; with CI=true that is a failure.
"""

import argparse
import os
import pty
import re
import select
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

# How each shell is started without the user's own files, and how it loads the completions.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(airudder-mock completions bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; source <(airudder-mock completions zsh)"),
    # As `completions --help` says: a file that the shell loads when it is needed for the first time.
    "zsh, installed": (
        ["zsh", "-f", "-i"],
        "mkdir .zfunc; airudder-mock completions zsh > .zfunc/_airudder-mock; fpath+=(~/.zfunc); autoload -U compinit; compinit -u -D",
    ),
    "fish": (["fish", "--no-config", "-i"], "airudder-mock completions fish | source"),
}
# What is typed before TAB, and what stands on the line after it.
CASES = [
    ("airudder-mock cata", "airudder-mock catalog "),
    ("airudder-mock emit session.tr", "airudder-mock emit session.transfer "),
    ("airudder-mock emit session.end --prin", "airudder-mock emit session.end --print "),
    ("airudder-mock catalog chatbot.agent_tr", "airudder-mock catalog chatbot.agent_transfer_result "),
    ("airudder-mock catalog --group Numb", "airudder-mock catalog --group Number-detection "),
    ("airudder-mock run first-tr", "airudder-mock run first-transfer "),
    ("airudder-mock load load-tr", "airudder-mock load load-transfer "),
    ("airudder-mock ctl wait with", "airudder-mock ctl wait within="),
    ("airudder-mock catalog own.thi", "airudder-mock catalog own.thing "),
    ("airudder-mock audit --only signature-wr", "airudder-mock audit --only signature-wrong "),
    ("airudder-mock serve --fault body-tru", "airudder-mock serve --fault body-truncated "),
    ("airudder-mock run sto", "airudder-mock run story.toml "),
]
OWN = '[[endpoints]]\nid = "own.thing"\npath = "/own/thing"\n'
LIMIT = 60  # seconds; reached only when something hangs


class Shell:
    """A shell at the other end of a terminal."""

    def __init__(self, name, folder, path):
        command, load = SHELLS[name]
        self.name = name
        env = {"PATH": path, "HOME": folder, "TERM": "dumb", "LANG": "C.UTF-8", "PS1": "> ", "PROMPT": "> ", "COLUMNS": "200"}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, env)
        self.said = ""
        # An answer that only the shell can give, not the echo of what is typed.
        self.type(f"{load}; echo rea''dy\r")
        self.until("ready")

    def type(self, text):
        os.write(self.terminal, text.encode())

    def until(self, wanted):
        """Reads until this text was said."""
        end = time.monotonic() + LIMIT
        while wanted not in plain(self.said):
            if not select.select([self.terminal], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{self.name}: {wanted!r} never came, but {plain(self.said)[-600:]!r}")
            self.said += os.read(self.terminal, 65536).decode(errors="replace")

    def completes(self, typed, expected):
        self.said = ""
        # Ctrl-U empties the line; what the shell wrote is compared without its redrawings.
        self.type("\x15" + typed + "\t")
        self.until(expected.rstrip())
        self.type("\x15")

    def end(self):
        os.close(self.terminal)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def plain(text):
    """What the terminal shows, without the sequences that move its cursor, and with backspaces carried out."""
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]|\x1b\][^\x07]*\x07|\x07", "", text)
    while "\b" in text:
        text = re.sub(r"[^\b]\b|^\b", "", text, count=1)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, help="the program")
    parser.add_argument("shells", nargs="*", default=list(SHELLS))
    given = parser.parse_args()
    path = f"{given.bin.resolve().parent}:{os.environ['PATH']}"
    passed = failed = 0
    for name in given.shells:
        if shutil.which(SHELLS[name][0][0]) is None:
            print(f"SKIPPED: {name} is missing")
            failed += bool(os.environ.get("CI"))
            continue
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "story.toml").write_text("")
            Path(folder, "airudder-mock.toml").write_text(OWN)
            shell = Shell(name, folder, path)
            for typed, expected in CASES:
                try:
                    shell.completes(typed, expected)
                    passed += 1
                except AssertionError as error:
                    print(f"{name}: {typed!r}: {error}")
                    failed += 1
            shell.end()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
