"""Who may give up a place, where the rule book leaves it to the guardians alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.rule_prices import Withdrawal
from services.enrolment import commands
from tests.enrolment.commands.doing import refused
from tests.enrolment.pages.visitor import Visitor
from tests.enrolment.story import MARIA, NORRBYS_RULES, applied, request, states, tell
from tests.enrolment.story import decide as decided


@pytest.fixture(autouse=True)
def _only_guardians(storage: Storage) -> None:
    book = replace(NORRBYS_RULES, withdrawal=Withdrawal(only_guardian=True))
    tell(storage, RuleBookPublished("norrby-2024", book))


def withdraw(storage: Storage, application_id: str, person: str | None) -> None:
    with storage.unit() as unit:
        commands.withdraw(unit, application_id, "a test", person_id=person)


@pytest.mark.parametrize("person", [MARIA, None])
def test_a_guardian_may_and_staff_by_its_word(storage: Storage, person: str | None) -> None:
    applied(storage)
    withdraw(storage, "a1", person)
    assert states(storage) == {"a1": "withdrawn"}


def test_a_child_may_not(storage: Storage) -> None:
    applied(storage)
    refusal = refused(storage, lambda unit: commands.withdraw(unit, "a1", "alma", person_id="alma"))
    assert (refusal.name, refusal.rule, refusal.status) == ("only_guardian", "norrby-2024/withdrawal", 403)
    assert states(storage) == {"a1": "placed"}


def test_a_child_may_leave_a_queue(storage: Storage) -> None:
    decided(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(("noor", "clover", "alma"))))
    withdraw(storage, "a2", "alma")
    assert states(storage)["a2"] == "withdrawn"


def test_who_has_turned_18_decides_itself(storage: Storage, clock: FixedClock) -> None:
    applied(storage)
    clock.time = clock.time.replace(year=2035, month=3, day=14)
    withdraw(storage, "a1", "alma")
    assert states(storage) == {"a1": "withdrawn"}


def test_without_the_rule_a_child_may(storage: Storage) -> None:
    tell(storage, RuleBookPublished("norrby-2024", NORRBYS_RULES))
    applied(storage)
    withdraw(storage, "a1", "alma")
    assert states(storage) == {"a1": "withdrawn"}


def test_the_page_says_so_and_shows_no_button(storage: Storage, visitor: Visitor) -> None:
    applied(storage)
    visitor.is_family("alma", "pupil")
    text = visitor.reads("/my/applications/a1/withdraw")
    assert "At Norrby kulturskola only a guardian may give up the place of a pupil under 18." in text
    assert "Yes, give it up" not in text
    assert "På Norrby kulturskola får bara en vårdnadshavare" in visitor.reads(
        "/my/applications/a1/withdraw", language="sv"
    )
    visitor.sends("/my/applications/a1/withdraw", 403)
    assert states(storage) == {"a1": "placed"}
