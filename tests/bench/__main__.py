"""Runs the measurements of this folder, all of them or those named: `python -m tests.bench rush round`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(names: list[str]) -> int:
    """The number of measurements that failed."""
    there = sorted(file.stem for file in HERE.glob("[a-z]*.py"))
    unknown = set(names) - set(there)
    if unknown:
        sys.exit(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(there)}")
    failed = 0
    for name in names or there:
        failed += bool(subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
