"""Traces go on where a caller has one; a log line is one line, and tells nobody's data."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.telemetry import begin_trace, current_traceparent

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BEGUN = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01")


def test_the_callers_trace_goes_on() -> None:
    begin_trace(GIVEN)
    assert current_traceparent() == GIVEN


def test_without_one_a_trace_begins_each_time() -> None:
    begin_trace(None)
    first = current_traceparent()
    begin_trace(None)
    assert first is not None
    assert BEGUN.fullmatch(first)
    assert first != current_traceparent()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        GIVEN.upper(),
        GIVEN + "\n",
        GIVEN + "-more",
        "ff" + GIVEN[2:],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
        "maria.hellstrom@example.se",
        "0" * 8000,  # longer than a fact may carry: every reader would park it
    ],
)
def test_what_is_no_trace_is_not_carried_on(text: str) -> None:
    begin_trace(text)
    assert BEGUN.fullmatch(current_traceparent() or "")
    assert current_traceparent() != text


@given(st.text(max_size=80))
def test_any_header_leaves_a_trace_that_a_fact_can_carry(text: str) -> None:
    begin_trace(text)
    assert len(current_traceparent() or "x" * 99) == 55


LOG = """
import sys
import structlog
from services.chassis.telemetry import configure_logging
configure_logging(as_json={as_json})
log = structlog.get_logger("test")
log.debug("unseen")
log.info("place_offered", course="c-1")

def decide(name):
    raise ValueError("no place")

try:
    decide(sys.argv[1])
except ValueError:
    log.exception("failed")
"""


def logged(*, as_json: bool) -> str:
    """What a process of its own writes: the configuration holds for a whole process."""
    done = subprocess.run(
        [sys.executable, "-c", LOG.format(as_json=as_json), "Alma"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr


def test_servers_log_an_event_a_line_as_json() -> None:
    first, second = map(json.loads, logged(as_json=True).splitlines())
    assert (first["event"], first["level"], first["course"]) == ("place_offered", "info", "c-1")
    assert first["timestamp"].endswith("Z")
    assert "ValueError: no place" in second["exception"]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_has_no_local_variables(as_json: bool) -> None:
    text = logged(as_json=as_json)
    assert "ValueError: no place" in text
    assert "Alma" not in text
    assert "unseen" not in text
