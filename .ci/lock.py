"""Writes `.ci/requirements.lock`: every package of development with its version and the hash of its file.

    make lock

The versions are those of constraints.txt, the files those that pip takes here: Linux on x86-64, CPython 3.11,
and the build of torch for processors. `make test LOCKED=1` installs these files and no others.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAD = "# Made by `make lock`: files for Linux on x86-64, CPython 3.11. `make test LOCKED=1` takes no others.\n"


def resolved() -> list[dict[str, str]]:
    """Name, version and SHA-256 of all that `.[dev]` needs, and of what builds this package."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    command += ["--constraint", str(ROOT / "constraints.txt"), f"{ROOT}[dev]", "hatchling", "editables"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return read(report)


def read(report: dict) -> list[dict[str, str]]:
    """The packages of pip's report."""
    found = []
    for one in report["install"]:
        name, info = one["metadata"]["name"], one["download_info"].get("archive_info", {})
        if name != "untrained":
            found.append({"name": name, "version": one["metadata"]["version"], "sha256": info["hashes"]["sha256"]})
    return sorted(found, key=lambda one: one["name"].lower())


def main() -> None:
    lines = (f"{one['name']}=={one['version']} --hash=sha256:{one['sha256']}\n" for one in resolved())
    (ROOT / ".ci" / "requirements.lock").write_text(HEAD + "".join(lines))


if __name__ == "__main__":
    main()
