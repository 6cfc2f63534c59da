"""What has happened, as staff read and print it: in words, and without where a guardian lives."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from werkzeug.test import Client

from services.chassis.storage.engine import Storage
from services.chassis.web.languages import kronor, speak
from services.enrolment import words
from services.enrolment.happenings import happenings
from tests.enrolment.pages.visitor import Visitor, withdraw
from tests.enrolment.rounds.story import open_round, publish, rank, run, schools_give_places_in_rounds
from tests.enrolment.story import CANCELLED, MARIA, NORRBY, applied, rows_of, tell


class Reader:
    """Who reads English, as much of a request as the words need."""

    texts = SimpleNamespace(gettext=lambda text: text)


def said(what: str, why: str, by: str = "enrolment") -> tuple[str, str, str]:
    speak("en")
    event = SimpleNamespace(at=None, what=what, why=why, by=by)
    (found,) = happenings(Reader(), [event], {NORRBY: "Norrby"})  # type: ignore[arg-type]
    return found.what, found.why, found.by


@pytest.mark.parametrize(
    ("what", "why", "words_of_it"),
    [
        ("placed", "free_seat", words.RULES["free_seat"]),
        ("placed", "the offer was accepted", "The offer was accepted."),
        ("ended", "withdrawn", words.OUTCOMES["withdrawn"]),
        ("skipped", "ceiling_reached", words.SKIPS["ceiling_reached"]),
        ("ranked", "0193-a, 0193-b", ""),
        ("rental_ended", "violin", "Violin"),
        ("settled", "no: both called", "No. both called"),
        ("asked", "the mother called", "the mother called"),
        ("queued", "queue_carried_over", words.RULES["queue_carried_over"]),
        ("moved", "", ""),
    ],
)
def test_why(what: str, why: str, words_of_it: str) -> None:
    assert said(what, why)[1] == words_of_it


def test_what_a_withdrawal_costs() -> None:
    why = said("ended", "withdrawn, 42500 öre by norrby-2024/fees")[1]
    assert why == f"Withdrawn by the family. It costs {kronor(42500)}."


@pytest.mark.parametrize(
    ("by", "name"),
    [
        (f"guardian:{NORRBY}:maria", "A guardian"),
        ("guardian", "A guardian"),
        (f"pupil:{NORRBY}:anton", "The pupil"),
        (f"staff:{NORRBY}:Sara Ek", "Sara Ek, Norrby"),
        (f"staff:{NORRBY}:Ek: Sara", "Ek: Sara, Norrby"),
        (f"staff:{NORRBY}:2daaf346-517b-56df-b8a2-1a7cb473ca71:Sara Ek", "Sara Ek, Norrby"),
        ("staff:9999:Sara Ek", "Sara Ek, 9999"),
        ("enrolment", "Samklang, by the rules"),
        ("catalogue", "Samklang, by the rules"),
        ("demo data", "Entered with the example data"),
    ],
)
def test_who(by: str, name: str) -> None:
    assert said("placed", "free_seat", by)[2] == name


def test_no_code_and_no_key_stands_on_a_decision(storage: Storage, visitor: Visitor) -> None:
    applied(storage, "a1")
    withdraw(storage, "a1")
    staff = visitor.is_staff()
    for path in ("/staff/applications/a1", "/staff/pupils/alma"):
        for language in ("sv", "en"):
            page = staff.reads(path, language=language).split("<main")[1].split("</main>")[0]
            assert f"guardian:{NORRBY}" not in page
            assert "free_seat" not in page
            assert "withdrawn" not in page.replace("Withdrawn", "")


def test_the_wishes_of_a_round_stand_on_the_decision(storage: Storage, visitor: Visitor) -> None:
    schools_give_places_in_rounds(storage)
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["fiddle", "circus"])
    run(storage)
    publish(storage)
    (application_id,) = rows_of(storage)
    page = visitor.is_staff().reads(f"/staff/applications/{application_id}")
    for words_of_it in (
        "Which alternatives",
        "Not needed: a better wish came true",
        "Seats taken before the round",
        "given in the admission round",
    ):
        assert words_of_it in page
    family = visitor.is_family(MARIA).reads(f"/my/applications/{application_id}")
    assert "The wishes in the admission round" in family
    assert "Before the round, 0 of 2 seats were taken" in family


def test_a_cancelled_course_says_so_and_takes_no_paper(storage: Storage, staff: Visitor) -> None:
    applied(storage, "a1")
    tell(storage, CANCELLED)
    page = staff.reads(f"/staff/courses/{CANCELLED.course_id}")
    assert "The course is cancelled" in page
    assert f"/staff/courses/{CANCELLED.course_id}/enter" not in page
    answer = staff.client.get(f"/staff/courses/{CANCELLED.course_id}/enter")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/staff/courses/{CANCELLED.course_id}")


def test_a_move_within_the_municipality_is_none(storage: Storage, staff: Visitor) -> None:
    form = {"municipality": NORRBY, "moved_on": "2026-11-20", "why": "moved to a new flat"}
    page = staff.sends("/staff/pupils/alma/move", 422, **form).text
    assert "The pupil is registered in that municipality already." in page
    assert 'value="moved to a new flat"' in page


def test_the_button_that_prints_is_there_only_with_scripts(
    storage: Storage, staff: Visitor, client: Client
) -> None:
    applied(storage, "a1")
    page = staff.reads("/staff/applications/a1")
    assert "data-print hidden" in page
    script = page.split("print.js")[0].rsplit('src="', 1)[1]
    assert client.get(f"{script}print.js").status_code == 200
