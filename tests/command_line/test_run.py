"""`samklang run` as a newcomer meets it: real processes, with the county's data."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from services.chassis.clock import SystemClock
from services.chassis.messaging import figures
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.contracts.registry import SERVICES
from tests.journeys.product import ROOT, environment, free_port, until

START_SECONDS = 140


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """The county with a few of its applications: all of them take most of a start's time."""
    folder = tmp_path / "county"
    shutil.copytree(COUNTY_FOLDER, folder)
    lines = (folder / "applications.csv").read_text().splitlines(keepends=True)
    (folder / "applications.csv").write_text("".join(lines[:40]))
    return folder


@contextmanager
def product(county: Path, var: Path, log: Path) -> Iterator[str]:
    """Its address, once it says that it runs; stopped by Ctrl-C, as a person would."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services", "run", "--county", str(county)],
            cwd=ROOT,
            env=environment(SAMKLANG_VAR=str(var), PORT=str(port), SECRET_KEY=""),
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def says_so() -> bool:
        assert process.poll() is None, log.read_text()
        return b"Samklang is running" in log.read_bytes()

    try:
        until(says_so, START_SECONDS)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=12) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def published(var: Path) -> dict[str, int]:
    counts = {}
    for service in SERVICES:
        storage = Storage(f"sqlite:///{var}/{service}.db", SystemClock())
        counts[service] = figures.figures(storage, service).published
        storage.close()
    return counts


def test_twice_keeps_the_data_and_a_port_moves_it(county: Path, tmp_path: Path) -> None:
    var = tmp_path / "var"
    with product(county, var, tmp_path / "first.log") as address:
        assert requests.get(f"{address}/courses", timeout=10).status_code == 200
        session = requests.Session()
        cookies = session.get(f"{address}/login", timeout=10).cookies.get_dict()
    said = (tmp_path / "first.log").read_text()
    assert "Warning" not in said
    assert "Traceback" not in said
    assert f"Samklang is running: {address}" in said
    first = published(var)
    assert first["catalogue"] > 100
    assert first["enrolment"] > 30
    with product(county, var, tmp_path / "second.log") as moved:
        assert moved != address
        assert f"Samklang is running: {moved}" in (tmp_path / "second.log").read_text()
        # The secret is kept too: whoever had a session still has it.
        again = requests.get(f"{moved}/login", cookies=cookies, timeout=10)
        assert again.status_code == 200
        assert "samklang_session" not in again.cookies.get_dict()
    assert published(var) == first
