"""What a family says of the next term, until which day, and that it can be taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from werkzeug.test import Client

from services.chassis.clock import FixedClock
from services.chassis.process import Composition
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import ApplicationQueued
from services.contracts.rule_book import CarryOver
from services.contracts.rule_dates import TermDays
from services.contracts.rule_prices import Withdrawal
from services.enrolment import next_term
from services.enrolment.next_term import NextTerm, next_terms
from services.enrolment.rollover.loading import next_application_id
from tests.enrolment.rollover.story import (
    AUTUMN,
    LUNDS_WAY,
    NEXT_FIDDLE,
    autumn_comes,
    by_pupil,
    dry_run,
    run,
    said,
)
from tests.enrolment.story import (
    MARIA,
    NORRBY,
    SAMIRA,
    SODERBY,
    TODAY,
    applied,
    children,
    facts,
    rows_of,
    tell,
)
from tests.web import bearer, sign_in

APRIL = datetime(2027, 4, 12, 9, 0, tzinfo=UTC)


def possible(storage: Storage, today: date = TODAY, application_id: str = "a1") -> NextTerm | None:
    with storage.reading() as connection:
        return next_terms(connection, [application_id], today).get(application_id)


def say(storage: Storage, answer: str, application_id: str = "a1") -> str | None:
    """The name of the refusal, None where it was heard."""
    command = {"confirm": next_term.confirm, "give-up": next_term.give_up, "undo": next_term.undo}[answer]
    try:
        with storage.unit() as unit:
            command(unit, application_id, "the family")
    except Refused as refused:
        return refused.refusal.name
    return None


def answer_of(storage: Storage, application_id: str = "a1") -> str | None:
    answer: str | None = rows_of(storage)[application_id].next_term
    return answer


class TestWhere:
    """Places continue by themselves, and may be given up by the rule book's day."""

    def test_until_the_next_term_is_known_nothing_can_be_said(self, storage: Storage) -> None:
        applied(storage)
        assert possible(storage) is None
        assert say(storage, "give-up") == "next_term_unknown"

    def test_given_up_taken_back_and_given_up(self, storage: Storage) -> None:
        applied(storage)
        autumn_comes(storage, replace(NEXT_FIDDLE, title=replace(NEXT_FIDDLE.title, en="Fiddle two")))
        found = possible(storage)
        assert found is not None
        assert (found.asked, found.last_day, found.answer) == (False, date(2027, 8, 29), None)
        assert found.course_title is not None
        assert found.course_title.en == "Fiddle two"
        for answer, kept, effect in (
            ("give-up", "given_up", ("ends", "given_up")),
            ("undo", None, ("continues", "carried_over")),
            ("give-up", "given_up", ("ends", "given_up")),
            ("give-up", "given_up", ("ends", "given_up")),
        ):
            assert say(storage, answer) is None
            assert answer_of(storage) == kept
            assert said(dry_run(storage).effects) == {"a1": effect}

    def test_the_rule_books_day_is_the_last_also_to_change_ones_mind(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        applied(storage)
        deadline = Withdrawal(deadline=TermDays(autumn="05-15", spring="12-01"))
        autumn_comes(storage, withdrawal=deadline)
        clock.time = datetime(2027, 5, 15, 21, 59, tzinfo=UTC)
        assert say(storage, "give-up") is None
        clock.time = datetime(2027, 5, 15, 22, 0, tzinfo=UTC)
        assert say(storage, "undo") == "next_term_too_late"
        assert answer_of(storage) == "given_up"

    def test_a_place_that_continues_by_itself_needs_no_confirmation(self, storage: Storage) -> None:
        applied(storage)
        autumn_comes(storage)
        assert say(storage, "confirm") == "nothing_to_confirm"

    def test_once_it_is_settled_it_is_too_late(self, storage: Storage) -> None:
        applied(storage)
        autumn_comes(storage)
        run(storage)
        assert possible(storage) is None
        assert say(storage, "give-up") == "next_term_settled"

    def test_a_place_for_one_term_has_nothing_to_give_up(self, storage: Storage) -> None:
        applied(storage)
        autumn_comes(storage, carry_over=CarryOver(places="end"))
        assert possible(storage) is None

    def test_an_application_that_is_not_there(self, storage: Storage) -> None:
        assert say(storage, "confirm", "nobody") == "application_unknown"

    def test_without_a_next_course_the_places_own_rules_hold(self, storage: Storage) -> None:
        applied(storage)
        tell(storage, AUTUMN)
        found = possible(storage)
        assert found is not None
        assert found.course_title is None


class TestAsked:
    """Lund's way: confirmed from 1 April to 1 May, which is a holiday and a Saturday in 2027."""

    @pytest.mark.parametrize(
        ("at", "refused"),
        [
            (datetime(2027, 3, 31, 21, 59, tzinfo=UTC), "next_term_too_early"),
            (datetime(2027, 3, 31, 22, 0, tzinfo=UTC), None),
            (datetime(2027, 5, 3, 21, 59, tzinfo=UTC), None),
            (datetime(2027, 5, 3, 22, 0, tzinfo=UTC), "next_term_too_late"),
        ],
    )
    def test_the_first_and_the_last_day(
        self, storage: Storage, clock: FixedClock, at: datetime, refused: str | None
    ) -> None:
        applied(storage)
        autumn_comes(storage, carry_over=LUNDS_WAY)
        clock.time = at
        assert say(storage, "confirm") == refused

    def test_who_waits_confirms_too_and_withdraws_rather_than_gives_up(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        for n, each in enumerate(children(storage, 3)):
            applied(storage, f"w{n}", pupil_id=each)
        autumn_comes(storage, carry_over=LUNDS_WAY)
        clock.time = APRIL
        found = possible(storage, date(2027, 4, 12), "w2")
        assert found is not None
        assert (found.asked, found.is_queue) == (True, True)
        assert say(storage, "give-up", "w2") == "next_term_unknown"
        assert say(storage, "confirm", "w2") is None
        assert said(dry_run(storage, today=date(2027, 4, 12)).effects)["w2"] == (
            "waits",
            "queue_carried_over",
        )

    def test_a_queue_position_that_was_carried_over_is_confirmed_there(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        for n, each in enumerate(children(storage, 3)):
            applied(storage, f"w{n}", pupil_id=each)
        autumn_comes(storage, carry_over=LUNDS_WAY)
        clock.time = APRIL
        run(storage)
        assert facts(storage, ApplicationQueued)[-1].renew_by == date(2027, 5, 3)
        assert rows_of(storage)["w2"].renew_by == date(2027, 5, 3)
        assert say(storage, "confirm", "w2") is None
        assert rows_of(storage)["w2"].renew_by is None
        assert by_pupil(storage)["child-1901-0002"] == "queued"

    def test_in_the_season_without_a_day_nobody_is_asked(self, storage: Storage) -> None:
        """Lund asks once a school year: in the spring for the autumn."""
        book = CarryOver(places="confirm", queue="confirm", confirm_by=TermDays(spring="12-01"))
        applied(storage)
        autumn_comes(storage, carry_over=book)
        assert said(dry_run(storage).effects) == {"a1": ("continues", "carried_over")}


class TestMyPage:
    def test_a_family_gives_up_and_takes_it_back_without_javascript(
        self, client: Client, composition: Composition, storage: Storage
    ) -> None:
        applied(storage)
        autumn_comes(storage)
        token = sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
        page = client.get("/my").text
        assert "The place goes on by itself. If Alma stops, say so at the latest on 29 August 2027." in page
        path = "/my/applications/a1/next-term/"
        assert path + "give-up" in page
        answer = client.post(path + "give-up", data={"csrf_token": token})
        assert answer.status_code == 303
        page = client.get("/my").text
        assert "You have given up the place. It ends with this term." in page
        assert "You can change your mind until 29 August 2027." in page
        client.post(path + "undo", data={"csrf_token": token})
        assert "The place goes on by itself." in client.get("/my").text

    def test_confirming_in_both_languages(
        self, client: Client, composition: Composition, storage: Storage, clock: FixedClock
    ) -> None:
        applied(storage)
        autumn_comes(storage, carry_over=LUNDS_WAY)
        token = sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
        assert "You can answer from 1 April 2027." in client.get("/my").text
        clock.time = APRIL
        token = sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
        assert (
            "The place goes on only if you confirm it, at the latest on 3 May 2027." in client.get("/my").text
        )
        client.post("/my/applications/a1/next-term/confirm", data={"csrf_token": token})
        assert "You have confirmed that Alma goes on." in client.get("/my").text
        clock.time = datetime(2027, 5, 4, 9, 0, tzinfo=UTC)
        token = sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
        page = client.get("/my").text
        assert "The last day to answer has passed." in page
        assert "next-term" not in page
        answer = client.post("/my/applications/a1/next-term/undo", data={"csrf_token": token})
        assert answer.status_code == 409
        assert "The last day to say so was 3 May 2027." in answer.text

    def test_a_place_that_was_carried_over_is_confirmed_on_its_page(
        self, client: Client, composition: Composition, storage: Storage, clock: FixedClock
    ) -> None:
        applied(storage)
        autumn_comes(storage, carry_over=LUNDS_WAY)
        clock.time = APRIL
        run(storage)
        token = sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
        assert "Going on in Autumn 2027?" in client.get("/my").text
        path = f"/my/applications/{next_application_id('ht27', 'a1')}"
        page = client.get(path).text
        assert "Does Alma go on in Autumn 2027?" in page
        assert "The last day to answer is 3 May 2027." in page
        assert "the place ends with this term and goes to the next in line at once" in page
        assert client.post(f"{path}/accept", data={"csrf_token": token}).status_code == 303
        assert by_pupil(storage) == {"alma": "placed"}

    def test_somebody_elses_place_is_not_there(
        self, client: Client, composition: Composition, storage: Storage
    ) -> None:
        applied(storage)
        autumn_comes(storage)
        token = sign_in(client, composition, role="guardian", municipality=SODERBY, person_id=SAMIRA)
        answer = client.post("/my/applications/a1/next-term/give-up", data={"csrf_token": token})
        assert answer.status_code == 404
        assert answer_of(storage) is None
        without = client.post("/my/applications/a1/next-term/give-up", data={})
        assert without.status_code == 403

    def test_the_api_says_the_same(self, client: Client, composition: Composition, storage: Storage) -> None:
        applied(storage)
        autumn_comes(storage)
        maria = bearer(composition, role="guardian", municipality=NORRBY, person_id=MARIA)
        samira = bearer(composition, role="guardian", municipality=SODERBY, person_id=SAMIRA)
        path = "/api/enrolment/applications/a1/next-term/"
        assert client.get("/api/enrolment/next-term", headers=samira).json == {"next_terms": {}}
        answer = client.post(path + "give-up", headers=maria, json={})
        assert answer.json is not None
        assert answer.json["next_terms"]["a1"]["answer"] == "given_up"
        assert client.post(path + "give-up", headers=samira, json={}).status_code == 404
        staff = bearer(composition, role="staff", municipality=NORRBY)
        assert client.post(path + "give-up", headers=staff, json={}).status_code == 403
        assert client.post(path + "give-up", json={}).status_code in (401, 403)
        answer = client.post(path + "confirm", headers=maria, json={})
        assert (answer.status_code, answer.json and answer.json["name"]) == (409, "nothing_to_confirm")
