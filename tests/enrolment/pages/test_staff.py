"""What staff see of their courses, and what they enter."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.chassis.web.session import LANGUAGE_COOKIE
from services.enrolment import commands
from services.enrolment.tables import applications, pupils
from tests.enrolment.pages.visitor import Visitor, entered, refusal
from tests.enrolment.story import (
    ALMA,
    CANCELLED,
    CLOVER,
    MARIA,
    NORRBY,
    SODERBY,
    UTBY,
    applied,
    children,
    count,
    number,
    states,
    tell,
)


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
        assert rows[0] == [
            *("Name", "Age", "Home municipality", "State", "No. in the queue", "Queue date", "Since"),
            *("Guardian", "Course", "Term"),
        ]
        assert rows[1] == [
            *("Alma Hellström", "9", "Norrby", "Has a place", "", "2026-11-24", "2026-11-24"),
            *("Maria Hellström", "Saturday fiddle", "Spring 2027"),
        ]
        assert [row[3] for row in rows[1:]] == ["Has a place", "Has a place", "In the queue", "In the queue"]
        assert [row[4] for row in rows[1:]] == ["", "", "1", "2"]
        assert 'filename="Saturday_fiddle_Spring_2027.csv"' in answer.headers["Content-Disposition"]
        staff.client.set_cookie(LANGUAGE_COOKIE, "sv")
        assert self.csv_rows(staff)[1][3] == "Har plats"

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
            assert len(row) == 10
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


class TestForAFamily:
    """What a family that called or wrote asked for, of somebody with protected identity for instance."""

    PATH = "/staff/applications/a3"

    def test_an_offer_is_answered(self, full: Storage, staff: Visitor) -> None:
        staff.sends("/staff/applications/a1", action="withdraw", why="Called.")
        text = staff.reads(self.PATH)
        for said in ("The family has called", "Accept the place", "Decline the offer"):
            assert said in text, said
        staff.sends(self.PATH, action="accept", why="The guardian called on Monday.")
        text = staff.reads(self.PATH)
        assert "The guardian called on Monday." in text
        assert "Decline the offer" not in text
        assert states(full)["a3"] == "placed"
        text = refusal(staff.sends(self.PATH, 409, action="decline", why="Called."))
        assert "There is no offer to answer" in text
        assert "Familjen har ringt" in staff.reads(self.PATH, language="sv")

    def test_whose_it_is(self, full: Storage, visitor: Visitor) -> None:
        form = {"action": "withdraw", "why": "Called."}
        visitor.is_staff(SODERBY).sends("/staff/applications/a1", 403, **form)
        visitor.is_family(MARIA).sends("/staff/applications/a1", 403, **form)
        staff = visitor.is_staff()
        staff.sends("/staff/applications/nothing", 404, **form)
        for odd in ({"action": "cancel"}, {"why": ""}):
            staff.sends("/staff/applications/a1", 422, **{**form, **odd})  # type: ignore[arg-type]
        assert states(full)["a1"] == "placed"
