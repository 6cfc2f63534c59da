"""Every page and form of enrolment, without JavaScript, in both languages."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from itsdangerous.timed import TimestampSigner
from werkzeug.test import Client, TestResponse

from services.chassis.clock import FixedClock
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.chassis.web.session import LANGUAGE_COOKIE
from services.enrolment import commands
from services.enrolment.commands import NewPupil
from services.enrolment.tables import applications, pupils
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    ALMA,
    CANCELLED,
    CLOVER,
    KRISTINA,
    MARIA,
    NORRBY,
    SAMIRA,
    SODERBY,
    TOVE,
    UTBY,
    applied,
    children,
    count,
    decide,
    number,
    request,
    states,
    tell,
)
from tests.web import sign_in

HOMES = {MARIA: NORRBY, SAMIRA: SODERBY, KRISTINA: UTBY, "anton": SODERBY, "clover": SODERBY}
ADDRESS = "/my/applications/a1"


class Visitor:
    """A browser of somebody who is signed in, and the token its forms carry."""

    def __init__(self, client: Client, composition: Composition) -> None:
        self.client, self.composition = client, composition
        self.token = ""

    def is_family(self, person: str, role: str = "guardian") -> Visitor:
        return self._is(role, HOMES.get(person, NORRBY), person)

    def is_staff(self, municipality: str = NORRBY, role: str = "staff") -> Visitor:
        return self._is(role, municipality, None)

    def _is(self, role: str, municipality: str, person: str | None) -> Visitor:
        self.token = sign_in(
            self.client,
            self.composition,
            role=role,
            municipality=municipality,
            person_id=person,
            name="Maria Hellström",
        )
        return self

    def reads(self, path: str, status: int = 200, language: str = "en") -> str:
        self.client.set_cookie(LANGUAGE_COOKIE, language)
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        return html.unescape(answer.text)

    def sends(self, path: str, status: int = 303, **form: Any) -> TestResponse:
        answer = self.client.post(path, data={"csrf_token": self.token, **form})
        assert answer.status_code == status, answer.text
        return answer


@pytest.fixture
def visitor(client: Client, composition: Composition) -> Visitor:
    return Visitor(client, composition)


@pytest.fixture
def maria(visitor: Visitor) -> Visitor:
    return visitor.is_family(MARIA)


@pytest.fixture
def staff(visitor: Visitor) -> Visitor:
    return visitor.is_staff()


@pytest.fixture
def full(storage: Storage) -> Storage:
    """a1 (Alma) has a place, a2 (Noor) too, a3 and a4 wait; Alma is offered a5 on the circus course."""
    ids = children(storage, 2, SODERBY, SAMIRA)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(["alma", "noor", *ids], 1)))
    decide(storage, request("a0", "circus", "anton"), request("a5", "circus", "alma"))
    withdraw(storage, "a0")
    return storage


def withdraw(storage: Storage, application_id: str) -> None:
    with storage.unit() as unit:
        commands.withdraw(unit, application_id, "the tests")


def refusal(answer: TestResponse) -> str:
    return html.unescape(answer.text)


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


class TestNobodyElses:
    """What is another family's is not there, and what is another municipality's is refused."""

    @pytest.mark.parametrize(
        ("person", "role"),
        [(SAMIRA, "guardian"), (KRISTINA, "guardian"), ("anton", "pupil"), ("x", "guardian")],
    )
    def test_another_familys_application_is_not_there(
        self, full: Storage, visitor: Visitor, person: str, role: str
    ) -> None:
        other = visitor.is_family(person, role)
        missing = other.reads("/my/applications/there-is-none", 404)
        for path in (ADDRESS, f"{ADDRESS}/withdraw"):
            assert other.reads(path, 404) == missing.replace("/my/applications/there-is-none", path).replace(
                "%2Fmy%2Fapplications%2Fthere-is-none", path.replace("/", "%2F")
            )
        for action in ("withdraw", "accept", "decline"):
            other.sends(f"{ADDRESS}/{action}", 404)
            other.sends(f"/my/applications/a5/{action}", 404)
        assert (states(full)["a1"], states(full, "circus")["a5"]) == ("placed", "offered")

    @pytest.mark.parametrize("path", ["", "/participants.csv", "/enter"])
    @pytest.mark.parametrize("municipality", [SODERBY, UTBY, "20"])
    def test_another_municipalitys_staff_is_refused(
        self, full: Storage, visitor: Visitor, path: str, municipality: str
    ) -> None:
        other = visitor.is_staff(municipality)
        text = other.reads(f"/staff/courses/fiddle{path}", 403)
        assert "another municipality" in text
        assert "Alma" not in text
        if path == "/enter":
            other.sends("/staff/courses/fiddle/enter", 403, **entered())
        assert count(full, pupils) == 8

    def test_the_countys_staff_may(self, full: Storage, visitor: Visitor) -> None:
        assert "Alma Hellström" in visitor.is_staff("19").reads("/staff/courses/fiddle")

    @pytest.mark.parametrize("path", ["", "/participants.csv", "/enter"])
    def test_a_course_that_is_not_there(self, staff: Visitor, path: str) -> None:
        staff.reads(f"/staff/courses/nothing{path}", 404)

    FAMILYS = ("/apply/fiddle", "/my", ADDRESS, f"{ADDRESS}/withdraw", "/my/children/new")
    STAFFS = ("/staff", "/staff/courses/fiddle", "/staff/courses/fiddle/participants.csv",
              "/staff/courses/fiddle/enter")  # fmt: skip

    @pytest.mark.parametrize("role", ["guardian", "pupil", "staff", "finance", "operator"])
    def test_each_role_has_its_pages(self, full: Storage, visitor: Visitor, role: str) -> None:
        family = role in ("guardian", "pupil")
        if family:
            visitor.is_family(MARIA if role == "guardian" else "alma", role)
        else:
            visitor.is_staff(NORRBY, role)
        for path in self.FAMILYS:
            may = family and not (role == "pupil" and path == "/my/children/new")
            visitor.reads(path, 200 if may else 403)
        for path in self.STAFFS:
            visitor.reads(path, 200 if role == "staff" else 403)

    def test_who_is_not_signed_in_is_led_to_the_login_and_back(self, client: Client) -> None:
        for path in (*self.FAMILYS, *self.STAFFS):
            answer = client.get(path)
            assert answer.status_code == 303
            assert answer.headers["Location"] == f"/login?next={path.replace('/', '%2F')}"
        for path in ("/apply/fiddle", f"{ADDRESS}/withdraw", "/my/children/new", self.STAFFS[-1]):
            assert client.post(path).headers["Location"].startswith("/login?")

    def test_a_person_without_an_id_finds_nothing(self, visitor: Visitor) -> None:
        nobody = visitor.is_staff(NORRBY, "guardian")
        for path in ("/my", "/apply/fiddle", ADDRESS):
            nobody.reads(path, 404)


def entered(**changes: str) -> dict[str, str]:
    return {
        "application_id": new_id(),
        "pupil_id": new_id(),
        "personal_identity": number(date(2017, 1, 2)),
        "given_name": "Ny",
        "family_name": "Elev",
        "home_municipality": SODERBY,
        "applied_on": "2026-11-20",
        **changes,
    }


class TestForgery:
    FORMS = (
        (MARIA, "/apply/circus", {"application_id": new_id(), "pupil_id": "leo"}),
        (MARIA, f"{ADDRESS}/withdraw", {}),
        (MARIA, "/my/applications/a5/accept", {}),
        (MARIA, "/my/applications/a5/decline", {}),
        (MARIA, "/my/children/new", {"pupil_id": new_id(), "personal_identity": number(date(2017, 1, 2)),
                                     "given_name": "Ny", "family_name": "Elev"}),
        (None, "/staff/courses/fiddle/enter", entered()),
    )  # fmt: skip

    @pytest.mark.parametrize(("person", "path", "form"), FORMS, ids=[form[1] for form in FORMS])
    def test_a_form_that_another_site_sent_or_that_is_a_day_old_does_nothing(
        self,
        full: Storage,
        visitor: Visitor,
        monkeypatch: pytest.MonkeyPatch,
        person: str | None,
        path: str,
        form: dict[str, str],
    ) -> None:
        before = (states(full), states(full, "circus"), count(full, pupils))
        yesterday = int(time.time()) - 86_400
        with monkeypatch.context() as patch:
            patch.setattr(TimestampSigner, "get_timestamp", lambda _self: yesterday)
            old = (visitor.is_family(person) if person else visitor.is_staff()).token
        # The session of yesterday has ended as well.
        assert visitor.client.post(path, data={"csrf_token": old, **form}).status_code == 303
        assert (visitor.is_family(person) if person else visitor.is_staff()).token != old
        for token in (old, "", "forged", visitor.token[:-1] + "x"):
            answer = visitor.client.post(path, data={"csrf_token": token, **form})
            assert answer.status_code == 403
            assert "The form has expired" in answer.text
        assert visitor.client.post(path, data=form).status_code == 403
        assert (states(full), states(full, "circus"), count(full, pupils)) == before
        visitor.sends(path, 303, **form)  # and with its own token it does
        assert (states(full), states(full, "circus"), count(full, pupils)) != before

    def test_every_form_carries_its_token(self, full: Storage, visitor: Visitor) -> None:
        visitor.is_family(MARIA)
        pages = [
            visitor.reads(path) for path in ("/my/applications/a5", f"{ADDRESS}/withdraw", "/my/children/new")
        ]
        pages.append(visitor.is_family(SAMIRA).reads("/apply/circus"))
        pages.append(visitor.is_staff().reads("/staff/courses/fiddle/enter"))
        for page in pages:
            forms = page.count('method="post"')
            assert forms > page.count('action="/logout"')
            assert page.count('name="csrf_token"') >= forms - page.count('action="/logout"')


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
                pages.add(re.sub(r'name="csrf_token" value="[^"]*"', "", text))
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


class TestStaff:
    def test_own_courses_and_own_pupils_elsewhere(self, full: Storage, staff: Visitor) -> None:
        text = staff.reads("/staff")
        for said in (
            "Norrby",
            "Saturday fiddle",
            "2 / 2",
            "Full, with a queue",
            "Dance",
            "5 free",
            "Alma Hellström",
        ):
            assert said in text, said
        assert "/staff/courses/circus" not in text
        swedish = staff.reads("/staff", language="sv")
        for said in ("Lördagsfiol", "Cirkuslabbet", "Har ett erbjudande"):
            assert said in swedish, said

    @pytest.mark.parametrize("language", ["sv", "en"])
    def test_a_municipality_without_courses(self, visitor: Visitor, language: str) -> None:
        text = visitor.is_staff(UTBY).reads("/staff", language=language)
        assert text.count('class="empty"') == 2

    def test_badges_of_full_and_cancelled(self, storage: Storage, staff: Visitor) -> None:
        for n, each in enumerate(children(storage, 2)):
            applied(storage, f"a{n}", pupil_id=each)
        tell(storage, replace(CANCELLED, course_id="dance"))
        text = staff.reads("/staff")
        assert "Cancelled" in text
        assert ">Full<" in text

    def test_participants(self, full: Storage, staff: Visitor) -> None:
        text = staff.reads("/staff/courses/fiddle")
        for said in (
            "Alma Hellström",
            "Maria Hellström",
            "Noor Haddad",
            "Söderby",
            "Barn 0001 Andersson",
            "Queue",
        ):
            assert said in text, said
        assert text.index("Noor Haddad") < text.index("Barn 0000") < text.index("Barn 0001")
        assert "Deltagare" in staff.reads("/staff/courses/fiddle", language="sv")
        assert "Nobody has applied" in staff.reads("/staff/courses/dance")

    def test_a_protected_pupil_on_lists(self, storage: Storage, staff: Visitor) -> None:
        """The alias, no home, no guardian; on the page, in the file and at home."""
        applied(storage, "a1", pupil_id="clover")
        page = staff.reads("/staff/courses/fiddle")
        file = staff.reads("/staff/courses/fiddle/participants.csv")
        home = staff.is_staff(SODERBY).reads("/staff")
        for text in (page, file, home):
            assert "Klöver" in text
            for secret in ("Hemlig", "Skyddad", CLOVER.personal_identity[2:]):
                assert secret not in text
        assert page.count("not shown") == 2
        assert "Söderby" not in file
        assert "Söderby" not in page.split("<main")[1].split("</main>")[0].replace("Söderby kulturskola", "")

    def csv_rows(self, staff: Visitor) -> list[list[str]]:
        text = staff.client.get("/staff/courses/fiddle/participants.csv").get_data().decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text), delimiter=";"))

    def test_the_file(self, full: Storage, staff: Visitor) -> None:
        answer = staff.client.get("/staff/courses/fiddle/participants.csv")
        assert answer.content_type == "text/csv; charset=utf-8"
        assert "attachment" in answer.headers["Content-Disposition"]
        assert answer.get_data().startswith(b"\xef\xbb\xbf")
        rows = self.csv_rows(staff)
        assert rows[0] == ["Name", "Home municipality", "State", "Guardian", "Since"]
        assert rows[1] == ["Alma Hellström", "Norrby", "Has a place", "Maria Hellström", "2026-11-24"]
        assert [row[2] for row in rows[1:]] == ["Has a place", "Has a place", "In the queue", "In the queue"]
        staff.client.set_cookie(LANGUAGE_COOKIE, "sv")
        assert self.csv_rows(staff)[1][2] == "Har plats"

    @pytest.mark.parametrize(
        "name", ["=1+1", "+46", "-1", "@SUM(A1)", '=HYPERLINK("http://x";"y")', "\t=1", " =1", 'a";=1+1;"']
    )
    def test_a_spreadsheet_runs_nothing_of_it(self, storage: Storage, staff: Visitor, name: str) -> None:
        staff.sends("/staff/courses/fiddle/enter", **entered(given_name=name))
        staff.sends("/staff/courses/fiddle/enter", **entered(
            personal_identity=number(date(2017, 1, 4)), protected="1", alias=name,
        ))  # fmt: skip
        with storage.unit() as unit:
            commands.register_guardian(unit, MARIA, name, NORRBY, None)
        applied(storage, "a1")
        rows = self.csv_rows(staff)
        assert len(rows) == 4
        for row in rows:
            assert len(row) == 5
            for cell in row:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert any(name.strip() in row[0] for row in rows)


class TestEntering:
    def test_the_form(self, staff: Visitor) -> None:
        text = staff.reads("/staff/courses/fiddle/enter")
        assert 'value="2026-11-24"' in text
        assert "Söderby" in text
        assert "Protected identity" in text
        assert "Skyddad identitet" in staff.reads("/staff/courses/fiddle/enter", language="sv")

    def test_an_application_on_paper_has_its_true_date(self, storage: Storage, staff: Visitor) -> None:
        form = entered()
        for _ in range(2):  # a double click
            answer = staff.sends("/staff/courses/fiddle/enter", **form)
            assert answer.headers["Location"] == "/staff/courses/fiddle"
        assert "The pupil has a place." in staff.reads("/staff/courses/fiddle")
        with storage.reading() as connection:
            (row,) = connection.execute(sa.select(applications)).all()
        assert (row.application_id, row.applied_by) == (
            form["application_id"],
            f"staff:{NORRBY}:Maria Hellström",
        )
        assert row.queued_at.isoformat() == "2026-11-20T22:59:59+00:00"  # the end of the day in Sweden

    def test_of_today_it_is_now(self, storage: Storage, staff: Visitor, clock: FixedClock) -> None:
        staff.sends("/staff/courses/fiddle/enter", **entered(applied_on="2026-11-24"))
        with storage.reading() as connection:
            assert connection.scalar(sa.select(applications.c.queued_at)) == clock.now()

    def test_a_full_course_says_queue(self, full: Storage, staff: Visitor) -> None:
        staff.sends("/staff/courses/fiddle/enter", **entered())
        text = staff.reads("/staff/courses/fiddle")
        assert "The pupil is in the queue." in text
        assert text.index("Ny Elev") < text.index("Barn 0000")  # it came four days before

    @pytest.mark.parametrize(
        ("changes", "status", "said", "in_swedish"),
        [
            ({"personal_identity": "20170102-0000"}, 422, "not a valid personal identity number", "giltigt"),
            ({"personal_identity": number(date(2010, 1, 2))}, 409, "up to 12 years", "12 år"),
            ({"home_municipality": UTBY}, 409, "Utby is not a member", "Utby är inte"),
            ({"home_municipality": "0180"}, 422, "no such municipality", "finns inte i länet"),
            ({"protected": "1"}, 422, "needs an alias", "behöver ett alias"),
            ({"protected": "1", "alias": "Eken", "personal_identity": ALMA.personal_identity}, 409,
             "have the pupil protected first", "skydd"),
            ({"applied_on": "2026-11-25"}, 422, "within the last year and not after today", "senaste året"),
            ({"applied_on": "1926-11-20"}, 422, "within the last year and not after today", "senaste året"),
            ({"applied_on": "2026-10-31"}, 409, "Applications open on", "1 november 2026"),
        ],
    )  # fmt: skip
    def test_a_refusal_keeps_what_was_filled_in(
        self,
        storage: Storage,
        staff: Visitor,
        changes: dict[str, str],
        status: int,
        said: str,
        in_swedish: str,
    ) -> None:
        form = entered(**changes)
        staff.client.set_cookie(LANGUAGE_COOKIE, "sv")
        assert in_swedish in refusal(staff.sends("/staff/courses/fiddle/enter", status, **form))
        staff.client.set_cookie(LANGUAGE_COOKIE, "en")
        text = refusal(staff.sends("/staff/courses/fiddle/enter", status, **form))
        assert said in text
        for name in ("application_id", "pupil_id", "personal_identity", "given_name", "applied_on"):
            assert f'value="{form[name]}"' in text
        assert (count(storage, pupils), count(storage, applications)) == (6, 0)

    @pytest.mark.parametrize(
        "changes",
        [{"application_id": "x"}, {"pupil_id": ""}, {"given_name": " "}, {"home_municipality": "Norrby"},
         {"applied_on": "soon"}, {"more": "x"}],
    )  # fmt: skip
    def test_a_form_that_is_not_ours(self, storage: Storage, staff: Visitor, changes: dict[str, str]) -> None:
        staff.sends("/staff/courses/fiddle/enter", 422, **entered(**changes))
        assert count(storage, pupils) == 6

    def test_a_protected_pupil(self, storage: Storage, staff: Visitor) -> None:
        staff.sends(
            "/staff/courses/fiddle/enter", **entered(protected="1", alias="Eken", given_name="Hemlig")
        )
        text = staff.reads("/staff/courses/fiddle")
        assert "Eken" in text
        assert "Hemlig" not in text

    def test_an_alias_of_somebody_open_is_not_kept(self, storage: Storage, staff: Visitor) -> None:
        staff.sends("/staff/courses/fiddle/enter", **entered(alias="Eken"))
        text = staff.reads("/staff/courses/fiddle")
        assert "Ny Elev" in text
        assert "Eken" not in text
