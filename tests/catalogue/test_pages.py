"""The catalogue's pages, without JavaScript."""

from __future__ import annotations

import html
import re
import subprocess
from io import BytesIO

import pytest
from werkzeug.test import Client

from services.catalogue import commands
from services.catalogue.domain.course_import import course_id_of
from services.catalogue.queries import reference
from services.catalogue.reactions import on_course_seats_changed
from services.catalogue.repository import RULE_BOOK
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.chassis.web.languages import speak
from services.chassis.web.session import LANGUAGE_COOKIE
from services.contracts.enrolment import CourseSeatsChanged
from services.enrolment.domain.queue import lot_of
from tests.catalogue.conftest import Published
from tests.catalogue.small_county import (
    COURSES,
    NORRBY,
    SODERBY,
    SODERBY_ROW,
    TERM,
    UTBY,
    course,
    course_file,
    rule_book,
)
from tests.web import sign_in

VIOLIN = course_id_of(TERM, "norrby-violin")
REASON = {"reason_sv": "Läraren är sjuk.", "reason_en": "The teacher is ill."}


def page(client: Client, path: str, status: int = 200, language: str = "en") -> str:
    client.set_cookie(LANGUAGE_COOKIE, language)
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return html.unescape(answer.text)


def test_home_in_both_languages(client: Client) -> None:
    assert "The whole county is your culture school" in page(client, "/")
    swedish = page(client, "/", language="sv")
    assert "Hela länet är din kulturskola" in swedish
    assert "Provsamarbetet" in swedish
    assert "Dans för alla" not in swedish  # not shared, so not shown to everybody
    assert "/courses?art_form=dance" in swedish
    assert "/courses?art_form=circus" not in swedish  # nobody teaches it


@pytest.mark.parametrize("path", ["/", "/courses", "/schools"])
def test_pages_before_anything_is_loaded(
    client: Client, composition: Composition, storage: Storage, path: str
) -> None:
    with storage.unit() as unit:
        for table in ("courses", "terms", "municipalities", "rule_books", "fees", "art_forms", "counties"):
            unit.connection.exec_driver_sql(f"DELETE FROM {table}")
    assert 'class="empty"' in page(client, path)


def test_search_and_its_filters_as_links(client: Client) -> None:
    text = page(client, f"/courses?words=cello&age=9&home={NORRBY}&art_form=&municipality=&sort=match")
    assert f"/courses/{course_id_of(TERM, 'soderby-cello')}" in text
    assert f"/courses/{VIOLIN}" not in text
    assert "Open to Norrby" in text
    assert f'href="/courses?age=9&home={NORRBY}"' in text  # the same without the words
    assert f'href="/courses?words=cello&home={NORRBY}"' in text


def test_nothing_found_says_what_to_relax(client: Client) -> None:
    text = page(client, f"/courses?words=cello&municipality={NORRBY}")
    assert "No course is quite like that" in text
    assert 'href="/courses?words=cello"' in text
    assert "Without Norrby: 1 course" in text


def test_a_search_that_cannot_be_understood_still_shows_courses(client: Client) -> None:
    text = page(client, "/courses?age=nine&page=x&sort=price&municipality=abc&home=9999&utm_source=mail")
    assert "Write the age as a whole number of years." in text
    assert VIOLIN in text


def test_what_a_visitor_writes_is_no_markup(client: Client) -> None:
    answer = client.get("/courses", query_string={"words": '"><script>alert(1)</script>'})
    assert "<script>alert" not in answer.text


def test_the_address_is_kept_short_for_htmx(client: Client) -> None:
    answer = client.get("/courses?words=fiol&art_form=&age=&sort=match", headers={"HX-Request": "true"})
    assert answer.headers["HX-Push-Url"] == "/courses?words=fiol"


def test_a_family_need_not_say_where_it_lives(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="guardian", municipality=SODERBY, person_id="p")
    assert "Open to Söderby" in page(client, "/courses?words=fiol")
    assert "Open to" not in page(client, "/courses?words=fiol&home=")
    assert f'<option value="{SODERBY}" selected>' in page(client, f"/courses/{VIOLIN}")


def test_a_course_with_all_facts(client: Client) -> None:
    text = page(client, f"/courses/{VIOLIN}")
    for fact in ("Violin", "We play polskas.", "Vi spelar polskor.", "Monday 16:30–17:10", "18 January 2027",
                 "31 May 2027", "8–12 years", "Sal 1, Norrby", "SEK 850", "5 free places",
                 "The queue goes by date.", "the tests", "1 January 2024", f"/apply/{VIOLIN}"):  # fmt: skip
        assert fact in text, fact


def test_yes_with_rule_and_price(client: Client) -> None:
    text = page(client, f"/courses/{VIOLIN}?home={SODERBY}&age=9")
    assert "verdict--yes" in text
    assert "cooperation/shared_courses" in text
    assert "shared courses are open to every member municipality" in text
    assert "SEK 850.00" in text


def test_full_means_the_queue(client: Client, storage: Storage) -> None:
    with storage.unit() as unit:
        on_course_seats_changed(unit, CourseSeatsChanged(VIOLIN, 5, 5, 2))
    text = page(client, f"/courses/{VIOLIN}?home={SODERBY}&age=9")
    assert "verdict--queue" in text
    assert "Full, 2 in the queue" in text
    assert "Join the queue" in text
    assert f"/apply/{VIOLIN}" in text


@pytest.mark.parametrize(
    ("home", "age", "said"),
    [(UTBY, "9", "Utby is not a member"), (SODERBY, "7", "from 8 years"), (SODERBY, "13", "up to 12 years")],
)
def test_no_with_its_reason(client: Client, home: str, age: str, said: str) -> None:
    text = page(client, f"/courses/{VIOLIN}?home={home}&age={age}")
    assert "verdict--no" in text
    assert said in text


@pytest.mark.parametrize("query", ["home=&age=", "home=9999&age=9", "home=1901&age=old", "age=9"])
def test_half_a_question(client: Client, query: str) -> None:
    text = page(client, f"/courses/{VIOLIN}?{query}")
    assert "Please check what you wrote" in text
    assert 'class="verdict' not in text


def test_an_unknown_course(client: Client) -> None:
    assert "There is no such course" in page(client, "/courses/nobody", 404)
    assert "There is no such page" in page(client, "/courses/%00%FF'--", 404)


def test_schools(client: Client) -> None:
    text = page(client, "/schools")
    assert "Norrby kulturskola" in text
    assert f"/courses?art_form=dance&municipality={NORRBY}" in text
    assert "Dance is found in Norrby only." in text
    assert "All courses are free of charge in Söderby." in text
    assert "Utby is not a member" in text


def test_a_school_with_its_rules_now_and_earlier(client: Client) -> None:
    text = page(client, f"/schools/{NORRBY}")
    assert "2 courses this term, 1 of them open to the whole county." in text
    assert "Earlier rules, until 31 December 2023" in text
    assert "SEK 600.50" in text


@pytest.mark.parametrize("code", [UTBY, "9999", "x"])
def test_no_such_school(client: Client, code: str) -> None:
    assert "There is no culture school" in page(client, f"/schools/{code}", 404)


class TestCancelling:
    path = f"/courses/{VIOLIN}/cancel"

    def test_the_hosts_staff_cancel_with_a_reason(
        self, client: Client, composition: Composition, published: Published
    ) -> None:
        published()
        token = sign_in(client, composition, role="staff", municipality=NORRBY)
        assert self.path in page(client, f"/courses/{VIOLIN}")
        assert "This cannot be undone" in page(client, self.path)
        answer = client.post(self.path, data={**REASON, "csrf_token": token})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/courses/{VIOLIN}")
        assert [name for name, _ in published()] == ["course_cancelled"]
        text = page(client, f"/courses/{VIOLIN}")
        assert "The teacher is ill." in text
        assert f'href="/apply/{VIOLIN}"' not in text
        assert self.path not in text
        assert client.get(self.path).status_code == 303

    def test_a_reason_is_needed_in_both_languages(
        self, client: Client, composition: Composition, published: Published
    ) -> None:
        published()
        token = sign_in(client, composition, role="staff", municipality=NORRBY)
        answer = client.post(self.path, data={"reason_sv": "Läraren är sjuk.", "csrf_token": token})
        assert answer.status_code == 422
        assert "Läraren är sjuk." in answer.text
        assert "Write the reason in 3 to 500 characters." in answer.text
        assert published() == []

    def test_nobody_else_may(self, client: Client, composition: Composition, published: Published) -> None:
        published()
        assert client.get(self.path).headers["Location"].startswith("/login")
        for role, municipality in [("staff", SODERBY), ("guardian", NORRBY), ("finance", NORRBY)]:
            token = sign_in(client, composition, role=role, municipality=municipality, person_id="p")
            assert self.path not in page(client, f"/courses/{VIOLIN}")
            assert client.get(self.path).status_code == 403
            assert client.post(self.path, data={**REASON, "csrf_token": token}).status_code == 403
        sign_in(client, composition, role="staff", municipality=NORRBY)
        assert client.post(self.path, data={**REASON, "csrf_token": "forged"}).status_code == 403
        assert published() == []


class TestImporting:
    path = "/courses/import"

    def upload(self, client: Client, token: str, rows: list[dict[str, str]]) -> str:
        data = {"csrf_token": token, "action": "preview", "term": TERM,
                "file": (BytesIO(course_file(rows)), "courses.csv")}  # fmt: skip
        answer = client.post(self.path, data=data)
        return f"{answer.status_code} {html.unescape(answer.text)}"

    def test_look_and_confirm(self, client: Client, composition: Composition, published: Published) -> None:
        published()
        token = sign_in(client, composition, role="staff", municipality=NORRBY)
        assert self.path in page(client, "/courses")
        rows = [{**COURSES[0], "room": "Stora salen"}, COURSES[1], course("norrby-new", title_en="New one")]
        preview = self.upload(client, token, rows)
        assert preview.startswith("200")
        assert "Import 2 courses" in preview
        assert "New one" in preview
        assert "Dance for all" not in preview.split("<textarea")[0]  # unchanged
        assert published() == []
        text = course_file(rows).decode()
        data = {"csrf_token": token, "action": "import", "term": TERM, "csv": text}
        answer = client.post(self.path, data=data, content_type="multipart/form-data", follow_redirects=True)
        assert "Imported: 1 new, 1 changed, 1 unchanged." in answer.text
        assert [name for name, _ in published()] == ["course_published", "course_published"]
        assert "There is nothing to import." in self.upload(client, token, rows)

    def test_a_broken_file_says_every_row(
        self, client: Client, composition: Composition, published: Published
    ) -> None:
        published()
        token = sign_in(client, composition, role="staff", municipality=NORRBY)
        rows = [course("one", weekday="9"), course("two"), course("three", **SODERBY_ROW)]
        said = self.upload(client, token, rows)
        assert said.startswith("422")
        assert "Row 2, column weekday: write a whole number from 1 to 7, not “9”." in said
        assert f"Row 4 is a course of Söderby ({SODERBY})" in said
        data = {"csrf_token": token, "action": "import", "term": TERM, "csv": course_file(rows).decode()}
        assert client.post(self.path, data=data).status_code == 422
        assert published() == []

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a,b\n1,2"])
    def test_no_course_file(self, client: Client, composition: Composition, content: bytes) -> None:
        token = sign_in(client, composition, role="staff", municipality=NORRBY)
        data = {"csrf_token": token, "action": "preview", "term": TERM, "file": (BytesIO(content), "x.csv")}
        answer = client.post(self.path, data=data)
        assert answer.status_code == 422
        assert "nothing was changed" in answer.text

    def test_a_body_of_ten_megabytes(self, client: Client, composition: Composition) -> None:
        token = sign_in(client, composition, role="staff", municipality=NORRBY)
        data = {"csrf_token": token, "action": "preview", "file": (BytesIO(b"x" * 10_000_000), "x.csv")}
        answer = client.post(self.path, data=data)
        assert answer.status_code == 413
        assert "at most one megabyte" in answer.text

    def test_download_and_import_again_changes_nothing(
        self, client: Client, composition: Composition
    ) -> None:
        token = sign_in(client, composition, role="staff", municipality=NORRBY)
        answer = client.get("/courses/import/courses.csv")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="courses-{NORRBY}.csv"'
        assert b"soderby" not in answer.data
        data = {
            "csrf_token": token,
            "action": "preview",
            "term": TERM,
            "file": (BytesIO(answer.data), "c.csv"),
        }
        assert "There is nothing to import." in client.post(self.path, data=data).text

    def test_only_staff(self, client: Client, composition: Composition) -> None:
        assert client.get(self.path).headers["Location"].startswith("/login")
        sign_in(client, composition, role="guardian", municipality=NORRBY, person_id="p")
        assert client.get(self.path).status_code == 403
        assert client.get("/courses/import/courses.csv").status_code == 403


def test_the_login_page_can_name_places(composition: Composition) -> None:
    speak("sv")
    names = composition.parts.municipality_names()  # type: ignore[attr-defined]
    assert names == {NORRBY: "Norrby", SODERBY: "Söderby", UTBY: "Utby", "19": "Provlän"}


class TestLottery:
    def publish(self, storage: Storage, **changes: object) -> None:
        with storage.unit() as unit:
            book = RULE_BOOK.load(rule_book("norrby", NORRBY, "Norrby kulturskola", **changes))
            commands.publish_rule_book(unit, book)

    def test_the_seed_and_how_to_draw_again(self, client: Client, storage: Storage) -> None:
        """What the page says to run gives the very lot by which enrolment orders the queue."""
        seed = {"lottery_seed": "norrby 'vt27'"}
        self.publish(storage, order=["queue_day", "lottery"], ordering=seed)
        text = page(client, f"/courses/{VIOLIN}")
        assert "norrby 'vt27'" in text
        assert "How the lottery is drawn" in text
        assert "Så dras lotten" in page(client, f"/courses/{VIOLIN}", language="sv")
        (command,) = re.findall(r"<code>(printf .*? \| sha256sum)</code>", text)
        drawn = subprocess.run(
            ["sh", "-c", command.replace("CHILD", "alma")], capture_output=True, text=True, check=True
        )
        with storage.reading() as connection:
            book = reference.rule_books(connection)["norrby"]
        assert drawn.stdout.split()[0] == lot_of(book, VIOLIN, "alma")

    def test_without_a_lottery_nothing_is_said_of_one(self, client: Client) -> None:
        assert "How the lottery is drawn" not in page(client, f"/courses/{VIOLIN}")


@pytest.mark.parametrize("path", [f"/courses/{VIOLIN}", f"/schools/{NORRBY}"])
def test_the_rules_are_read_in_both_languages(client: Client, path: str) -> None:
    text = page(client, path)
    assert "All rules that Samklang goes by" in text
    assert "From 6 years of age, on the first day of the term." in text
    assert "The queue goes by the queue date." in text
    swedish = page(client, path, language="sv")
    assert "Kön går efter ködatum." in swedish
    assert "Vem får anmäla sig" in swedish
