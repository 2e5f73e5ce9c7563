"""Builds a wheel from a built program and the pytest fixtures: `python3 packaging/wheel.py --bin PATH --out dist`

The wheel puts the program itself into the folder of commands, so that nothing of Python runs when it is started. Needs
Python 3.11 and nothing else. Equal input makes equal bytes.
"""

import argparse
import base64
import hashlib
import platform
import re
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / "integrations" / "python"


def tag(program: bytes) -> str:
    """The platforms a program of this machine runs on, as pip names them: those with its C library or a newer one."""
    machine = platform.machine().lower()
    if sys.platform == "linux":
        versions = {int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", program)}
        if not versions:  # linked statically
            return f"manylinux_2_17_{machine}.musllinux_1_1_{machine}"
        return f"manylinux_2_{max(17, *versions)}_{machine}"
    sys.exit(f"name the platform by --tag, such as macosx_11_0_arm64 or win_amd64 (this is {sys.platform})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, help="the program")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the wheel")
    parser.add_argument("--tag", help="the platform. Default: what the program needs of this machine's kind")
    given = parser.parse_args()
    program = given.bin.read_bytes()
    project = tomllib.loads((PYTHON / "pyproject.toml").read_text())["project"]
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    if project["version"] != version:
        sys.exit(f"integrations/python/pyproject.toml is {project['version']}, and Cargo.toml is {version}")
    name, platforms = f"airudder_mock-{version}", given.tag or tag(program)
    info = f"{name}.dist-info"
    is_windows = platforms.startswith("win")

    files = {f"airudder_mock/{path.name}": path.read_bytes() for path in sorted((PYTHON / "airudder_mock").glob("*.py"))}
    files[f"{name}.data/scripts/airudder-mock{'.exe' if is_windows else ''}"] = program
    files[f"{info}/licenses/LICENSE-MIT"] = (ROOT / "LICENSE-MIT").read_bytes()
    entry_points = [
        line
        for group, points in project["entry-points"].items()
        for line in [f"[{group}]", *(f"{point} = {where}" for point, where in points.items())]
    ]
    files[f"{info}/entry_points.txt"] = "\n".join([*entry_points, ""]).encode()
    wheel = ["Wheel-Version: 1.0", "Generator: airudder-mock", "Root-Is-Purelib: false"]
    wheel += [f"Tag: py3-none-{one}" for one in platforms.split(".")]
    files[f"{info}/WHEEL"] = "\n".join([*wheel, ""]).encode()
    metadata = ["Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {version}"]
    metadata += [f"Summary: {project['description']}", f"License-Expression: {project['license']}"]
    metadata += ["License-File: LICENSE-MIT", f"Requires-Python: {project['requires-python']}"]
    metadata += [f"Classifier: {line}" for line in project.get("classifiers", [])]
    metadata += ["Description-Content-Type: text/markdown", "", (PYTHON / "README.md").read_text()]
    files[f"{info}/METADATA"] = "\n".join(metadata).encode()
    record = f"{info}/RECORD"
    lines = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(data)}")
    files[record] = "\n".join([*lines, f"{record},,", ""]).encode()

    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / f"{name}-py3-none-{platforms}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, data in files.items():
            entry = zipfile.ZipInfo(inside, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if "/scripts/" in inside else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    print(path)


if __name__ == "__main__":
    main()
