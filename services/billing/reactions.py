"""One function per foreign fact: what billing does when another service says that something happened."""

from __future__ import annotations

import json

import sqlalchemy as sa

from services.billing.commands import moves, protecting
from services.billing.copy_tables import (
    courses,
    members,
    place_subjects,
    places,
    pupil_merges,
    pupil_moves,
    pupil_protections,
    terms,
)
from services.billing.fee_tables import place_fees
from services.chassis.messaging.worker import Reactions
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import CoursePublished, MunicipalityRegistered, TermOpened
from services.contracts.enrolment import (
    ApplicationEnded,
    PlaceGiven,
    PlacePriced,
    PupilMoved,
    PupilProtectionChanged,
    PupilsMerged,
)


def on_municipality_registered(unit: Unit, fact: MunicipalityRegistered) -> None:
    names = ("municipality_code", "name", "member_from", "member_to")
    unit.keep(members, {name: getattr(fact, name) for name in names})


def on_term_opened(unit: Unit, fact: TermOpened) -> None:
    unit.keep(
        terms,
        {
            "term_id": fact.term_id,
            "name_sv": fact.name.sv,
            "name_en": fact.name.en,
            "starts_on": fact.starts_on,
            "ends_on": fact.ends_on,
        },
    )
    # The days of the term weigh the parts of a place.
    unit.once(moves.split_of_terms, fact.term_id)


def on_course_published(unit: Unit, fact: CoursePublished) -> None:
    unit.keep(courses, {"course_id": fact.course_id, "fee_kind": fact.fee_kind})


def on_place_given(unit: Unit, fact: PlaceGiven) -> None:
    """Counted once an application; said again after the place has ended, it stays ended.

    Of a protected identity neither home nor pupil is kept, also where an earlier fact had said them.
    """
    is_shown = fact.home_municipality is not None
    unit.add(
        places,
        {
            "application_id": fact.application_id,
            "home_municipality": fact.home_municipality,
            "host_municipality": fact.host_municipality,
            "term_id": fact.term_id,
            "given_at": fact.given_at,
        },
    )
    unit.keep(
        place_subjects,
        {
            "application_id": fact.application_id,
            "sequence": _sequence(unit),
            "pupil_id": fact.pupil_id if is_shown else None,
            "course_id": fact.course_id,
        },
    )
    if not is_shown:
        this = places.c.application_id == fact.application_id
        unit.execute(
            sa.update(places)
            .where(this, places.c.home_municipality.is_not(None))
            .values(home_municipality=None)
        )
    unit.once(moves.split_given, fact.application_id)
    unit.once(protecting.hide_given, fact.application_id)


def on_application_ended(unit: Unit, fact: ApplicationEnded) -> None:
    """Only a place that was given is there to end; of the queue billing knows nothing."""
    unit.execute(
        sa.update(places)
        .where(places.c.application_id == fact.application_id, places.c.outcome.is_(None))
        .values(ended_at=fact.ended_at, outcome=fact.outcome, left_ore=fact.cost_ore)
    )


def on_place_priced(unit: Unit, fact: PlacePriced) -> None:
    """The newest price holds; an older one that is told again changes nothing."""
    lines = [[line.rule, line.text.sv, line.text.en, line.amount_ore] for line in fact.lines]
    names = ("application_id", "guardian_id", "rule_book_id", "total_ore", "child_number", "course_number")
    more = ("rents", "rental_ore", "voucher_ore", "priced_at")
    row = {name: getattr(fact, name) for name in (*names, *more)}
    unit.keep(
        place_fees,
        {**row, "lines": json.dumps(lines, ensure_ascii=False), "sequence": _sequence(unit)},
    )


def on_pupil_moved(unit: Unit, fact: PupilMoved) -> None:
    """Each place of the pupil counts by days where the move falls in its term."""
    names = ("pupil_id", "from_municipality", "to_municipality", "moved_on")
    row = {name: getattr(fact, name) for name in names}
    unit.add(pupil_moves, {"sequence": _sequence(unit), **row})
    unit.once(moves.split_of_pupils, fact.pupil_id)


def on_pupil_protection_changed(unit: Unit, fact: PupilProtectionChanged) -> None:
    """What is kept forgets the pupil, at once and in its turn; after the end it does not remember."""
    names = ("pupil_id", "is_protected")
    row = {name: getattr(fact, name) for name in names}
    unit.keep(pupil_protections, {**row, "sequence": _sequence(unit)})
    said_last = unit.connection.scalar(
        sa.select(pupil_protections.c.sequence).where(pupil_protections.c.pupil_id == fact.pupil_id)
    )
    if fact.is_protected and said_last == _sequence(unit):  # and not one that is told again
        protecting.hide_pupil(unit, fact.pupil_id)


def on_pupils_merged(unit: Unit, fact: PupilsMerged) -> None:
    """The places and moves of both are one pupil's, also those that are told of later."""
    unit.keep(pupil_merges, {"merged_id": fact.merged_id, "pupil_id": fact.pupil_id})
    unit.once(moves.split_of_pupils, fact.pupil_id)


def _sequence(unit: Unit) -> int:
    """The number of the fact in its stream: said again, it has the same."""
    if unit.cause is None:
        raise LookupError("what holds is told by the order of the facts that say it")
    return unit.cause.sequence


REACTIONS: Reactions = {
    MunicipalityRegistered: on_municipality_registered,
    TermOpened: on_term_opened,
    CoursePublished: on_course_published,
    PlaceGiven: on_place_given,
    ApplicationEnded: on_application_ended,
    PlacePriced: on_place_priced,
    PupilMoved: on_pupil_moved,
    PupilProtectionChanged: on_pupil_protection_changed,
    PupilsMerged: on_pupils_merged,
}
