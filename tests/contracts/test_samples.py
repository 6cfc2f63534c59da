"""Every version of every fact as it was once sent: still read, and written the same today, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import marshmallow
import pytest

from services.contracts import registry
from services.contracts.catalogue import CourseCancelled
from services.contracts.envelope import parse_envelope
from services.contracts.fact import Fact, LocalText
from services.contracts.registry import FACTS, UPCASTERS, UnknownFact, read_fact

FOLDER = Path(__file__).parent / "samples"
SAMPLES = sorted(FOLDER.glob("*.json"))


def message(file: Path) -> bytes:
    return file.read_bytes().removesuffix(b"\n")


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_the_envelope_comes_back_byte_for_byte(file: Path) -> None:
    assert parse_envelope(message(file)).to_json().encode() == message(file)


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_the_fact_is_still_read_and_the_newest_version_written_the_same(file: Path) -> None:
    envelope = parse_envelope(message(file))
    fact = read_fact(envelope.type, dict(envelope.data))
    assert fact.subject == envelope.subject
    assert fact.SOURCE == envelope.source
    if envelope.type in FACTS:
        assert fact.dump() == envelope.data
        assert list(fact.dump()) == list(envelope.data)


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_the_file_is_named_for_what_is_in_it(file: Path) -> None:
    type_name = parse_envelope(message(file)).type
    assert file.name.startswith(".".join(type_name.split(".")[-2:]) + ".")


def test_there_is_a_sample_of_every_version() -> None:
    sampled = {parse_envelope(message(file)).type for file in SAMPLES}
    assert sampled == {*FACTS, *UPCASTERS}


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_a_field_too_few_or_too_many_is_named(file: Path) -> None:
    """A reader never guesses: what does not fit is parked with the field's name."""
    envelope = parse_envelope(message(file))
    with pytest.raises(marshmallow.ValidationError, match="unheard_of"):
        read_fact(envelope.type, {**envelope.data, "unheard_of": 1})
    required = [name for name, field in FACTS[envelope.type].schema().fields.items() if field.required]
    assert required
    for name in required:
        less = {key: value for key, value in envelope.data.items() if key != name}
        with pytest.raises(marshmallow.ValidationError, match=name):
            read_fact(envelope.type, less)


@dataclass(frozen=True, slots=True)
class CourseCancelledV2(Fact):
    """What version 2 would be, if a course could be cancelled for a part of its pupils."""

    NAME, VERSION, SOURCE, SUBJECT = "course_cancelled", 2, "catalogue", "course_id"

    course_id: str
    reason: LocalText
    pupils: str


@dataclass(frozen=True, slots=True)
class CourseCancelledV3(Fact):
    NAME, VERSION, SOURCE, SUBJECT = "course_cancelled", 3, "catalogue", "course_id"

    course_id: str
    reason_sv: str
    reason_en: str
    pupils: str


V1, V2, V3 = (cls.type_name() for cls in (CourseCancelled, CourseCancelledV2, CourseCancelledV3))


def _from_v2(data: dict[str, Any]) -> dict[str, Any]:
    reason = data.pop("reason")
    return {**data, "reason_sv": reason["sv"], "reason_en": reason["en"]}


class TestNewVersions:
    """A release that knows version 3 beside facts of versions 1 and 2, from old logs or old processes."""

    @pytest.fixture(autouse=True)
    def _release(self, monkeypatch: pytest.MonkeyPatch) -> None:
        newer = {name: fact for name, fact in FACTS.items() if name != V1}
        monkeypatch.setattr(registry, "FACTS", {**newer, V3: CourseCancelledV3})
        upcasters = {V1: (V2, lambda data: {**data, "pupils": "all"}), V2: (V3, _from_v2)}
        monkeypatch.setattr(registry, "UPCASTERS", upcasters)

    def test_a_sample_of_the_first_version_is_read_as_the_newest(self) -> None:
        envelope = parse_envelope(message(FOLDER / "course_cancelled.v1.json"))
        assert envelope.type == V1
        fact = read_fact(envelope.type, dict(envelope.data))
        assert fact == CourseCancelledV3(
            envelope.subject, "Läraren är sjuk.", "The teacher is ill.", pupils="all"
        )

    def test_versions_between_and_the_newest_are_read_side_by_side(self) -> None:
        reason = {"sv": "Is på vägen.", "en": "Ice on the road."}
        middle = read_fact(V2, {"course_id": "c1", "reason": reason, "pupils": "adults"})
        newest = CourseCancelledV3("c1", "Is på vägen.", "Ice on the road.", "adults")
        assert middle == newest
        assert read_fact(V3, newest.dump()) == newest

    def test_an_old_fact_that_never_fitted_its_own_version_is_refused(self) -> None:
        with pytest.raises(marshmallow.ValidationError, match="course_id"):
            read_fact(V1, {"reason": {"sv": "a", "en": "b"}})


@pytest.mark.parametrize("type_name", [V2, "se.samklang.catalogue.course_cancelled", "", "course_cancelled"])
def test_a_version_that_is_not_known_is_refused_by_name(type_name: str) -> None:
    with pytest.raises(UnknownFact):
        read_fact(type_name, CourseCancelled("c1", LocalText("a", "b")).dump())
