"""What two guardians who disagree see of each other's answer, and what staff see and do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.rule_book import Answering
from services.enrolment import life
from tests.enrolment.pages.visitor import Visitor, refusal, withdraw
from tests.enrolment.story import (
    MARIA,
    NORRBY,
    NORRBYS_RULES,
    SAMIRA,
    SODERBY,
    children,
    decide,
    request,
    states,
    tell,
)

PATH = "/my/applications/a2"
STAFFS = "/staff/applications/a2"


@pytest.fixture
def offered(storage: Storage) -> Storage:
    """Alma, of Maria in Norrby and Samira in Söderby, is offered a seat until 1 December."""
    book = replace(NORRBYS_RULES, answering=Answering(answer_days=7))
    tell(storage, RuleBookPublished("norrby-2024", book))
    with storage.unit() as unit:
        life.connect_guardian(unit, "alma", SAMIRA, "the tests", why="the other guardian")
    order = [*children(storage, 2), "alma"]
    ids = (f"a{n}" for n in range(3))
    decide(storage, *(request(id_, pupil_id=each) for id_, each in zip(ids, order, strict=True)))
    withdraw(storage, "a0")
    return storage


def test_a_no_and_then_a_yes(offered: Storage, visitor: Visitor) -> None:
    maria = visitor.is_family(MARIA)
    maria.sends(f"{PATH}/decline")
    assert "Your no is kept" in maria.reads("/my")
    assert "You have said no" in maria.reads(PATH)
    samira = visitor.is_family(SAMIRA)
    text = samira.reads(PATH)
    assert "The other guardian has said no" in text
    samira.sends(f"{PATH}/accept")
    text = samira.reads(PATH)
    for said in ("Two guardians have answered differently", "Your answer: yes", "Change my answer to no"):
        assert said in text, said
    assert "Två vårdnadshavare har svarat olika" in samira.reads("/my", language="sv")
    for page in (text, samira.reads("/my"), visitor.is_family(MARIA).reads(PATH)):
        shown = page.split("<main")[1].split("</main>")[0]
        for secret in ("Samira", "samira@", "maria@", "Söderby"):
            assert secret not in shown, secret


def test_a_yes_and_then_a_no(offered: Storage, visitor: Visitor) -> None:
    visitor.is_family(MARIA).sends(f"{PATH}/accept")
    samira = visitor.is_family(SAMIRA)
    text = samira.reads(PATH)
    assert "The other guardian has accepted this place." in text
    assert "1 December 2026" in text
    samira.sends(f"{PATH}/decline")
    assert "Change my answer to yes" in samira.reads(PATH)
    text = visitor.is_family(MARIA).reads(PATH)
    assert "Change my answer to no" in text
    assert "/withdraw" not in text


def test_staff_settle_it(offered: Storage, visitor: Visitor) -> None:
    visitor.is_family(MARIA).sends(f"{PATH}/accept")
    visitor.is_family(SAMIRA).sends(f"{PATH}/decline")
    staff = visitor.is_staff()
    assert "Two guardians disagree about 1 offer" in staff.reads("/staff")
    text = staff.reads("/staff/courses/fiddle")
    assert 'id="settle"' in text
    assert f"{STAFFS}#settle" in text
    text = staff.reads(STAFFS)
    for said in ("Maria Hellström", "Samira Haddad", "They do not agree", "Settle it"):
        assert said in text, said
    visitor.is_staff(SODERBY).sends(f"{STAFFS}/settle", 403, answer="yes", why="x")
    visitor.is_family(MARIA).sends(f"{STAFFS}/settle", 403, answer="yes", why="x")
    staff = visitor.is_staff()
    staff.sends(f"{STAFFS}/settle", 422, answer="perhaps", why="x")
    staff.sends(f"{STAFFS}/settle", answer="no", why="We spoke with both.")
    assert states(offered)["a2"] == "withdrawn"
    assert "We spoke with both." in staff.reads(STAFFS)
    assert "nothing to settle" in refusal(staff.sends(f"{STAFFS}/settle", 409, answer="no", why="again"))
    assert "The school settled" in visitor.is_family(SAMIRA).reads(PATH)


def test_one_guardian_alone_answers_as_ever(offered: Storage, visitor: Visitor) -> None:
    withdraw(offered, "a2")
    decide(offered, request("b1", pupil_id="noor"))
    assert states(offered)["b1"] == "placed"
    text = visitor.is_family(SAMIRA).reads("/my/applications/b1")
    assert "guardian" not in text.split("<main")[1].split("</main>")[0].lower()


def test_nobody_elses(offered: Storage, visitor: Visitor) -> None:
    visitor.is_staff(NORRBY).reads(STAFFS)
    visitor.is_family("kristina").sends(f"{PATH}/accept", 404)
