"""The verdict before one applies, and the answer after."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.ids import new_id
from services.chassis.storage.engine import Storage
from services.chassis.web.session import LANGUAGE_COOKIE
from services.contracts.catalogue import RuleBookPublished
from services.contracts.rule_book import Ordering, ReservedSeats
from services.enrolment import commands
from services.enrolment.commands import NewPupil
from services.enrolment.tables import applications, ceilings
from tests.enrolment.conftest import both
from tests.enrolment.pages.visitor import Visitor, refusal
from tests.enrolment.story import (
    CANCELLED,
    KRISTINA,
    MARIA,
    NORRBY,
    NORRBYS_RULES,
    NOW,
    SAMIRA,
    SODERBY,
    count,
    number,
    states,
    tell,
)


class TestApplying:
    def test_each_child_with_its_verdict_and_price(self, maria: Visitor) -> None:
        text = maria.reads("/apply/fiddle")
        for said in (
            "Apply for Saturday fiddle", "Alma may take this course", "2 seats are free", "SEK 850.00",
            "9 years when the term starts; the course is for 8 to 12 years", "norrby-2024/residents",
            "Leo cannot take this course", "up to 12 years", "This is how the queue goes.", "the tests",
        ):  # fmt: skip
            assert said in text, said
        swedish = maria.reads("/apply/fiddle", language="sv")
        for said in ("Lördagsfiol", "Alma kan gå den här kursen", "850,00", "Leo kan inte gå", "Så går kön."):
            assert said in swedish, said
        assert text.count('name="application_id"') == 1  # none for who may not

    def test_another_municipalitys_child_reads_why_it_may(self, visitor: Visitor) -> None:
        text = visitor.is_family(SAMIRA).reads("/apply/fiddle")
        assert "cooperation/shared_courses" in text
        assert "pupils from Söderby may take it" in text
        refused = visitor.is_family(KRISTINA).reads("/apply/fiddle")
        assert "Utby is not a member" in refused
        assert "application_id" not in refused

    def test_a_full_course_says_that_it_is_a_queue(self, full: Storage, maria: Visitor) -> None:
        with full.unit() as unit:
            ny = NewPupil("ny", number(date(2017, 1, 2)), "Ny", "Hellström", NORRBY, MARIA)
            commands.register_pupil(unit, ny, "the tests")
        text = maria.reads("/apply/fiddle")
        assert "Ny may join the queue" in text
        assert "The course is full and 2 wait." in text
        assert "Put Ny in the queue" in text
        assert "Alma has applied already" in text

    def test_a_seat_that_would_not_go_to_this_child_is_not_promised(
        self, visitor: Visitor, storage: Storage
    ) -> None:
        """The page says what the decision will: the seats are there, and yet the child would wait."""
        pays_for_none = {"municipality_code": SODERBY, "term_id": "vt27", "most_places": 0}
        with storage.unit() as unit:
            unit.execute(sa.insert(ceilings).values(**pays_for_none, set_by="x", set_at=NOW))
        text = visitor.is_family(SAMIRA).reads("/apply/fiddle")
        assert "Noor may join the queue" in text
        assert "the home municipality pays for no more places elsewhere" in text
        assert "Put Noor in the queue" in text
        assert "seats are free" not in text
        visitor.is_family(SAMIRA).sends("/apply/fiddle", application_id=new_id(), pupil_id="noor")
        assert set(states(storage).values()) == {"queued"}

    def test_nor_one_that_is_reserved_for_others(self, maria: Visitor, storage: Storage) -> None:
        kept = Ordering(reserved_seats=(ReservedSeats(SODERBY, 2),))
        tell(storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, ordering=kept)))
        text = maria.reads("/apply/fiddle")
        assert "Alma may join the queue" in text
        assert "kept for pupils of another municipality" in text

    def test_who_has_no_child_yet_is_led_to_the_form(self, visitor: Visitor) -> None:
        assert "/my/children/new" in visitor.is_family("childless").reads("/apply/fiddle")

    def test_a_place_at_once(self, maria: Visitor, storage: Storage) -> None:
        own = new_id()
        answer = maria.sends("/apply/fiddle", application_id=own, pupil_id="alma")
        assert answer.headers["Location"] == f"/my/applications/{own}"
        assert "Alma has a place" in maria.reads(f"/my/applications/{own}")
        with storage.reading() as connection:
            row = connection.execute(sa.select(applications)).one()
        assert (row.guardian_id, row.applied_by) == (MARIA, f"guardian:{NORRBY}:{MARIA}")

    @both
    def test_a_double_click_is_one_application(self, maria: Visitor, storage: Storage) -> None:
        own = new_id()
        for _ in range(3):
            answer = maria.sends("/apply/fiddle", application_id=own, pupil_id="alma")
            assert answer.headers["Location"] == f"/my/applications/{own}"
        again = maria.sends("/apply/fiddle", application_id=new_id(), pupil_id="alma")  # another tab
        assert again.headers["Location"] == f"/my/applications/{own}"
        assert count(storage, applications) == 1

    @pytest.mark.parametrize(
        ("path", "pupil_id", "status", "said"),
        [
            ("/apply/fiddle", "leo", 409, "up to 12 years"),
            ("/apply/fiddle", "noor", 404, "no such pupil among those you may act for"),
            ("/apply/fiddle", "clover", 404, "no such pupil among those you may act for"),
            ("/apply/fiddle", "nobody", 404, "no such pupil among those you may act for"),
            ("/apply/nothing", "alma", 404, "There is no such course"),
        ],
    )
    def test_a_refusal_says_why(
        self, maria: Visitor, storage: Storage, path: str, pupil_id: str, status: int, said: str
    ) -> None:
        answer = maria.sends(path, status, application_id=new_id(), pupil_id=pupil_id)
        assert said in refusal(answer)
        assert count(storage, applications) == 0

    def test_the_refusal_is_in_swedish_too(self, maria: Visitor) -> None:
        maria.client.set_cookie(LANGUAGE_COOKIE, "sv")
        answer = maria.sends("/apply/fiddle", 409, application_id=new_id(), pupil_id="leo")
        assert "till och med 12 år" in refusal(answer)

    @pytest.mark.parametrize(
        "form",
        [{}, {"pupil_id": "alma"}, {"application_id": "mine", "pupil_id": "alma"}, {"application_id": ""}],
    )
    def test_a_form_that_is_not_ours(self, maria: Visitor, storage: Storage, form: dict[str, str]) -> None:
        maria.sends("/apply/fiddle", 422, **form)
        assert count(storage, applications) == 0

    def test_a_cancelled_course(self, maria: Visitor, storage: Storage) -> None:
        tell(storage, CANCELLED)
        assert "The course is cancelled." in maria.reads("/apply/fiddle")
        answer = maria.sends("/apply/fiddle", 410, application_id=new_id(), pupil_id="alma")
        assert "The course is cancelled." in refusal(answer)

    def test_outside_the_period(self, maria: Visitor, clock: FixedClock) -> None:
        clock.time += timedelta(days=40)
        assert "Applications closed on 15 December 2026." in maria.reads("/apply/fiddle")
        assert "15 december 2026" in maria.reads("/apply/fiddle", language="sv")

    def test_a_pupil_of_age_applies_for_itself(self, visitor: Visitor, storage: Storage) -> None:
        anton = visitor.is_family("anton", "pupil")
        assert "Anton may take this course" in anton.reads("/apply/circus")
        anton.sends("/apply/circus", application_id=new_id(), pupil_id="anton")
        assert list(states(storage, "circus").values()) == ["placed"]
        anton.sends("/apply/fiddle", 404, application_id=new_id(), pupil_id="alma")

    def test_no_course(self, maria: Visitor) -> None:
        assert "There is no such course" in maria.reads("/apply/nothing", 404)
