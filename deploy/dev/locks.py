"""The lock files: `locks.py make` writes them with uv, `locks.py check` says whether they are current.

Their first line holds a digest of what pyproject.toml asks for, so the check needs no network.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Each file with the extras it holds. The second takes the first's versions.
LOCKS = {"requirements.lock": (), "requirements-dev.lock": ("dev",)}
# No registry's address and no path: what anybody can read must be right on everybody's machine.
FOREIGN = re.compile(
    r"https?://|file:|--(?:extra-)?index-url|--find-links|(?<![\w.])/(?:home|root|opt|tmp|usr)/"
)


def digest(extras: tuple[str, ...], pyproject: Path = ROOT / "pyproject.toml") -> str:
    """Of everything in pyproject.toml that decides what is in the lock with these extras."""
    project = tomllib.loads(pyproject.read_text())["project"]
    optional = project.get("optional-dependencies", {})
    asked = [project["requires-python"], project["dependencies"], *(optional[extra] for extra in extras)]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def first_line(extras: tuple[str, ...]) -> str:
    return f"# Made by `make lock` from the dependencies in pyproject.toml, sha256:{digest(extras)}"


def findings() -> list[str]:
    """What is wrong with the lock files, in words; empty when all is well."""
    found = []
    for name, extras in LOCKS.items():
        text = (ROOT / name).read_text() if (ROOT / name).exists() else ""
        if text.partition("\n")[0] != first_line(extras):
            found.append(f"{name} is older than the dependencies in pyproject.toml: run `make lock`")
        foreign = FOREIGN.search(text)
        if foreign:
            found.append(f"{name} names something of one machine: {foreign[0]}")
    pins = [_pins(ROOT / name) for name in LOCKS]
    if not pins[0].items() <= pins[1].items():
        found.append("the two lock files have different versions: run `make lock`")
    return found


def _pins(lock: Path) -> dict[str, str]:
    lines = lock.read_text().splitlines() if lock.exists() else []
    return dict(line.removesuffix(" \\").split("==", 1) for line in lines if re.match(r"\w.*==", line))


def make(options: list[str]) -> None:
    """Resolve anew; versions that still fit stay, unless `--upgrade` is among the options."""
    with tempfile.TemporaryDirectory() as folder:
        made: list[Path] = []
        for name, extras in LOCKS.items():
            output = Path(folder) / name
            if (ROOT / name).exists():
                output.write_text((ROOT / name).read_text())
            command = ["uv", "pip", "compile", "pyproject.toml", "--quiet", "--output-file", str(output)]
            command += ["--universal", "--python-version", "3.11", "--generate-hashes"]
            command += ["--no-emit-index-url", "--no-header", *options]
            command += [part for extra in extras for part in ("--extra", extra)]
            command += [part for earlier in made for part in ("--constraint", str(earlier))]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
            made.append(output)
        for output in made:
            extras = LOCKS[output.name]
            # Which file asked for a package is said by its path: leave out ours.
            lines = [line.replace(f"-c {folder}/", "-c ") for line in output.read_text().splitlines()]
            text = "\n".join([first_line(extras), *(each for each in lines if not each.startswith("# "))])
            (ROOT / output.name).write_text(text + "\n")


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["make"]:
        make(arguments[1:])
    for finding in findings():
        print(finding, file=sys.stderr)  # noqa: T201 - a tool of its own, without the product's libraries
    return 1 if findings() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
