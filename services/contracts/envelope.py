"""The envelope around every fact: CloudEvents 1.0, structured JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.contracts.fact import Fact

CONTENT_TYPE = "application/cloudevents+json"
MAX_BYTES = 256 * 1024
MAX_SEQUENCE = 2**63 - 1  # what a database's BIGINT holds


class MalformedEnvelope(ValueError):
    """What was received is not an envelope; the text says why."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """`sequence` counts the facts of `source` from 1 without gaps; `data` is the fact's JSON object."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    sequence: int
    data: Mapping[str, Any]
    correlationid: str
    causationid: str | None = None
    traceparent: str | None = None

    def to_json(self) -> str:
        document = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time.isoformat(),
            "datacontenttype": "application/json",
            "dataschema": f"urn:samklang:schema:{self.type}",
            "sequence": self.sequence,
            "correlationid": self.correlationid,
            "causationid": self.causationid,
            "traceparent": self.traceparent,
            "data": self.data,
        }
        present = {name: value for name, value in document.items() if value is not None}
        # Without NaN and the like: JSON does not have them, and a reader would be right to refuse them.
        return json.dumps(present, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @property
    def routing_key(self) -> str:
        return routing_key_of(self.type)


def routing_key_of(type_name: str) -> str:
    """The fact's name without its version."""
    return type_name.rsplit(".", 2)[-2]


def envelop(
    fact: Fact,
    *,
    message_id: str,
    sequence: int,
    now: datetime,
    correlation_id: str,
    causation_id: str | None,
    traceparent: str | None,
) -> Envelope:
    return Envelope(
        id=message_id,
        source=fact.SOURCE,
        type=fact.type_name(),
        subject=fact.subject,
        time=now,
        sequence=sequence,
        data=fact.dump(),
        correlationid=correlation_id,
        causationid=causation_id,
        traceparent=traceparent,
    )


def parse_envelope(body: bytes | str) -> Envelope:
    """The envelope in `body`. Raises MalformedEnvelope; never trusts a field to be of the right type."""
    if len(body) > MAX_BYTES:
        raise MalformedEnvelope(f"longer than {MAX_BYTES} bytes")
    try:
        document = _DECODER.decode(body if isinstance(body, str) else body.decode())
    except (ValueError, RecursionError) as error:
        raise MalformedEnvelope("not JSON") from error
    if not isinstance(document, dict):
        raise MalformedEnvelope("not a JSON object")
    if document.get("specversion") != "1.0":
        raise MalformedEnvelope("not CloudEvents 1.0")
    sequence, data = document.get("sequence"), document.get("data")
    if type(sequence) is not int or not 1 <= sequence <= MAX_SEQUENCE:
        raise MalformedEnvelope("sequence is not a whole number from 1")
    if not isinstance(data, dict):
        raise MalformedEnvelope("data is not a JSON object")
    return Envelope(
        id=_text(document, "id", 64),
        source=_text(document, "source", 64),
        type=_text(document, "type", 128),
        subject=_text(document, "subject", 128),
        time=_time(document),
        sequence=sequence,
        data=data,
        correlationid=_text(document, "correlationid", 64),
        causationid=_optional_text(document, "causationid", 64),
        traceparent=_optional_text(document, "traceparent", 64),
    )


def _no_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


# Made once: json.loads makes one a call where it is told what to do with NaN and the like.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _text(document: Mapping[str, Any], name: str, longest: int) -> str:
    value = document.get(name)
    # Printable: a NUL or half a character passes JSON, and no database takes it.
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise MalformedEnvelope(f"{name} is not a text of 1 to {longest} printable characters")
    return value


def _optional_text(document: Mapping[str, Any], name: str, longest: int) -> str | None:
    return None if document.get(name) is None else _text(document, name, longest)


def _time(document: Mapping[str, Any]) -> datetime:
    try:
        time = datetime.fromisoformat(str(document.get("time")))
    except ValueError as error:
        raise MalformedEnvelope("time is not an ISO 8601 time") from error
    if time.tzinfo is None:
        raise MalformedEnvelope("time has no offset from UTC")
    return time
