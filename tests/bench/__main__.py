"""`python -m tests.bench [NAME ...]`: run the named benchmarks, or all, one after the other (`make bench`).

Needs the addresses of private servers in the environment, as the tests do: `python -m tests.servers run`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

HERE = Path(__file__).parent
MOST_SECONDS = 2400
NAMES = sorted(file.stem for file in HERE.glob("*.py") if not file.stem.startswith("_"))


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
def main(names: tuple[str, ...]) -> None:
    """Run benchmarks; each prints one line of JSON on standard output, and what else it has to say beside."""
    failed = []
    for name in names or NAMES:
        command = [sys.executable, "-W", "ignore", "-m", f"tests.bench.{name}"]
        try:
            done = subprocess.run(command, cwd=HERE.parents[1], timeout=MOST_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            click.echo(f"{name} was not done within {MOST_SECONDS} s", err=True)
            failed.append(name)
            continue
        if done.returncode:
            failed.append(name)
    if failed:
        raise click.ClickException(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
