"""Swedish unless the visitor says otherwise, and everything written as that language writes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from werkzeug.test import Client

from services.chassis.process import Composition
from services.chassis.refusals import Refusal
from services.chassis.web import languages
from services.chassis.web.languages import Texts, current_language, speak
from services.chassis.web.session import LANGUAGE_COOKIE
from services.contracts.fact import LocalText
from tests.web import client_of

SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture
def visitor(composition: Composition) -> Client:
    """Has chosen nothing."""
    return client_of(composition)


def language_of(client: Client, accepted: str | None = None) -> str:
    headers = {} if accepted is None else {"Accept-Language": accepted}
    text = client.get("/accessibility", headers=headers).text
    return text.partition('<html lang="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "sv"),
        ("", "sv"),
        ("sv", "sv"),
        ("en", "en"),
        ("EN-gb", "en"),
        ("sv-FI, en;q=0.5", "sv"),
        ("en;q=0.5, sv;q=0.9", "sv"),
        ("fi, de;q=0.9, en;q=0.1", "en"),
        ("fi, ar", "sv"),
        ("*", "sv"),
        ("en;q=0, sv", "sv"),
        ("en;q=0", "sv"),
        ("ens, english", "sv"),
        ("x" * 3000, "sv"),
        (";;;,,,=", "sv"),
    ],
)
def test_what_the_browser_accepts(visitor: Client, accepted: str | None, language: str) -> None:
    assert language_of(visitor, accepted) == language


@pytest.mark.parametrize(
    ("cookie", "language"),
    [("en", "en"), ("sv", "sv"), ("fi", "en"), ("", "en"), ("en-GB", "en"), ("é", "en")],
)
def test_what_was_chosen_comes_first(visitor: Client, cookie: str, language: str) -> None:
    visitor.set_cookie(LANGUAGE_COOKIE, cookie)
    assert language_of(visitor, "en") == language


class TestChoosing:
    def test_it_is_kept_for_a_year(self, visitor: Client) -> None:
        answer = visitor.get("/language?to=en&next=/accessibility")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/accessibility")
        assert f"Max-Age={366 * 86400}" in answer.headers["Set-Cookie"]
        assert language_of(visitor) == "en"
        visitor.get("/language?to=sv")
        assert language_of(visitor, "en") == "sv"

    def test_a_language_that_is_not_spoken(self, visitor: Client) -> None:
        answer = visitor.get("/language?to=tlh&next=/courses")
        assert answer.headers["Location"] == "/courses"
        assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize(
        "target",
        [
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\r\nSet-Cookie: a=b",
            "evil.example",
            "",
        ],
    )
    def test_it_leads_nowhere_else(self, visitor: Client, target: str) -> None:
        answer = visitor.get("/language", query_string={"to": "en", "next": target})
        assert answer.headers["Location"] == "/"
        assert len(answer.headers.get_all("Set-Cookie")) == 1

    def test_a_page_links_to_itself_in_the_other_language(self, visitor: Client) -> None:
        text = visitor.get("/accessibility?a=b&c=d").text
        assert 'href="/language?to=en&amp;next=%2Faccessibility%3Fa%3Db%26c%3Dd"' in text


class TestWriting:
    @pytest.fixture(autouse=True)
    def _afterwards(self) -> Iterator[None]:
        before = current_language()
        yield
        speak(before)

    def test_swedish(self) -> None:
        speak("sv")
        assert languages.day(date(2027, 1, 13)) == "13 januari 2027"
        assert languages.moment(datetime(2026, 11, 24, 15, 30, tzinfo=UTC)) == "24 nov. 2026 16:30"
        assert languages.moment(datetime(2026, 7, 1, 15, 30, tzinfo=UTC)) == "1 juli 2026 17:30"
        assert (languages.weekday(1), languages.weekday(7)) == ("måndag", "söndag")
        assert languages.kronor(85_000) == f"850,00{SPACE}kr"
        assert languages.number(1_234_567) == f"1{SPACE}234{SPACE}567"

    def test_english(self) -> None:
        speak("en")
        assert languages.day(date(2027, 1, 13)) == "13 January 2027"
        assert languages.moment(datetime(2026, 11, 24, 15, 30, tzinfo=UTC)) == "24 Nov 2026 16:30"
        assert (languages.weekday(1), languages.weekday(7)) == ("Monday", "Sunday")
        assert languages.kronor(85_000) == "SEK 850.00"
        assert languages.number(1_234_567) == "1,234,567"

    def test_a_language_that_is_not_spoken_is_swedish(self) -> None:
        speak("fi")
        assert current_language() == "sv"

    def test_a_reason_in_the_readers_language(self, tmp_path: Path) -> None:
        (tmp_path / "sv.po").write_text(
            'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
            'msgid "%(what)s closed on %(day)s."\nmsgstr "%(what)s stängde %(day)s."\n\n'
            'msgid "Log in"\nmsgstr "Kliv på"\n\n'
            'msgid "One place"\nmsgid_plural "%(num)s places"\n'
            'msgstr[0] "En plats"\nmsgstr[1] "%(num)s platser"\n'
        )
        texts = Texts(tmp_path)
        facts = {"what": LocalText(sv="Kören", en="The choir"), "day": date(2027, 1, 13)}
        refusal = Refusal("closed", "%(what)s closed on %(day)s.", facts)
        speak("sv")
        assert texts.reason(refusal) == "Kören stängde 13 januari 2027."
        assert texts.gettext("Log in") == "Kliv på"  # a service's own words before the chassis'
        assert texts.gettext("Log out") == "Logga ut"
        assert texts.gettext("Nobody has translated this") == "Nobody has translated this"
        assert [texts.ngettext("One place", "%(num)s places", n) for n in (0, 1, 2)] == [
            "%(num)s platser",
            "En plats",
            "%(num)s platser",
        ]
        speak("en")
        assert texts.reason(refusal) == "The choir closed on 13 January 2027."
        assert texts.ngettext("One place", "%(num)s places", 1) == "One place"

    def test_what_is_said_is_no_markup(self) -> None:
        speak("en")
        assert languages.FILTERS["said"]("<b>") == "&lt;b&gt;"  # type: ignore[operator]
