"""Structured logs, metrics and trace context. None of them carries personal data."""

from __future__ import annotations

import logging
import re
import secrets
import sys
from contextvars import ContextVar

import structlog
from prometheus_client import Counter, Gauge, Histogram

# W3C Trace Context: version, trace, parent and flags; neither id is all zeros, and version ff is none.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)

FACTS_PUBLISHED = Counter("samklang_facts_published_total", "Facts the broker confirmed", ["service"])
FACTS_RECEIVED = Counter("samklang_facts_received_total", "Facts stored in the inbox", ["service"])
FACTS_DUPLICATE = Counter("samklang_facts_duplicate_total", "Facts received once more", ["service"])
FACTS_HANDLED = Counter("samklang_facts_handled_total", "Facts whose reaction was committed", ["service"])
FACTS_FAILED = Counter("samklang_facts_failed_total", "Reactions that raised", ["service"])
FACTS_RESENT = Counter("samklang_facts_resent_total", "Facts sent again from the log", ["service", "reader"])
RELAY_FAILURES = Counter("samklang_relay_failures_total", "Publishing attempts that failed", ["service"])
FACTS_UNROUTABLE = Counter("samklang_facts_unroutable_total", "Facts no queue took", ["service"])
FACTS_PRUNED = Counter("samklang_facts_pruned_total", "Facts that left for their age", ["service", "log"])
OUTBOX_BACKLOG = Gauge("samklang_outbox_backlog", "Facts recorded and not yet confirmed", ["service"])
INBOX_BACKLOG = Gauge("samklang_inbox_backlog", "Facts received and not yet handled", ["service"])
INBOX_PARKED = Gauge("samklang_inbox_parked", "Facts parked for a person to look at", ["service"])
OLDEST_WAITING = Gauge("samklang_oldest_waiting_seconds", "Age of the oldest unhandled fact", ["service"])
BROKER_AWAY = Gauge("samklang_broker_away_seconds", "How long the broker has not answered", ["service"])
TOPOLOGY_DIFFERS = Gauge("samklang_topology_differs", "A queue has other arguments than ours", ["service"])
READER_LAG = Gauge("samklang_reader_lag", "Sent facts a reader lacks", ["service", "source", "reader"])
READER_STRAYED = Gauge(
    "samklang_reader_strayed", "A reader stands where no log reaches", ["service", "source", "reader"]
)
CHECK_FINDINGS = Gauge("samklang_check_findings", "Invariants that do not hold", ["service"])
REQUEST_SECONDS = Histogram(
    "samklang_request_seconds",
    "Time to answer a request",
    ["service", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


def current_traceparent() -> str | None:
    """The W3C trace context of what is going on, if a caller gave one or a request began one."""
    return _traceparent.get()


def begin_trace(traceparent: str | None) -> None:
    """Go on with the caller's trace, or begin one.

    What is no trace context is left out, as the standard says: it would travel in facts, to readers who
    refuse it.
    """
    if traceparent is None or _TRACEPARENT.fullmatch(traceparent) is None:
        traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    _traceparent.set(traceparent)


def configure_logging(*, as_json: bool) -> None:
    """One line an event on standard error: JSON on servers, readable for a person otherwise."""
    # Tracebacks without local variables: those hold people's data.
    renderers: list[structlog.typing.Processor] = [
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    ]
    if as_json:
        renderers = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
