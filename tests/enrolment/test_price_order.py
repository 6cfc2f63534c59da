"""Which course and which child a place is, where the order of applying must not matter, or must last."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished, TermOpened
from services.contracts.enrolment import ApplicationEnded, PlacePriced
from services.contracts.fact import LocalText
from services.contracts.rule_book import Fee
from services.contracts.rule_dates import TermDays
from services.contracts.rule_prices import PriceRule, Pricing, Trial, Withdrawal, WithdrawalStep
from services.enrolment import commands, pricing, repository
from services.enrolment.pricer import price_places
from services.enrolment.tables import applications, pupils
from tests.enrolment.conftest import both
from tests.enrolment.rollover.story import NEXT_DANCE, NEXT_FIDDLE, autumn_comes
from tests.enrolment.rollover.story import run as roll
from tests.enrolment.story import DANCE, FIDDLE, MARIA, NORRBYS_RULES, decide, facts, request, tell

TEXT = LocalText("Regeln", "The rule")
ENSEMBLE = replace(DANCE, course_id="ensemble", fee_kind="ensemble", max_age=19)
STEPS = (
    PriceRule("second_child", TEXT, "fee_ore", 33000, kinds=("instrument",), child_from=2, course_to=1),
    PriceRule("extra", TEXT, "fee_ore", 33000, kinds=("instrument",), course_from=2),
)


def fees(**ore: int) -> tuple[Fee, ...]:
    return tuple(Fee(kind, amount, LocalText(kind, kind)) for kind, amount in ore.items())


def rules(storage: Storage, **changes: Any) -> None:
    tell(storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, **changes)))


def totals(storage: Storage) -> dict[str, int]:
    """By application, what was said last."""
    with storage.unit() as unit:
        price_places(unit, 100)
    return {fact.application_id: fact.total_ore for fact in facts(storage, PlacePriced)}


def withdrawal_cost(storage: Storage, application_id: str, today: date) -> int | None:
    with storage.reading() as connection:
        row = connection.execute(
            sa.select(applications).where(applications.c.application_id == application_id)
        ).one()
        known = repository.known_municipalities(connection)
        course = connection.execute(repository.course_rows([row.course_id])).one()
        state = repository.course_state(course, known)
        found = pricing.withdrawal_cost(connection, row, state, today)
    return found.cost_ore if found else None


class TestKindsThatAreNoStep:
    @both
    @pytest.mark.parametrize("order", list(permutations(["ensemble", "course", "sibling"])))
    def test_a_free_ensemble_is_neither_course_nor_child(
        self, storage: Storage, clock: FixedClock, order: tuple[str, ...]
    ) -> None:
        """Alma plays in the ensemble and takes a course, or her brother Leo takes one: whoever came first."""
        tell(storage, ENSEMBLE, replace(FIDDLE, max_age=19, capacity=9))
        pricing_rules = Pricing(rules=STEPS, not_counted_kinds=("ensemble",))
        rules(storage, fees=fees(instrument=65000, ensemble=0), pricing=pricing_rules)
        wanted = {
            "ensemble": request("ensemble", "ensemble", "alma", MARIA),
            "course": request("course", "fiddle", "alma", MARIA),
            "sibling": request("sibling", "ensemble", "leo", MARIA),
        }
        for each in order:
            decide(storage, wanted[each])
            clock.time += timedelta(hours=1)
        assert totals(storage) == {"ensemble": 0, "course": 65000, "sibling": 0}

    @both
    def test_a_child_with_only_the_ensemble_makes_no_second_child(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        tell(storage, ENSEMBLE, replace(FIDDLE, max_age=19, capacity=9))
        both_ways = []
        for kinds in ((), ("ensemble",)):
            pricing_rules = Pricing(rules=STEPS, not_counted_kinds=kinds)
            rules(storage, fees=fees(instrument=65000, ensemble=0), pricing=pricing_rules)
            if not both_ways:
                decide(storage, request("ensemble", "ensemble", "alma", MARIA))
                clock.time += timedelta(hours=1)
                decide(storage, request("course", "fiddle", "leo", MARIA))
            else:
                with storage.unit() as unit:
                    pricing.price_anew(unit, ["alma", "leo"])
            both_ways.append(totals(storage)["course"])
        assert both_ways == [33000, 65000]


class TestTheOrderOfAFamily:
    HALF = Pricing(rules=(PriceRule("sibling", TEXT, "percent", 50, child_from=2),))

    def given(self, storage: Storage, instrument: int = 85000, dance: int = 40000) -> None:
        tell(storage, replace(FIDDLE, max_age=19), replace(DANCE, fee_kind="dance", max_age=19))
        rules(storage, fees=fees(instrument=instrument, dance=dance), pricing=self.HALF)

    @both
    @pytest.mark.parametrize(("fiddle_id", "dance_id"), [("a", "b"), ("b", "a")])
    def test_of_one_moment_the_dearest_fee_is_first_whatever_the_ids(
        self, storage: Storage, fiddle_id: str, dance_id: str
    ) -> None:
        self.given(storage)
        decide(
            storage,
            request(fiddle_id, "fiddle", "alma", MARIA),
            request(dance_id, "dance", "leo", MARIA),
        )
        assert totals(storage) == {fiddle_id: 85000, dance_id: 20000}

    @both
    @pytest.mark.parametrize(("alma_id", "leo_id"), [("a", "b"), ("b", "a")])
    def test_of_one_fee_the_older_child_is_first(self, storage: Storage, alma_id: str, leo_id: str) -> None:
        self.given(storage, 60000, 60000)
        with storage.reading() as connection:
            rows = connection.execute(sa.select(pupils.c.pupil_id, pupils.c.born_on)).all()
        born = {row.pupil_id: row.born_on for row in rows}
        decide(storage, request(alma_id, "fiddle", "alma", MARIA), request(leo_id, "dance", "leo", MARIA))
        first, second = (alma_id, leo_id) if born["alma"] < born["leo"] else (leo_id, alma_id)
        assert totals(storage) == {first: 60000, second: 30000}

    @both
    @pytest.mark.parametrize("names", [("a", "b"), ("b", "a"), ("x1", "x0")])
    @pytest.mark.parametrize("first", ["fiddle", "dance"])
    def test_a_place_that_goes_on_keeps_its_turn(
        self, storage: Storage, clock: FixedClock, names: tuple[str, str], first: str
    ) -> None:
        self.given(storage)
        ids = dict(zip(("fiddle", "dance"), names, strict=True))
        wanted = {
            "fiddle": request(ids["fiddle"], "fiddle", "alma", MARIA),
            "dance": request(ids["dance"], "dance", "leo", MARIA),
        }
        decide(storage, wanted[first])
        clock.time += timedelta(days=1)
        decide(storage, *(each for name, each in wanted.items() if name != first))
        before = totals(storage)
        tell(
            storage,
            TermOpened("ht27", TEXT, date(2027, 8, 30), date(2027, 12, 17), None, None),
            replace(NEXT_FIDDLE, max_age=19),
            replace(NEXT_DANCE, fee_kind="dance", max_age=19),
        )
        clock.time = datetime(2027, 6, 1, 9, tzinfo=UTC)
        roll(storage)
        after = totals(storage)
        assert sorted(ore for name, ore in after.items() if name not in before) == sorted(before.values())


class TestWhoIsNew:
    TRIALS: ClassVar[dict[str, Any]] = {
        "trials": (Trial(1, TEXT, new_pupils_only=True),),
        "withdrawal": Withdrawal(steps=(WithdrawalStep("end", TEXT, "end", None),)),
    }

    @both
    def test_a_new_pupil_may_begin_with_two_courses(self, storage: Storage) -> None:
        rules(storage, **self.TRIALS)
        decide(storage, request("a1", "fiddle", "alma", MARIA), request("a2", "dance", "alma", MARIA))
        assert [withdrawal_cost(storage, each, date(2027, 1, 23)) for each in ("a1", "a2")] == [0, 0]

    @both
    def test_who_goes_on_is_new_in_the_first_term_and_not_in_the_next(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        rules(storage, **self.TRIALS)
        decide(storage, request("a1", "fiddle", "alma", MARIA))
        autumn_comes(storage)
        clock.time = datetime(2027, 6, 1, 9, tzinfo=UTC)
        roll(storage)
        with storage.reading() as connection:
            next_id = connection.scalar(
                sa.select(applications.c.application_id).where(applications.c.course_id == "fiddle-ht27")
            )
        assert withdrawal_cost(storage, "a1", date(2027, 1, 23)) == 0
        assert withdrawal_cost(storage, str(next_id), date(2027, 8, 30)) == 85000


@both
def test_who_joined_late_withdraws_for_the_lower_fee(storage: Storage, clock: FixedClock) -> None:
    late = PriceRule("half", TEXT, "percent", 50, joins_from=TermDays(spring="03-15"))
    rules(
        storage,
        pricing=Pricing(rules=(late,)),
        withdrawal=Withdrawal(steps=(WithdrawalStep("end", TEXT, "end", None),)),
    )
    clock.time = datetime(2027, 4, 1, 9, tzinfo=UTC)
    term = TermOpened("vt27", TEXT, date(2027, 1, 18), date(2027, 6, 11), None, None)
    tell(storage, term)
    decide(storage, request("a1", "fiddle", "alma", MARIA))
    assert totals(storage) == {"a1": 42500}
    with storage.unit() as unit:
        commands.withdraw(unit, "a1", "a test", person_id=MARIA)
    assert facts(storage, ApplicationEnded)[-1].cost_ore == 42500


class TestAPlaceThatGoesOn:
    @both
    def test_has_no_new_time_to_think_it_over(self, storage: Storage, clock: FixedClock) -> None:
        steps = (
            WithdrawalStep("eight", TEXT, "answer_time", 0, days=8),
            WithdrawalStep("in_time", TEXT, "deadline", 0),
            WithdrawalStep("later", TEXT, "term_start", 25000),
        )
        rules(storage, withdrawal=Withdrawal(deadline=TermDays(autumn="05-01"), steps=steps))
        next_id = self._goes_on(storage, clock, datetime(2027, 6, 10, 9, tzinfo=UTC))
        assert withdrawal_cost(storage, next_id, date(2027, 6, 15)) == 25000

    @both
    def test_does_not_join_late(self, storage: Storage, clock: FixedClock) -> None:
        late = PriceRule("half", TEXT, "percent", 50, joins_from=TermDays(autumn="09-15"))
        rules(storage, pricing=Pricing(rules=(late,)))
        next_id = self._goes_on(storage, clock, datetime(2027, 9, 16, 9, tzinfo=UTC))
        assert totals(storage)[next_id] == 85000

    def _goes_on(self, storage: Storage, clock: FixedClock, when: datetime) -> str:
        decide(storage, request("a1", "fiddle", "alma", MARIA))
        autumn_comes(storage)
        clock.time = when
        roll(storage)
        with storage.reading() as connection:
            row = connection.execute(
                sa.select(applications.c.application_id, applications.c.state).where(
                    applications.c.course_id == "fiddle-ht27"
                )
            ).one()
        assert row.state == "placed"
        return str(row.application_id)
