"""What a family sees of its children and applications, and what it can do with them."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

import pytest
import sqlalchemy as sa

from services.chassis.ids import new_id
from services.chassis.storage.engine import Storage
from services.chassis.web.session import LANGUAGE_COOKIE
from services.enrolment import commands
from services.enrolment.commands import NewPupil
from services.enrolment.tables import applications, pupils
from tests.enrolment.pages.visitor import ADDRESS, Visitor, refusal, said_on, withdraw
from tests.enrolment.story import (
    ALMA,
    CANCELLED,
    CLOVER,
    MARIA,
    NORRBY,
    SAMIRA,
    TOVE,
    applied,
    count,
    number,
    states,
    tell,
)


class TestMyPage:
    def test_everything_of_the_family(self, full: Storage, maria: Visitor) -> None:
        text = maria.reads("/my")
        for said in (
            "Hello, Maria", "Alma Hellström", "Leo Hellström", "Saturday fiddle", "Has a place",
            "Has an offer",
            "Alma is offered a place on The circus lab at Söderby kulturskola.", "Saturday 16:30, 60 minutes",
            "Leo has no place and waits in no queue.", "/calendar/places/a1.ics", "Why this answer?",
        ):  # fmt: skip
            assert said in text, said
        assert "Noor" not in text
        swedish = maria.reads("/my", language="sv")
        for said in ("Lördagsfiol", "Har plats", "Lördag 16:30"):
            assert said in swedish, said

    def test_a_place_in_the_queue_and_its_date(self, full: Storage, visitor: Visitor) -> None:
        text = visitor.is_family(SAMIRA).reads("/my")
        assert "Position 1 of 2 in the queue" in text
        assert "Position 2 of 2 in the queue" in text
        assert "Queue date 24 November 2026" in text

    def test_ended_ones_are_kept_apart(self, full: Storage, maria: Visitor) -> None:
        withdraw(full, "a1")
        text = maria.reads("/my")
        assert "Earlier applications" in text
        assert "Withdrawn by the family" in text

    @pytest.mark.parametrize("language", ["sv", "en"])
    def test_somebody_new(self, visitor: Visitor, language: str) -> None:
        text = visitor.is_family("somebody-new").reads("/my", language=language)
        assert "/my/children/new" in text

    def test_a_guardian_finds_the_id_by_which_a_school_connects_a_child(self, visitor: Visitor) -> None:
        assert f"<code>{SAMIRA}</code>" in visitor.is_family(SAMIRA).reads("/my")
        assert "Saknas ett av dina barn här?" in visitor.reads("/my", language="sv")
        assert "<code>" not in visitor.is_family("anton", "pupil").reads("/my")

    def test_a_pupil_of_age(self, full: Storage, visitor: Visitor) -> None:
        text = visitor.is_family("anton", "pupil").reads("/my")
        assert "Anton Lindgren" in text
        assert "Alma" not in text
        assert "/my/children/new" not in text

    def test_names_are_no_markup(self, visitor: Visitor, storage: Storage) -> None:
        with storage.unit() as unit:
            evil = NewPupil("evil", number(date(2017, 1, 2)), "<script>x", "<b>", NORRBY, MARIA)
            commands.register_pupil(unit, evil, "the tests")
        applied(storage, "a9", pupil_id="evil")
        visitor.is_family(MARIA)
        pages = [visitor.client.get(path).text for path in ("/my", "/apply/fiddle", "/my/applications/a9")]
        visitor.is_staff()
        pages += [visitor.client.get("/staff/courses/fiddle").text]
        for page in pages:
            assert "<script>x" not in page
            assert "&lt;script&gt;x" in page


class TestAnApplication:
    def test_with_a_place(self, full: Storage, maria: Visitor) -> None:
        text = maria.reads(ADDRESS)
        for said in (
            "Alma has a place", "There was a free seat, and nobody was waiting for it.", "Sal 1",
            "0 of 2 seats were taken and 0 waited", "Rule book: norrby-2024", "SEK 850.00", "23 January 2027",
            "/calendar/places/a1.ics", "Give up the place", "24 Nov 2026 10:00: Has a place",
        ):  # fmt: skip
            assert said in text, said
        assert "Alma har en plats" in maria.reads(ADDRESS, language="sv")

    def test_in_the_queue(self, full: Storage, visitor: Visitor) -> None:
        samira = visitor.is_family(SAMIRA)
        text = samira.reads("/my/applications/a4")
        assert "is number 2 in the queue" in text
        assert "2 wait for this course." in text
        assert "The course was full. The queue goes by date of application" in text
        assert "är nummer 2 i kön" in samira.reads("/my/applications/a4", language="sv")

    def test_with_an_offer(self, full: Storage, maria: Visitor) -> None:
        text = maria.reads("/my/applications/a5")
        assert "Alma is offered a place" in text
        assert "Accept the place" in text
        assert "A seat came free, and the pupil was next in the queue." in text

    def test_ended(self, full: Storage, maria: Visitor) -> None:
        tell(full, CANCELLED)
        text = maria.reads(ADDRESS)
        assert "This application has ended" in text
        assert "The course was cancelled" in text
        assert "/apply/fiddle" in text

    def test_giving_up_asks_once_more(self, full: Storage, maria: Visitor) -> None:
        text = maria.reads(f"{ADDRESS}/withdraw")
        assert "Give up the place?" in text
        assert "The seat goes to the next in line." in text
        assert "Lämna platsen" in maria.reads(f"{ADDRESS}/withdraw", language="sv")
        maria.sends(f"{ADDRESS}/withdraw")
        assert "Ansökan är återtagen." in maria.reads("/my", language="sv")
        assert states(full) == {"a1": "withdrawn", "a2": "placed", "a3": "offered", "a4": "queued"}

    def test_a_second_click_says_that_it_has_ended(self, full: Storage, maria: Visitor) -> None:
        maria.sends(f"{ADDRESS}/withdraw")
        assert "has ended already" in refusal(maria.sends(f"{ADDRESS}/withdraw", 409))
        assert "has ended already" in maria.reads(f"{ADDRESS}/withdraw", 409)
        assert states(full)["a3"] == "offered"

    def test_an_offer_is_accepted_and_a_second_click_changes_nothing(
        self, full: Storage, maria: Visitor
    ) -> None:
        for _ in range(2):
            maria.sends("/my/applications/a5/accept")
            assert "The place is yours. Welcome!" in maria.reads("/my")
        assert states(full, "circus")["a5"] == "placed"
        assert "There is no offer to answer" in refusal(maria.sends("/my/applications/a5/decline", 409))

    def test_an_offer_is_declined(self, full: Storage, maria: Visitor) -> None:
        maria.sends("/my/applications/a5/decline")
        assert "You have declined the offer." in maria.reads("/my")
        assert states(full, "circus")["a5"] == "declined"
        for action in ("decline", "accept"):
            answer = maria.sends(f"/my/applications/a5/{action}", 409)
            assert "There is no offer to answer" in refusal(answer)

    def test_only_three_things_can_be_done(self, full: Storage, maria: Visitor) -> None:
        maria.sends(f"{ADDRESS}/delete", 404)
        assert maria.client.get(f"{ADDRESS}/accept").status_code == 405
        assert states(full)["a1"] == "placed"


class TestAChildOfMine:
    FORM: ClassVar = {
        "personal_identity": number(date(2017, 1, 2)),
        "given_name": "Ny",
        "family_name": "Hellström",
    }

    def test_the_form(self, maria: Visitor) -> None:
        assert "Add a child" in maria.reads("/my/children/new")
        assert "Lägg till ett barn" in maria.reads("/my/children/new", language="sv")

    def test_the_child_is_on_my_page_once(self, maria: Visitor, storage: Storage) -> None:
        form = {"pupil_id": new_id(), **self.FORM}
        for _ in range(2):
            maria.sends("/my/children/new", **form)
        text = maria.reads("/my")
        assert "The child is added to your page." in text
        assert text.count("<h2>Ny Hellström</h2>") == 1
        with storage.reading() as connection:
            row = connection.execute(sa.select(pupils).where(pupils.c.pupil_id == form["pupil_id"])).one()
        assert (row.home_municipality, row.registered_by) == (NORRBY, f"guardian:{NORRBY}:{MARIA}")

    @pytest.mark.parametrize(
        ("language", "said"),
        [("en", "This is not a valid personal identity number"), ("sv", "inget giltigt personnummer")],
    )
    def test_a_wrong_number_keeps_what_was_filled_in(self, maria: Visitor, language: str, said: str) -> None:
        maria.client.set_cookie(LANGUAGE_COOKIE, language)
        form = {"pupil_id": new_id(), **self.FORM, "personal_identity": "20170102-0000"}
        text = refusal(maria.sends("/my/children/new", 422, **form))
        assert said in text
        for kept in (form["pupil_id"], "20170102-0000", 'value="Ny"', 'value="Hellström"'):
            assert kept in text

    def test_anothers_number_tells_nothing(self, visitor: Visitor, storage: Storage) -> None:
        """The page says that the number is known, the same of every child: in the same municipality or not,
        protected or not, with a right guess of its name and id or without."""
        samira = visitor.is_family(SAMIRA)
        pages = set()
        for known in (ALMA, TOVE, CLOVER):
            for given_name, pupil_id in (("Ny", new_id()), (known.given_name, new_id())):
                form = {
                    "pupil_id": pupil_id,
                    "personal_identity": known.personal_identity,
                    "given_name": given_name,
                    "family_name": "Haddad",
                }
                text = refusal(samira.sends("/my/children/new", 409, **form))
                for own in form.values():
                    text = text.replace(f'value="{own}"', "")
                pages.add(said_on(text, "/my/children/new"))
        (page,) = pages
        assert "A child with this number is registered already" in page
        assert samira.reads("/my").count("<h2>") == 1
        for known in (ALMA, TOVE, CLOVER):
            samira.sends("/apply/fiddle", 404, application_id=new_id(), pupil_id=known.pupil_id)
        assert (count(storage, pupils), count(storage, applications)) == (6, 0)

    def test_an_unregistered_guardian_is_led_to_its_school(self, visitor: Visitor) -> None:
        stranger = visitor.is_family("stranger")
        text = refusal(stranger.sends("/my/children/new", 404, pupil_id=new_id(), **self.FORM))
        assert "You are not registered as a guardian yet." in text
