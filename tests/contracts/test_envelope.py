"""An envelope is read strictly: what could stop a reader or a database is refused where it arrives."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.catalogue import CourseCancelled
from services.contracts.envelope import (
    MAX_BYTES,
    MAX_SEQUENCE,
    Envelope,
    MalformedEnvelope,
    envelop,
    parse_envelope,
    routing_key_of,
)
from services.contracts.fact import LocalText

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FACT = CourseCancelled("course-1", LocalText("Läraren är sjuk.", "The teacher is ill."))


def envelope(**changes: Any) -> Envelope:
    values: dict[str, Any] = {
        "message_id": "m1",
        "sequence": 7,
        "now": NOW,
        "correlation_id": "story",
        "causation_id": None,
        "traceparent": None,
    }
    return envelop(FACT, **{**values, **changes})


def document(**changes: Any) -> bytes:
    return json.dumps({**json.loads(envelope().to_json()), **changes}).encode()


def without(name: str) -> bytes:
    whole = json.loads(envelope().to_json())
    del whole[name]
    return json.dumps(whole).encode()


def test_it_is_a_cloud_event() -> None:
    """The attributes that CloudEvents 1.0 requires, and those that are optional in it, by their names."""
    assert json.loads(envelope(causation_id="m0").to_json()) == {
        "specversion": "1.0",
        "id": "m1",
        "source": "catalogue",
        "type": "se.samklang.catalogue.course_cancelled.v1",
        "subject": "course-1",
        "time": "2026-11-24T09:00:00+00:00",
        "datacontenttype": "application/json",
        "dataschema": "urn:samklang:schema:se.samklang.catalogue.course_cancelled.v1",
        "sequence": 7,
        "correlationid": "story",
        "causationid": "m0",
        "data": {"course_id": "course-1", "reason": {"sv": "Läraren är sjuk.", "en": "The teacher is ill."}},
    }


def test_letters_are_sent_as_they_are_written() -> None:
    assert "Läraren är sjuk." in envelope().to_json()


def test_the_routing_key_is_the_fact_without_its_version() -> None:
    assert envelope().routing_key == "course_cancelled"
    assert routing_key_of("se.samklang.enrolment.contacts.pupil_named.v12") == "pupil_named"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
TEXT = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=64)
TIMES = st.datetimes(
    timezones=st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)


@given(
    st.builds(
        Envelope,
        id=TEXT,
        source=TEXT,
        type=TEXT,
        subject=TEXT,
        time=TIMES,
        sequence=st.integers(1, MAX_SEQUENCE),
        data=st.dictionaries(st.text(), JSON, max_size=4),
        correlationid=TEXT,
        causationid=st.none() | TEXT,
        traceparent=st.none() | TEXT,
    )
)
def test_what_is_written_is_read_the_same(written: Envelope) -> None:
    text = written.to_json()
    assert parse_envelope(text.encode("utf-8", "surrogatepass")) == parse_envelope(text) == written


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_else_arrives_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(MalformedEnvelope, match=r"\w+"):
        parse_envelope(body)


REQUIRED = ("specversion", "id", "source", "type", "subject", "time", "sequence", "data", "correlationid")


@pytest.mark.parametrize("name", REQUIRED)
def test_an_attribute_too_few_is_refused(name: str) -> None:
    with pytest.raises(MalformedEnvelope):
        parse_envelope(without(name))


@pytest.mark.parametrize("name", REQUIRED)
@given(value=JSON)
def test_an_attribute_of_another_kind_is_refused_or_read_as_it_is(name: str, value: Any) -> None:
    try:
        read = parse_envelope(document(**{name: value}))
    except MalformedEnvelope:
        return
    if name == "time":
        assert read.time == datetime.fromisoformat(value)
    elif name != "specversion":
        assert getattr(read, name) == value


REFUSED = {
    "another version of CloudEvents": document(specversion="2.0"),
    "a sequence of 0": document(sequence=0),
    "a negative sequence": document(sequence=-1),
    "a sequence beyond a database's integers": document(sequence=MAX_SEQUENCE + 1),
    "a sequence that is a text": document(sequence="7"),
    "a sequence that is a fraction": document(sequence=7.0),
    "a sequence that is a truth": document(sequence=True),
    "an empty id": document(id=""),
    "an id with a line break": document(id="a\nb"),
    "an id that is too long": document(id="x" * 65),
    "half a character": document(subject="\ud800"),
    "a cause that is a number": document(causationid=3),
    "a trace that is too long": document(traceparent="0" * 65),
    "a time without an offset": document(time="2026-11-24T09:00:00"),
    "a time that is a number": document(time=1_790_000_000),
    "a day that is none": document(time="2026-02-30T09:00:00+00:00"),
    "data that is a text": document(data="{}"),
    "two documents": document() + document(),
    "a number that JSON does not have": document(data={"n": float("nan")}),
    "an endless number": document(data={"n": float("-inf")}),
    "an integer of many digits": document(data={}).replace(b"{}", b'{"n":' + b"9" * 5000 + b"}"),
    "nested without end": b"[" * 100_000,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_it_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedEnvelope):
        parse_envelope(body)


def test_what_is_unknown_beside_the_known_is_passed_over() -> None:
    """CloudEvents lets others add attributes."""
    assert parse_envelope(document(partitionkey="x")) == envelope()


def test_the_longest_message_is_read_and_one_byte_more_is_not() -> None:
    body = document()
    longest = body + b" " * (MAX_BYTES - len(body))
    assert parse_envelope(longest) == envelope()
    with pytest.raises(MalformedEnvelope, match="longer"):
        parse_envelope(longest + b" ")


def test_a_number_that_json_does_not_have_is_not_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Envelope("m", "s", "t", "x", NOW, 1, {"n": float("nan")}, "c").to_json()
