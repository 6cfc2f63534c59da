"""What can be done with an admission round: open it, rank, rehearse, run, publish."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import age_on
from services.chassis.ids import derived_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.eligibility import refusal_for_pupil, refusal_to_apply
from services.contracts.rule_book import RuleBook
from services.enrolment import repository
from services.enrolment.choices import siblings_not_together
from services.enrolment.domain.admission import (
    AGE_OF_MAJORITY,
    COURSE_UNKNOWN,
    PUPIL_UNKNOWN,
    Applicant,
    CourseState,
)
from services.enrolment.domain.requests import is_readable
from services.enrolment.domain.round import REFUSED, Reason, explain, place_within
from services.enrolment.rounds.frozen import Problem, digest_of, freeze
from services.enrolment.rounds.loading import courses_of, load_problem, ranked_pupils
from services.enrolment.rounds.publishing import publish
from services.enrolment.rounds.results import Result, insert_results
from services.enrolment.tables import courses, round_rankings, round_runs, round_wishes, rounds, terms

REHEARSAL, FINAL = "rehearsal", "final"

ROUND_UNKNOWN = Refusal("round_unknown", N_("There is no such admission round."), status=404)
RANKED_WITH_OTHERS = Refusal(
    "ranked_with_others",
    N_(
        "The other guardian has ranked this child together with a brother or sister of its own. "
        "Agree on it: that guardian can take the ranking back, and then you can rank."
    ),
)
ROUND_ID_TAKEN = Refusal(
    "round_id_taken", N_("This id belongs to another round. Reload the form and send it again.")
)
ROUND_GOING_ON = Refusal(
    "round_going_on", N_("An admission round for these courses is going on: publish it first.")
)
NO_ROUND_COURSES = Refusal(
    "no_round_courses",
    N_("No course of this term has a rule book that gives places in a round."),
)
RESERVED_TOO_MANY = Refusal(
    "reserved_too_many",
    N_("%(reserved)s seats would be reserved on each course, but one has only %(seats)s free."),
    status=422,
)
ROUND_CLOSED = Refusal("round_closed", N_("The ranking is closed: the round has been run."))
ROUND_NOT_RUN = Refusal("round_not_run", N_("The round has not been run yet: run it before publishing."))
TOO_MANY_WISHES = Refusal(
    "too_many_wishes", N_("You can rank up to %(most)s courses; you ranked %(ranked)s."), status=422
)
TOO_MANY_AT_SCHOOL = Refusal(
    "too_many_wishes",
    N_("At %(school)s a pupil can rank up to %(most)s courses; you ranked %(ranked)s."),
    status=422,
)
NOBODY_RANKED = Refusal("nobody_ranked", N_("Tick for whom the ranking is."), status=422)
COURSE_RANKED_TWICE = Refusal("course_ranked_twice", N_("A course can be on the list only once."), status=422)
COURSE_NOT_IN_ROUND = Refusal(
    "course_not_in_round", N_("This course does not give its places in this round."), status=422
)


@dataclass(frozen=True, slots=True)
class NewRound:
    """`scope` is a municipality's code, or two digits for a county; `reserved` seats a municipality on each
    course; `seed` decides between equals."""

    round_id: str
    term_id: str
    scope: str
    most_wishes: int
    seed: str
    reserved: Mapping[str, int]


def open_round(unit: Unit, new: NewRound, by: str) -> None:
    """Families may rank from now on. The same again changes nothing. Raises Refused."""
    values = {
        "term_id": new.term_id,
        "scope": new.scope,
        "most_wishes": new.most_wishes,
        "reserved": json.dumps(dict(new.reserved), sort_keys=True),
    }
    # Two that are opened at once see one another: the second waits for the term.
    unit.row(sa.select(terms.c.term_id).where(terms.c.term_id == new.term_id).with_for_update(key_share=True))
    before = unit.row(sa.select(rounds).where(rounds.c.round_id == new.round_id))
    if before is not None:
        if any(getattr(before, name) != value for name, value in values.items()):
            raise Refused(ROUND_ID_TAKEN)
        return
    going_on = unit.rows(
        sa.select(rounds.c.scope).where(rounds.c.term_id == new.term_id, rounds.c.state != "published")
    )
    if any(row.scope.startswith(new.scope) or new.scope.startswith(row.scope) for row in going_on):
        raise Refused(ROUND_GOING_ON)
    unit.execute(
        sa.insert(rounds).values(
            **values,
            round_id=new.round_id,
            seed=new.seed,
            state="open",
            opened_by=by,
            opened_at=unit.now,
        )
    )
    states = courses_of(unit.connection, lock_round(unit, new.round_id))
    _check_seats(states, new.reserved)
    # After an earlier round they gave seats singly, which this one must find as it left them.
    unit.execute(sa.update(courses).where(courses.c.course_id.in_(list(states))).values(round_over=False))


def _check_seats(states: Mapping[str, CourseState], reserved: Mapping[str, int]) -> None:
    if not states:
        raise Refused(NO_ROUND_COURSES)
    wanted = sum(reserved.values())
    for state in states.values():
        free = state.capacity - state.taken
        if wanted > free:
            facts = {"reserved": wanted, "seats": free}
            raise Refused(replace(RESERVED_TOO_MANY, facts=facts))


def lock_round(unit: Unit, round_id: str) -> sa.Row[Any]:
    row = unit.row(sa.select(rounds).where(rounds.c.round_id == round_id).with_for_update())
    if row is None:
        raise Refused(ROUND_UNKNOWN)
    return row


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best course first; several pupils are siblings who come together or not at all."""

    round_id: str
    pupil_ids: tuple[str, ...]
    course_ids: tuple[str, ...]
    guardian_id: str
    by: str


def rank_courses(unit: Unit, ranking: Ranking) -> None:
    """The pupils' ranking in place of any before; one who was ranked with siblings is taken from them all.

    Raises Refused.
    """
    if not all(map(is_readable, (ranking.round_id, *ranking.pupil_ids, *ranking.course_ids))):
        raise Refused(ROUND_UNKNOWN)
    round_ = lock_round(unit, ranking.round_id)
    if round_.state != "open":
        raise Refused(ROUND_CLOSED)
    _check_ranking(unit, round_, ranking)
    before = ranked_pupils(unit.connection, ranking.round_id, ranking.pupil_ids)
    together = sorted(before - set(ranking.pupil_ids))
    if not _may_rank(unit, ranking.guardian_id, together, repository.applicants(unit, together)):
        raise Refused(RANKED_WITH_OTHERS)
    since = _wished_since(unit, ranking)
    for table in (round_wishes, round_rankings):
        mine = table.c.pupil_id.in_(sorted(before | set(ranking.pupil_ids)))
        unit.execute(sa.delete(table).where(table.c.round_id == ranking.round_id, mine))
    if not ranking.course_ids:
        return
    about = {
        "round_id": ranking.round_id,
        "party_id": derived_id("party", ranking.round_id, *sorted(ranking.pupil_ids)),
        "guardian_id": ranking.guardian_id,
        "ranked_by": ranking.by,
        "ranked_at": unit.now,
    }
    unit.execute(sa.insert(round_rankings), [{**about, "pupil_id": each} for each in ranking.pupil_ids])
    wishes = [
        {
            "round_id": ranking.round_id,
            "pupil_id": pupil,
            "position": position,
            "course_id": course,
            "ranked_on": since.get((pupil, course), unit.today),
        }
        for pupil in ranking.pupil_ids
        for position, course in enumerate(ranking.course_ids, start=1)
    ]
    unit.execute(sa.insert(round_wishes), wishes)


def _wished_since(unit: Unit, ranking: Ranking) -> dict[tuple[str, str], date]:
    """The day by pupil and course of the wishes there are: one that only moves on the list keeps its day."""
    rows = unit.rows(
        sa.select(round_wishes.c.pupil_id, round_wishes.c.course_id, round_wishes.c.ranked_on).where(
            round_wishes.c.round_id == ranking.round_id,
            round_wishes.c.pupil_id.in_(ranking.pupil_ids),
            round_wishes.c.ranked_on.is_not(None),
        )
    )
    return {(row.pupil_id, row.course_id): row.ranked_on for row in rows}


def _check_ranking(unit: Unit, round_: sa.Row[Any], ranking: Ranking) -> None:
    ranked = len(ranking.course_ids)
    if not ranking.pupil_ids:
        raise Refused(NOBODY_RANKED)
    if ranked > round_.most_wishes:
        facts = {"most": round_.most_wishes, "ranked": ranked}
        raise Refused(replace(TOO_MANY_WISHES, facts=facts))
    if len(set(ranking.course_ids)) < ranked:
        raise Refused(COURSE_RANKED_TWICE)
    applicants = repository.applicants(unit, ranking.pupil_ids)
    _check_right(unit, ranking, applicants)
    states = courses_of(unit.connection, round_)
    for course_id in ranking.course_ids:
        course = states.get(course_id)
        if course is None:
            raise Refused(COURSE_NOT_IN_ROUND if _exists(unit, course_id) else COURSE_UNKNOWN)
        if len(ranking.pupil_ids) > 1 and not course.rule_book.ordering.siblings_together:
            raise Refused(siblings_not_together(course.rule_book))
        _check_rules(unit, course, [applicant for applicant, _ in applicants.values()])
    _check_choices([states[course_id].rule_book for course_id in ranking.course_ids])


def _check_right(
    unit: Unit, ranking: Ranking, applicants: Mapping[str, tuple[Applicant, sa.Row[Any]]]
) -> None:
    if not _may_rank(unit, ranking.guardian_id, ranking.pupil_ids, applicants):
        raise Refused(PUPIL_UNKNOWN)


def _may_rank(
    unit: Unit,
    person_id: str,
    pupil_ids: Sequence[str],
    applicants: Mapping[str, tuple[Applicant, sa.Row[Any]]],
) -> bool:
    """A guardian ranks for its own children, a pupil for itself, and from 18 nobody else."""
    guardians = repository.guardians_of(unit, pupil_ids)
    for pupil_id in pupil_ids:
        if pupil_id not in applicants:
            return False
        of_age = age_on(applicants[pupil_id][0].born_on, unit.today) >= AGE_OF_MAJORITY
        if person_id not in (pupil_id, *(() if of_age else guardians.get(pupil_id, ()))):
            return False
    return True


def _check_choices(books: Sequence[RuleBook]) -> None:
    """No more wishes at one school than its rule book lets a pupil rank. Raises Refused."""
    for book in books:
        most, ranked = book.limits.ranked_choices, books.count(book)
        if most is not None and ranked > most:
            facts = {"most": most, "ranked": ranked, "school": book.school_name}
            rule = f"{book.rule_book_id}/limits"
            raise Refused(replace(TOO_MANY_AT_SCHOOL, facts=facts, rule=rule))


def _check_rules(unit: Unit, course: CourseState, applicants: Sequence[Applicant]) -> None:
    for applicant in applicants:
        age = age_on(applicant.born_on, course.terms.term_starts_on)
        refusal = refusal_to_apply(course.terms, course.rule_book, unit.today) or refusal_for_pupil(
            course.terms, course.rule_book, applicant.home, age, unit.today, known=applicant.known
        )
        if refusal is not None:
            raise Refused(refusal)


def _exists(unit: Unit, course_id: str) -> bool:
    return unit.row(repository.course_rows([course_id])) is not None


def run_round(unit: Unit, round_id: str, run_id: str, kind: str, by: str) -> None:
    """Place everybody who ranked, and keep input, result and reasons. A rehearsal changes nothing else.

    The run that counts closes the ranking. The same run again changes nothing. Raises Refused.
    """
    round_ = lock_round(unit, round_id)
    if unit.row(sa.select(round_runs.c.run_id).where(round_runs.c.run_id == run_id)) is not None:
        return
    if round_.state != "open":
        raise Refused(ROUND_CLOSED)
    with _collector_rests():
        problem = load_problem(unit.connection, round_, unit.today)
        frozen = freeze(problem)
        unit.execute(
            sa.insert(round_runs).values(
                run_id=run_id,
                round_id=round_id,
                kind=kind,
                frozen=frozen,
                digest=digest_of(frozen),
                run_by=by,
                run_at=unit.now,
            )
        )
        insert_results(unit, run_id, results_of(problem))
    if kind == FINAL:
        unit.execute(sa.update(rounds).where(rounds.c.round_id == round_id).values(state="run"))


@contextmanager
def _collector_rests() -> Iterator[None]:
    """Of hundreds of thousands of tuples none is in a cycle: looking for one takes a third of the time."""
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()


def results_of(problem: Problem) -> list[Result]:
    """A row a pupil: the place, if any, and what became of each wish. Follows from the input alone."""
    placed, over = place_within(problem.courses, problem.parties, problem.homes, problem.ceilings)
    reasons = explain(problem.courses, problem.parties, placed, over)
    refused: dict[str, list[str]] = {}
    for (pupil_id, wished), why in problem.refused.items():
        refused.setdefault(pupil_id, []).append(json.dumps([wished, REFUSED, why]))
    # The same is told to many: it is written once.
    told: dict[Reason, str] = {}
    rows = []
    for party, index, explained in zip(problem.parties, placed, reasons, strict=True):
        texts = []
        for reason in explained:
            text = told.get(reason)
            if text is None:
                text = told[reason] = json.dumps(_told(problem, reason))
            texts.append(text)
        course_id = None if index is None else party.choices[index].course_id
        wish = None if index is None else index + 1
        for pupil_id in party.pupils:
            mine = [*texts, *refused[pupil_id]] if pupil_id in refused else texts
            rows.append(Result(pupil_id, course_id, wish, f"[{', '.join(mine)}]"))
    return rows


def _told(problem: Problem, reason: Reason) -> tuple[str, str, str | None]:
    """(course, what became of the wish, the criterion that decided) for the family's page."""
    at = reason.criterion
    return reason.course_id, reason.outcome, None if at is None else problem.criteria[reason.course_id][at]


def publish_round(unit: Unit, round_id: str, by: str) -> None:
    """Places and queue positions become applications and facts. Again changes nothing. Raises Refused."""
    round_ = lock_round(unit, round_id)
    if round_.state == "published":
        return
    if round_.state != "run":
        raise Refused(ROUND_NOT_RUN)
    publish(unit, round_, by)
    unit.execute(sa.update(rounds).where(rounds.c.round_id == round_id).values(state="published"))
