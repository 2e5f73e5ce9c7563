"""Runs the receivers of recipes/ and lets `airudder-mock audit` judge each: no finding, not even a hint, unless EXPECTED says so.

    python3 tests/recipes.py --bin target/debug/airudder-mock            all of them
    python3 tests/recipes.py --bin target/debug/airudder-mock flask go   some of them

Packages are installed into target/recipes, at the versions that the recipes name. A recipe whose runtime is missing is left
out with a line that begins with SKIPPED; with CI=true that is a failure.
"""

import argparse
import concurrent.futures
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECIPES = ROOT / "recipes"
GSON = Path("/usr/share/java/gson.jar")

# By recipe: the programs it needs, and how it is started in its folder. `$PORT` is the port to listen at.
COMMANDS = {
    "python": (["python3"], "exec python3 receiver.py"),
    "flask": (["python3"], "exec ../venv/bin/python receiver.py"),
    "fastapi": (["python3"], "exec ../venv/bin/python receiver.py"),
    "django": (["python3"], "exec ../venv/bin/python receiver.py"),
    "node": (["node"], "exec node receiver.mjs"),
    "express": (["node", "npm"], "exec node receiver.mjs"),
    "fastify": (["node", "npm"], "exec node receiver.mjs"),
    "nestjs": (["node", "npm"], "exec node --import tsx receiver.ts"),
    "go": (["go"], "exec ./receiver"),
    "php": (["php"], "PHP_CLI_SERVER_WORKERS=8 exec php -S 127.0.0.1:$PORT receiver.php"),
    "ruby": (["ruby"], "exec ruby receiver.rb"),
    "java": (["java"], f"exec java -XX:TieredStopAtLevel=1 -cp {GSON}:. Receiver"),
    "axum": (["cargo"], "exec ./debug/receiver"),
}
UNRUN = {"csharp"}  # There is no .NET here. Its file says so.
# What a runtime does by itself: PHP's own server closes each connection.
EXPECTED = {"php": ["keep-alive"]}

# What can't be judged because of it.
BEHIND = {"php": ["keep-alive-after-refusal"]}


def prepare(work, names):
    """Lays the recipes into a folder and installs what they need there."""
    for name in names:
        shutil.copytree(RECIPES / name, work / name, dirs_exist_ok=True)
    pins = [line for name in names for line in pinned(RECIPES / name / "requirements.txt")]
    once(work / "venv", pins, lambda: install_python(work / "venv", pins))
    packages = {}
    for name in names:
        if (RECIPES / name / "package.json").exists():
            packages.update(json.loads((RECIPES / name / "package.json").read_text())["dependencies"])
    pins = [f"{name}@{version}" for name, version in sorted(packages.items())]
    npm = ["npm", "install", "--silent", "--no-save", "--no-audit", "--no-fund", "--prefix", work, *pins]
    once(work / "node_modules", pins, lambda: subprocess.run(npm, check=True))
    if "go" in names:
        subprocess.run(["go", "build", "-o", "receiver", "receiver.go"], cwd=work / "go", check=True)
    if "java" in names:
        subprocess.run(["javac", "-cp", GSON, "Receiver.java"], cwd=work / "java", check=True)
    if "axum" in names:
        build = ["cargo", "build", "--quiet", "--locked", "--target-dir", work / "axum"]
        subprocess.run(build, cwd=work / "axum", check=True)


def pinned(path):
    return path.read_text().split() if path.exists() else []


def once(path, pins, install):
    """Installs unless the same is there already."""
    stamp = path / ".pins"
    wanted = "\n".join(sorted(pins))
    if pins and not (stamp.exists() and stamp.read_text() == wanted):
        install()
        stamp.write_text(wanted)


def install_python(venv, pins):
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *sorted(set(pins))]
    subprocess.run(pip, check=True)


def free_port():
    """A port that the system gives to no connection of its own."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


RESTART = """\
[ -s pid ] && kill -9 -$(cat pid)
while [ -s pid ] && kill -0 -$(cat pid) 2>/dev/null; do sleep 0.02; done
setsid sh -c '{command}' >>log 2>&1 </dev/null &
echo $! >pid
for i in $(seq 600); do curl -sf http://127.0.0.1:{port}/probe >/dev/null && exit 0; sleep 0.05; done
exit 1
"""


# Notices of every kind; the end of a chat is the only one of them that the vendor signs.
EVENTS = ["call.completed", "workflow.api_push", "workflow.session_ended", "dialer.task_status"]
UNSIGNED = [event for event in EVENTS if event != "workflow.session_ended"]
# The signature has no timestamp, and what is not signed can't be forged.
NOT_JUDGED = ["signature-stale"] + [f"{event}-{check}" for event in UNSIGNED for check in ["forged", "unsigned"]]


def judged(program, work, name):
    """What is wrong with a recipe, as text; nothing if all is well."""
    command, folder, port, mock = COMMANDS[name][1], work / name, free_port(), f"127.0.0.1:{free_port()}"
    state = Path(tempfile.mkdtemp(prefix=name, dir=work))
    env = dict(os.environ, PORT=str(port), EVENTS=str(state / "events"), PYTHONDONTWRITEBYTECODE="1")
    env.update(AIRUDDER_MOCK_SECRET="of the recipes", AIRUDDER_MOCK_NEXT_SECRET="the one after it", NO_COLOR="1")
    env["AIRUDDER_MOCK_URL"] = f"http://{mock}"
    restart = state / "restart.sh"
    restart.write_text(f"cd {state}\n" + RESTART.format(command=f"cd {folder} && {command}", port=port))
    url, report = f"http://127.0.0.1:{port}", state / "report.json"
    audit = [program, "audit", "--callback-url", f"{url}/callbacks", "--probe", f"{url}/probe", "--threshold", "none"]
    audit += ["--restart", f"sh {restart}", "--json", report, "--next-secret", env["AIRUDDER_MOCK_NEXT_SECRET"]]
    audit += ["--listen", mock, "--events", ",".join(EVENTS)]
    try:
        started = subprocess.run(["sh", restart], env=env)
        if started.returncode != 0:
            return f"does not start:\n{(state / 'log').read_text()}"
        ended = subprocess.run(audit, env=env, capture_output=True, text=True)
        if ended.returncode != 0:
            return ended.stdout + ended.stderr
        checks = json.loads(report.read_text())["checks"]
        found = [check["id"] for check in checks if "found" in check["verdict"]]
        if found != EXPECTED.get(name, []):
            return f"found {found}\n{ended.stdout}"
        unjudged = [check["id"] for check in checks if "not_judged" in check["verdict"]]
        if sorted(unjudged) != sorted(NOT_JUDGED + BEHIND.get(name, [])):
            return f"not judged: {unjudged}\n{ended.stdout}"
    finally:
        end(state / "pid")
    story = [program, "run", RECIPES / "story.toml", "--speed", "max", "--", "sh", "-c", command]
    ended = subprocess.run(story, cwd=folder, env=env, capture_output=True, text=True)
    return None if ended.returncode == 0 else ended.stdout + ended.stderr


def end(file):
    """Ends what a pid file names, with all that it started, unless it ended by itself."""
    try:
        os.killpg(int(file.read_text()), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass


def is_runnable(name):
    missing = [need for need in COMMANDS[name][0] if shutil.which(need) is None]
    if name == "java" and not GSON.exists():
        missing.append(str(GSON))
    if not missing:
        return True
    print(f"SKIPPED: {name}: {', '.join(missing)} is missing", flush=True)
    if os.environ.get("CI"):
        sys.exit(1)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, help="the program")
    parser.add_argument("--at-once", type=int, default=4, help="how many are judged at the same time")
    parser.add_argument("names", nargs="*", help="recipes; default: all")
    given = parser.parse_args()
    folders = {path.name for path in RECIPES.iterdir() if path.is_dir()}
    assert folders == set(COMMANDS) | UNRUN, f"recipes/ and this list differ: {folders ^ (set(COMMANDS) | UNRUN)}"
    for name in UNRUN:
        texts = [path.read_text() for path in (RECIPES / name).iterdir()]
        assert any("// Unrun: " in text for text in texts), f"{name} does not say that it is unrun"
    names = [name for name in given.names or COMMANDS if is_runnable(name)]
    work = ROOT / "target" / "recipes"
    work.mkdir(parents=True, exist_ok=True)
    prepare(work, names)
    program, failed = given.bin.resolve(), 0
    with concurrent.futures.ThreadPoolExecutor(given.at_once) as pool:
        for name, wrong in zip(names, pool.map(lambda name: judged(program, work, name), names)):
            print(f"{name}: {'ok' if wrong is None else wrong}", flush=True)
            failed += wrong is not None
    print(f"{len(names) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
