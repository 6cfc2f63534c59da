"""Every letter, in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.chassis.web.languages import current_language, speak
from services.contracts.fact import LocalText
from services.notifications.domain.lessons import Lessons
from services.notifications.letters import KINDS, LetterWriter
from services.notifications.material import CourseFacts, Letter, Material

COURSE = CourseFacts(
    title=LocalText("Lördagsfiol", "Saturday fiddle"),
    school="Västerås kulturskola",
    weekday=6,
    room="Växhuset, sal 1",
    lessons=Lessons(date(2027, 1, 16), date(2027, 6, 5), "16:30", 60),
    term=LocalText("Vårterminen 2027", "Spring 2027"),
    cancelled_because=LocalText("Läraren är sjuk.", "The teacher is ill."),
)
COSTS = {"year": 2025, "budget_ore": 100_000_000, "population_date": "2024-12-31"}
FACTS: dict[str, dict[str, Any]] = {
    "place": {"rule": "free_seat"},
    "queued": {"position": 3, "rule": "queue_date"},
    "offered": {"rule": "next_in_queue"},
    "ended": {"outcome": "withdrawn", "had": "place"},
    "not_continued": {"reason": "course_not_continued"},
    "cancelled": {"outcome": "course_cancelled", "had": "place"},
    "cost_total": {**COSTS, "region_ore": 50_000_000, "payers": 10},
    "cost_share": {**COSTS, "share_ore": 1_234_567},
    "reminder": {
        "reminder_id": "r1",
        "number": "P2026-0001",
        "invoice_number": "2026-0005",
        "level": 2,
        "open_ore": 251_186,
        "due_on": "2026-10-31",
        "pay_by": "2026-12-04",
    },
}
FAMILY = ("place", "queued", "offered", "ended", "not_continued", "cancelled")
writer = LetterWriter("https://samklang.test")


def letter(kind: str, language: str, **changes: Any) -> Letter:
    values: dict[str, Any] = {
        "reader_name": "Maria Hellström",
        "facts": FACTS[kind],
        "pupil_name": "Alma",
        "course": COURSE if kind in FAMILY else None,
        "municipality_name": "Norberg",
    }
    return writer.write(Material(kind=kind, language=language, **{**values, **changes}))


EXPECTED = [
    (
        "place",
        "sv",
        "Alma har fått en plats: Lördagsfiol",
        ["ledig plats", "Lördagar 16:30–17:30", "Växhuset, sal 1"],
    ),
    (
        "place",
        "en",
        "Alma has a place: Saturday fiddle",
        ["free place", "Saturdays 16:30–17:30", "Växhuset, sal 1"],
    ),
    ("queued", "sv", "Alma står i kö: Lördagsfiol", ["plats nummer 3 i kön", "ansökningsdatum", "Lördagar"]),
    ("queued", "en", "Alma is in the queue: Saturday fiddle", ["place number 3", "date of application"]),
    ("offered", "sv", "En plats är ledig för Alma: Lördagsfiol", ["Svara gärna ja eller nej", "först i kön"]),
    ("offered", "en", "A place is free for Alma: Saturday fiddle", ["say yes or no", "next in the queue"]),
    ("ended", "sv", "Din ansökan är avslutad: Lördagsfiol", ["platsen är återlämnad", "Alma"]),
    ("ended", "en", "Your application has ended: Saturday fiddle", ["has been given up", "Alma"]),
    (
        "not_continued",
        "sv",
        "Platsen upphör med terminen: Lördagsfiol",
        ["gäller tills terminen är slut", "Skolan håller inte kursen nästa termin."],
    ),
    (
        "not_continued",
        "en",
        "The place ends with the term: Saturday fiddle",
        ["stands until the term is over", "The school does not hold the course next term."],
    ),
    ("cancelled", "sv", "Inställd: Lördagsfiol", ["Läraren är sjuk.", "platsen för Alma"]),
    ("cancelled", "en", "Cancelled: Saturday fiddle", ["The teacher is ill.", "The place of Alma"]),
    ("cost_total", "sv", "Kostnadsandelar för 2025: 1 000 000,00 kr", ["500 000,00", "31 december 2024"]),
    ("cost_total", "en", "Cost shares for 2025: SEK 1,000,000.00", ["500,000.00", "31 December 2024"]),
    ("cost_share", "sv", "Kostnadsandel för 2025, Norberg: 12 345,67 kr", ["Er andel: 12 345,67 kr"]),
    ("cost_share", "en", "Cost share for 2025, Norberg: SEK 12,345.67", ["Your share: SEK 12,345.67"]),
    ("reminder", "sv", "Påminnelse 2 om faktura 2026-0005: 2 511,86 kr", ["31 oktober 2026", "P2026-0001"]),
    (
        "reminder",
        "en",
        "Reminder 2 of invoice 2026-0005: SEK 2,511.86",
        ["4 December 2026", "https://samklang.test/finance/reminders/r1"],
    ),
]


@pytest.mark.parametrize(
    ("kind", "language", "subject", "words"), EXPECTED, ids=lambda value: str(value)[:12]
)
def test_every_letter_says_what_happened_and_why(
    kind: str, language: str, subject: str, words: list[str]
) -> None:
    written = letter(kind, language)
    spaced = written.text.replace("\N{NO-BREAK SPACE}", " ")
    assert written.subject.replace("\N{NO-BREAK SPACE}", " ") == subject
    assert spaced.startswith("Hej Maria!" if language == "sv" else "Hello Maria!")
    assert [word for word in words if word not in spaced] == []
    assert "%(" not in written.text + written.html


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("kind", ["place", "queued", "offered"])
def test_a_family_reads_when_where_and_the_way_to_its_page(kind: str, language: str) -> None:
    text = letter(kind, language).text
    first = "16 januari 2027" if language == "sv" else "16 January 2027"
    for expected in (
        "Västerås kulturskola",
        "16:30–17:30",
        "Växhuset, sal 1",
        first,
        "https://samklang.test/my",
    ):
        assert expected in text


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_is_left_in_english_in_a_swedish_letter(kind: str) -> None:
    """Whatever a Swedish letter shares with the English one is a name, a figure or a link."""
    shared = set(letter(kind, "sv").text.splitlines()) & set(letter(kind, "en").text.splitlines())
    allowed = {
        "",
        "https://samklang.test/my",
        "https://samklang.test/courses",
        "https://samklang.test/finance/2025",
        "https://samklang.test/finance/reminders/r1",
    }
    assert shared <= allowed


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_plain_text_and_html_say_the_same(kind: str, language: str) -> None:
    written = letter(kind, language, pupil_name="Alma")
    for line in written.text.splitlines():
        for part in line.removesuffix(":").split(": "):
            assert part.replace("'", "&#39;") in written.html


@pytest.mark.parametrize(
    ("outcome", "had", "swedish", "english"),
    [
        ("withdrawn", "place", "har inte längre någon plats", "no longer has a place"),
        ("withdrawn", "queue", "står inte längre i kö", "no longer stands in the queue"),
        ("withdrawn", "offer", "ansökan är återtagen", "the application is withdrawn"),
        ("declined", "offer", "nästa i kön", "the next in the queue"),
        ("expired", "offer", "Sista dagen att svara har passerat", "The last day to answer has passed"),
        ("one_instrument", "queue", "ett instrument åt gången", "one instrument at a time"),
        ("not_renewed", "place", "bekräftades inte", "was not confirmed"),
        ("not_renewed", "queue", "bekräftades inte", "was not confirmed"),
        ("an outcome of a later release", "offer", "är avslutad", "has ended"),
    ],
)
def test_every_ending_has_its_words(outcome: str, had: str, swedish: str, english: str) -> None:
    facts = {"outcome": outcome, "had": had}
    assert swedish in letter("ended", "sv", facts=facts).text
    assert english in letter("ended", "en", facts=facts).text


def test_an_offer_says_the_last_day_to_answer() -> None:
    facts = {"rule": "next_in_queue", "answer_by": "2026-12-07"}
    assert "Sista dagen att svara är 7 december 2026." in letter("offered", "sv", facts=facts).text
    assert "The last day to answer is 7 December 2026." in letter("offered", "en", facts=facts).text


def test_an_offer_without_a_last_day_names_none() -> None:
    """Also one that was recorded by an earlier release, which knew of no such day."""
    for facts in ({"rule": "next_in_queue"}, {"rule": "next_in_queue", "answer_by": None}):
        assert "last day" not in letter("offered", "en", facts=facts).text


def test_a_late_withdrawal_says_what_it_costs() -> None:
    facts = {"outcome": "withdrawn", "had": "place", "cost_ore": 25000}
    assert "250,00\N{NO-BREAK SPACE}kr" in letter("ended", "sv", facts=facts).text
    assert "costs" not in letter("ended", "en", facts={**facts, "cost_ore": 0}).text


@pytest.mark.parametrize(
    ("had", "swedish"), [("place", "platsen för Alma"), ("offer", "reserverad"), ("queue", "köplatsen")]
)
def test_a_cancellation_says_what_ends_with_it(had: str, swedish: str) -> None:
    assert swedish in letter("cancelled", "sv", facts={"had": had, "outcome": "course_cancelled"}).text


@pytest.mark.parametrize("kind", FAMILY)
def test_a_pupil_of_age_is_spoken_to_itself(kind: str) -> None:
    own = letter(kind, "en", is_own=True, pupil_name="Anton")
    assert "Anton" not in own.subject + own.text
    assert "you" in own.text.lower()


def test_a_pupil_whose_name_never_came_is_the_reader_s_child() -> None:
    assert letter("place", "en", pupil_name=None).subject == "Your child has a place: Saturday fiddle"
    assert "and your child has place number 3" in letter("queued", "en", pupil_name=None).text
    assert letter("place", "sv", pupil_name=None).subject == "Ditt barn har fått en plats: Lördagsfiol"


def test_an_unknown_rule_is_named() -> None:
    assert "by_lot" in letter("place", "en", facts={"rule": "by_lot"}).text


def test_what_people_wrote_is_escaped() -> None:
    nasty = letter("place", "sv", pupil_name='<script>alert("x")</script>')
    assert "<script>" not in nasty.html
    assert "&lt;script&gt;" in nasty.html


def test_a_percent_sign_in_a_title_is_only_a_percent_sign() -> None:
    odd = replace(COURSE, title=LocalText("100 % fiol %(school)s", "100 % fiddle"))
    assert "100 % fiol %(school)s" in letter("place", "sv", course=odd).subject


def test_writing_a_letter_leaves_the_visitor_s_language_alone() -> None:
    speak("sv")
    letter("place", "en")
    assert current_language() == "sv"


def test_the_document_is_in_the_letter_s_language() -> None:
    assert '<html lang="en">' in writer.document(letter("place", "en"))


@pytest.mark.parametrize(
    ("kind", "facts", "swedish", "english"),
    [
        ("place", {"rule": "carried_over"}, "Alma behåller platsen", "Alma keeps the place"),
        ("offered", {"rule": "carried_over"}, "Vill Alma fortsätta nästa termin?", "Does Alma want to go on"),
        (
            "queued",
            {"rule": "queue_carried_over", "position": 2},
            "Alma väntar till nästa termin",
            "Alma waits for next term",
        ),
        ("queued", {"rule": "main_admission", "position": 2}, "Alma står i kö", "Alma is in the queue"),
    ],
)
def test_what_is_carried_over_is_no_new_application(
    kind: str, facts: dict[str, Any], swedish: str, english: str
) -> None:
    assert letter(kind, "sv", facts=facts).subject.startswith(swedish)
    assert letter(kind, "en", facts=facts).subject.startswith(english)
    for language in ("sv", "en"):
        said = letter(kind, language, facts=facts).text
        assert not any(word in said for word in ("Good news", "has come free", "is full", "är full", "%("))
        own = letter(kind, language, facts=facts, is_own=True)
        assert "Alma" not in own.subject


@pytest.mark.parametrize(
    ("language", "said"), [("sv", "senast 3 maj 2027"), ("en", "at the latest on 3 May 2027")]
)
def test_a_queue_position_to_confirm_has_its_day(language: str, said: str) -> None:
    facts = {"rule": "queue_to_confirm", "position": 1, "renew_by": "2027-05-03"}
    assert said in letter("queued", language, facts=facts).text


def test_a_reason_that_is_new_to_us_is_still_a_reason() -> None:
    assert "by the school’s rules" in letter("not_continued", "en", facts={"reason": "brand_new"}).text
