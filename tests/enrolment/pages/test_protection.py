"""Staff record that a pupil's identity is protected, or no longer is."""

from __future__ import annotations

from services.chassis.storage.engine import Storage
from services.contracts.enrolment import PupilProtectionChanged
from tests.enrolment.pages.visitor import Visitor, refusal
from tests.enrolment.story import MARIA, SODERBY, applied, facts, states

PATH = "/staff/pupils/alma/protection"


def form(**changes: str) -> dict[str, str]:
    return {"protected": "1", "alias": "Eken", "why": "Decision 7", **changes}


def test_staff_of_the_home_municipality_record_it(storage: Storage, staff: Visitor, visitor: Visitor) -> None:
    applied(storage)
    assert "Protected identity" in staff.reads("/staff/pupils/alma")
    staff.sends(PATH, **form())
    page = staff.reads("/staff/pupils/alma")
    assert "The protection is recorded" in page
    assert "The identity came under protection. Decision 7" in page
    assert "Alma" not in page
    decision = staff.reads("/staff/applications/a1")
    for name in ("Alma", "Hellström, ", "guardian:"):
        assert name not in decision, name
    assert "Eken" in staff.reads("/staff/courses/fiddle")
    assert "Skyddad identitet" in staff.reads("/staff/pupils/alma", language="sv")
    visitor.is_family(MARIA)
    visitor.reads("/my/applications/a1", 404)
    assert "Eken" not in visitor.reads("/my")
    visitor.sends("/my/applications/a1/withdraw", 404)
    assert states(storage) == {"a1": "placed"}


def test_what_cannot_be_is_refused(storage: Storage, staff: Visitor, visitor: Visitor) -> None:
    page = refusal(staff.sends(PATH, 422, protected="1", why="Decision 7"))
    assert "needs an alias" in page
    assert page.count('value="Decision 7"') == 1  # its form is open, and holds what was filled in
    assert page.count('<details class="explain" open>') == 1
    assert "nothing to end" in refusal(staff.sends(PATH, 409, why="x"))
    staff.sends(PATH, 422, **form(why=" "))
    visitor.is_staff(SODERBY).sends(PATH, 403, **form())
    visitor.is_family(MARIA).sends(PATH, 403, **form())
    assert facts(storage, PupilProtectionChanged) == []
