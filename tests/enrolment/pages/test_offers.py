"""The pages on which staff offer free seats."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from services.chassis.ids import new_id
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.rule_book import Answering
from services.enrolment import offer_pages
from tests.enrolment.pages.visitor import Visitor, refusal
from tests.enrolment.story import (
    CLOVER,
    FIDDLE,
    NORRBYS_RULES,
    SODERBY,
    children,
    decide,
    request,
    states,
    tell,
)

PATH = "/staff/courses/fiddle/offers"


@pytest.fixture
def waiting(storage: Storage) -> Storage:
    """Two have places; a pupil with protected identity and two more wait for two free seats."""
    book = replace(NORRBYS_RULES, answering=Answering(answer_days=7, offers="by_staff"))
    tell(storage, RuleBookPublished("norrby-2024", book))
    ids = children(storage, 4)
    order = [ids[0], ids[1], "clover", ids[2], ids[3]]
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(order)))
    tell(storage, replace(FIDDLE, capacity=4))
    return storage


def filled_in(text: str) -> dict[str, str]:
    """What the page's form carries."""
    form = text.rsplit('<form method="post" class="form"', 1)[1]
    return dict(re.findall(r'name="(bulk_id|digest|seats)" value="([^"]*)"', form))


def test_the_preview_and_the_offer(waiting: Storage, staff: Visitor) -> None:
    text = staff.reads(PATH)
    for said in ("2 pupils get an offer", "Offer 2 seats", "Klöver", "Earlier queue date", "1 December 2026"):
        assert said in text, said
    assert "Barn 0003" not in text
    for secret in ("Hemlig", "Skyddad", CLOVER.personal_identity[2:]):
        assert secret not in text
    form = filled_in(text)
    for _ in range(2):
        assert staff.sends(PATH, **form).headers["Location"] == "/staff/courses/fiddle"
    assert "2 seats are offered." in staff.reads("/staff/courses/fiddle")
    assert [key for key, state in states(waiting).items() if state == "offered"] == ["a2", "a3"]
    assert "No seat is free" in staff.reads(PATH)


def test_in_swedish(waiting: Storage, staff: Visitor) -> None:
    text = staff.reads(PATH, language="sv")
    for said in ("2 elever får ett erbjudande", "Erbjud 2 platser", "Tidigare ködatum", "I köns ordning"):
        assert said in text, said


def test_fewer_seats(waiting: Storage, staff: Visitor) -> None:
    text = staff.reads(f"{PATH}?seats=1")
    assert "Offer 1 seat" in text
    staff.sends(PATH, **filled_in(text))
    assert states(waiting)["a3"] == "queued"
    for odd in ("0", "-1", "x", "99999999"):
        staff.reads(f"{PATH}?seats={odd}", 422)


def test_a_changed_queue_is_said_and_shown_anew(waiting: Storage, staff: Visitor) -> None:
    form = filled_in(staff.reads(PATH))
    tell(waiting, replace(FIDDLE, capacity=3))
    text = refusal(staff.sends(PATH, 409, **form))
    assert "have changed since you looked" in text
    assert "Offer 1 seat" in text
    assert "offered" not in states(waiting).values()
    staff.sends(PATH, **filled_in(text))


def test_all_courses_at_once(waiting: Storage, staff: Visitor) -> None:
    text = staff.reads("/staff/offers")
    assert "Saturday fiddle" in text
    staff.sends("/staff/offers", **filled_in(text))
    assert [key for key, state in states(waiting).items() if state == "offered"] == ["a2", "a3"]
    assert "None of your courses has both" in staff.reads("/staff/offers")


def test_page_by_page(waiting: Storage, staff: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer_pages, "LINES_A_PAGE", 1)
    first, second = staff.reads(PATH), staff.reads(f"{PATH}?page=2")
    assert ("Klöver" in first, "Klöver" in second) == (True, False)
    assert "Barn 0002" in second
    assert f"{PATH}?page=2" in first
    assert filled_in(first)["digest"] == filled_in(second)["digest"]
    staff.sends(PATH, **filled_in(second))
    assert [key for key, state in states(waiting).items() if state == "offered"] == ["a2", "a3"]


def test_nobody_waits(storage: Storage, staff: Visitor) -> None:
    assert "Nobody waits" in staff.reads(PATH)
    staff.reads("/staff/courses/nothing/offers", 404)


def test_whose_it_is(waiting: Storage, visitor: Visitor) -> None:
    form = {"bulk_id": new_id(), "digest": "0" * 64}
    for other in (visitor.is_staff(SODERBY), visitor.is_family("maria")):
        other.reads(PATH, 403)
        other.sends(PATH, 403, **form)
    staff = visitor.is_staff()
    staff.sends(PATH, 422, bulk_id="x", digest="y")
    staff.token = "forged"
    staff.sends(PATH, 403, **form)
    assert "offered" not in states(waiting).values()
