"""May this pupil take this course, and what would it cost: asked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import age_on
from services.chassis.refusals import Refusal
from services.contracts.eligibility import Basis, basis_for_pupil, refusal_for_pupil, refusal_to_apply
from services.contracts.price import Price, full_price, takes_voucher
from services.enrolment import pricing, queries, repository, surroundings
from services.enrolment.domain.admission import CourseState, refusal_before_round, why_waits
from services.enrolment.domain.limits import Wish, last_choice, refusal_by_limits
from services.enrolment.domain.requests import NOTHING_CHOSEN, Chosen
from services.enrolment.tables import pupils


@dataclass(frozen=True, slots=True)
class Verdict:
    """May this pupil take the course? `refusal` says why not; `basis` says under which rule it may.

    `price` is the full price for this pupil, with what the family chose; None where the rule book names none.
    `choices` are the places among the pupil's ranked choices that it may have, from 1; none without ranks.
    `chosen_refusal` says why the family may not rent or pay as it chose. `waits_by` is the rule by which the
    pupil would wait today; None where it would have a seat at once. `before_round` says that the course gives
    its places in a round, where the pupil can rank it if `refusal` is None.
    """

    pupil: queries.Pupil
    age: int
    refusal: Refusal | None
    basis: Basis | None
    price: Price | None
    application_id: str | None
    choices: tuple[int, ...] = ()
    instruments: tuple[str, ...] = ()
    takes_voucher: bool = False
    chosen: Chosen = NOTHING_CHOSEN
    chosen_refusal: Refusal | None = None
    waits_by: str | None = None
    before_round: Refusal | None = None

    @property
    def refusal_now(self) -> Refusal | None:
        """Why the pupil cannot apply for the course by itself today."""
        return self.before_round or self.refusal

    @property
    def fee_ore(self) -> int | None:
        return None if self.price is None else self.price.total_ore


def verdicts_of(
    connection: sa.Connection,
    person_id: str,
    state: CourseState,
    today: date,
    chosen: Mapping[str, Chosen] | None = None,
) -> list[Verdict]:
    """For each of the person's pupils; `application_id` where it has applied already.

    `chosen` is what the family would choose, by pupil.
    """
    return verdicts_by_course(connection, person_id, {state.course_id: state}, today, chosen)[state.course_id]


def verdicts_by_course(
    connection: sa.Connection,
    person_id: str,
    states: Mapping[str, CourseState],
    today: date,
    chosen: Mapping[str, Chosen] | None = None,
) -> dict[str, list[Verdict]]:
    """As `verdicts_of` for several courses, in as many statements as for one."""
    mine = queries.pupils_of(connection, person_id, today)
    ids = [pupil.pupil_id for pupil in mine]
    rows = {
        row.pupil_id: row for row in connection.execute(sa.select(pupils).where(pupils.c.pupil_id.in_(ids)))
    }
    family = pricing.families_of(connection, ids)
    limits = surroundings.load_ceilings(connection, {state.term_id for state in states.values()})
    surroundings.count_held(connection, states.values())
    surroundings.find_blocked(connection, states.values(), limits, today)
    wanted = chosen or {}
    return {
        course_id: [
            _verdict(
                (pupil, rows[pupil.pupil_id]),
                family,
                state,
                today,
                wanted.get(pupil.pupil_id, NOTHING_CHOSEN),
                waits_by=why_waits(state, pupil.home.code, today, limits),
            )
            for pupil in mine
        ]
        for course_id, state in states.items()
    }


def _verdict(
    who: tuple[queries.Pupil, sa.Row[Any]],
    family: pricing.Family,
    state: CourseState,
    today: date,
    chosen: Chosen,
    *,
    waits_by: str | None,
) -> Verdict:
    pupil, row = who
    terms, rule_book = state.terms, state.rule_book
    known = repository.known_of(row)
    age = age_on(pupil.born_on, terms.term_starts_on)
    engagements = family.engagements.get(pupil.pupil_id, ())
    before_round = refusal_before_round(state)
    gets_seat = waits_by is None or before_round is not None  # what a round gives is a seat
    wish = Wish(state.course_id, terms.fee_kind, state.lesson, gets_seat)
    last = last_choice(rule_book, state.lesson, engagements)
    by_limits = {
        choice: refusal_by_limits(rule_book, replace(wish, choice=choice), engagements)
        for choice in (range(1, last + 1) if last else [None])
    }
    refusal = (
        refusal_to_apply(terms, rule_book, today)
        or refusal_for_pupil(terms, rule_book, pupil.home, age, today, known=known)
        # As the first choice it has the fewest others in its way.
        or by_limits[min(by_limits, key=lambda choice: choice or 0)]
    )
    basis = None if refusal else basis_for_pupil(terms, rule_book, pupil.home, known)
    applied = [each.application_id for each in engagements if each.course_id == state.course_id]
    chosen_refusal = pricing.refusal_of(family, row, state, chosen)
    facts = pricing.price_facts(
        family,
        row,
        state,
        applied[0] if applied else None,
        joins_on=today,
        chosen=NOTHING_CHOSEN if chosen_refusal else chosen,
    )
    return Verdict(
        pupil,
        age,
        refusal,
        basis,
        full_price(terms, rule_book, facts),
        applied[0] if applied else None,
        choices=tuple(choice for choice, reason in by_limits.items() if choice and reason is None),
        instruments=tuple(pricing.instruments_of(state)),
        takes_voucher=takes_voucher(rule_book, facts),
        chosen=chosen,
        chosen_refusal=chosen_refusal,
        waits_by=waits_by,
        before_round=before_round,
    )
