"""What pages and the API read of admission rounds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.contracts.fact import LocalText
from services.enrolment import repository
from services.enrolment.domain.admission import CourseState
from services.enrolment.domain.requests import is_readable
from services.enrolment.queries import Pupil
from services.enrolment.rounds.commands import results_of
from services.enrolment.rounds.frozen import thaw
from services.enrolment.rounds.loading import courses_of
from services.enrolment.tables import (
    courses,
    round_rankings,
    round_results,
    round_runs,
    round_wishes,
    rounds,
    terms,
)


@dataclass(frozen=True, slots=True)
class Round:
    """`seed` is None until the ranking is closed; its digest, `seed_digest`, is public from the start."""

    round_id: str
    scope: str
    term_id: str
    term: LocalText
    most_wishes: int
    reserved: Mapping[str, int]
    state: str
    seed: str | None
    seed_digest: str
    opened_at: datetime
    ranked: int


def rounds_where(connection: sa.Connection, *conditions: Any) -> list[Round]:
    """Rounds, the newest first."""
    ranked = (
        sa.select(sa.func.count())
        .where(round_rankings.c.round_id == rounds.c.round_id)
        .scalar_subquery()
        .label("ranked")
    )
    rows = connection.execute(
        sa.select(rounds, terms.c.name_sv, terms.c.name_en, ranked)
        .join(terms, terms.c.term_id == rounds.c.term_id)
        .where(*conditions)
        .order_by(rounds.c.opened_at.desc(), rounds.c.round_id)
    )
    return [
        Round(
            round_id=row.round_id,
            scope=row.scope,
            term_id=row.term_id,
            term=LocalText(row.name_sv, row.name_en),
            most_wishes=row.most_wishes,
            reserved=json.loads(row.reserved),
            state=row.state,
            seed=None if row.state == "open" else row.seed,
            seed_digest=hashlib.sha256(row.seed.encode()).hexdigest(),
            opened_at=row.opened_at,
            ranked=row.ranked,
        )
        for row in rows
    ]


def round_of(connection: sa.Connection, round_id: str) -> Round | None:
    if not is_readable(round_id):
        return None
    found = rounds_where(connection, rounds.c.round_id == round_id)
    return found[0] if found else None


def rounds_to_see(connection: sa.Connection, pupils: Sequence[Pupil], today: date) -> list[Round]:
    """Rounds of terms that are not over in which a family has ranked, or can: on some course of its kind."""
    ranked = sa.select(round_rankings.c.round_id).where(
        round_rankings.c.pupil_id.in_([pupil.pupil_id for pupil in pupils])
    )
    homes = [pupil.home.code for pupil in pupils]
    to_rank = sa.exists(
        sa.select(sa.literal(1)).where(
            courses.c.term_id == rounds.c.term_id,
            courses.c.municipality_code.startswith(rounds.c.scope),
            ~courses.c.cancelled,
            sa.or_(courses.c.shared, courses.c.municipality_code.in_(homes)),
        )
    )
    mine = sa.or_(sa.and_(rounds.c.state == "open", to_rank), rounds.c.round_id.in_(ranked))
    return rounds_where(connection, terms.c.ends_on >= today, mine)


def scope_of_round(connection: sa.Connection, round_id: str) -> str | None:
    if not is_readable(round_id):
        return None
    return connection.scalar(sa.select(rounds.c.scope).where(rounds.c.round_id == round_id))


def round_to_rank(connection: sa.Connection, state: CourseState) -> str | None:
    """The id of the open round in which families rank the course; None where there is none."""
    host = state.terms.host.code
    found = connection.execute(
        sa.select(rounds.c.round_id, rounds.c.scope).where(
            rounds.c.term_id == state.term_id, rounds.c.state == "open"
        )
    )
    return next((row.round_id for row in found if host.startswith(row.scope)), None)


def states_of(connection: sa.Connection, round_id: str) -> dict[str, CourseState]:
    """The courses one can rank, by id."""
    row = connection.execute(sa.select(rounds).where(rounds.c.round_id == round_id)).one()
    return courses_of(connection, row)


@dataclass(frozen=True, slots=True)
class KeptSeats:
    """Seats that a municipality's own pupils get first on every course of the school."""

    school_name: str
    municipality_code: str
    seats: int
    until: date | None


def kept_by_rule_books(
    connection: sa.Connection, scope: str, today: date, term_id: str | None = None
) -> list[KeptSeats]:
    """What rule books keep on courses with rounds, of one term or of all that are not over."""
    statement = repository.course_rows().where(courses.c.municipality_code.startswith(scope))
    chosen = terms.c.ends_on >= today if term_id is None else terms.c.term_id == term_id
    found = set()
    for row in connection.execute(statement.where(chosen, ~courses.c.cancelled)):
        book = repository.rule_book_from(row.document)
        if book.admission != "round":
            continue
        for each in book.ordering.reserved_seats:
            if not each.until.has_passed(row.starts_on, today):
                last = each.until.of_term(row.starts_on)
                found.add(KeptSeats(book.school_name, each.municipality_code, each.seats, last))
    return sorted(found, key=lambda kept: (kept.school_name, kept.municipality_code, kept.until or today))


def titles(connection: sa.Connection, mine: Collection[str]) -> dict[str, LocalText]:
    """What courses are called, by id, in the order of their names."""
    found = connection.execute(
        sa.select(courses.c.course_id, courses.c.title_sv, courses.c.title_en, courses.c.school_name)
        .where(courses.c.course_id.in_(list(mine)))
        .order_by(courses.c.title_sv, courses.c.course_id)
    )
    return {
        row.course_id: LocalText(f"{row.title_sv}, {row.school_name}", f"{row.title_en}, {row.school_name}")
        for row in found
    }


def wishes_of(
    connection: sa.Connection, round_id: str, pupil_ids: Sequence[str]
) -> dict[str, tuple[str, list[str]]]:
    """(party, courses from the best on) by pupil."""
    found: dict[str, tuple[str, list[str]]] = {}
    for row in connection.execute(
        sa.select(round_wishes.c.pupil_id, round_wishes.c.course_id, round_rankings.c.party_id)
        .join(
            round_rankings,
            sa.and_(
                round_rankings.c.round_id == round_wishes.c.round_id,
                round_rankings.c.pupil_id == round_wishes.c.pupil_id,
            ),
        )
        .where(round_wishes.c.round_id == round_id, round_wishes.c.pupil_id.in_(list(pupil_ids)))
        .order_by(round_wishes.c.pupil_id, round_wishes.c.position)
    ):
        found.setdefault(row.pupil_id, (row.party_id, []))[1].append(row.course_id)
    return found


def explanation_of(
    connection: sa.Connection, round_id: str, pupil_id: str
) -> list[tuple[str, str, str | None]] | None:
    """What became of each wish of a pupil, once the round is published: (course, outcome, criterion)."""
    text = connection.scalar(
        sa.select(round_results.c.explanation)
        .join(round_runs, round_runs.c.run_id == round_results.c.run_id)
        .join(rounds, rounds.c.round_id == round_runs.c.round_id)
        .where(
            rounds.c.round_id == round_id,
            rounds.c.state == "published",
            round_runs.c.kind == "final",
            round_results.c.pupil_id == pupil_id,
        )
    )
    return None if text is None else [tuple(each) for each in json.loads(text)]


def not_reproducible(connection: sa.Connection) -> list[str]:
    """Runs whose result does not follow from their frozen input: there is none as long as all is well."""
    wrong = []
    for run in connection.execute(sa.select(round_runs)).all():
        kept = connection.execute(
            sa.select(round_results.c.pupil_id, round_results.c.course_id).where(
                round_results.c.run_id == run.run_id
            )
        )
        again = {row.pupil_id: row.course_id for row in results_of(thaw(run.frozen))}
        if {row.pupil_id: row.course_id for row in kept} != again:
            wrong.append(f"run {run.run_id}: its result does not follow from its input")
    return wrong


def municipality_names(connection: sa.Connection) -> dict[str, str]:
    return {code: each.name for code, each in repository.known_municipalities(connection).items()}
