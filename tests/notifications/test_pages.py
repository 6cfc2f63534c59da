"""Pages and API: each person finds its own, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import icalendar
import pytest
from werkzeug.test import Client

from services.chassis.clock import FixedClock
from services.chassis.process import Composition
from services.chassis.settings import read_settings
from services.chassis.storage.engine import Storage
from services.notifications.wiring import compose
from tests.notifications.doubles import send_all
from tests.notifications.story import (
    ALMA,
    ANTON,
    ANTON_NAMED,
    CANCELLED,
    FIDDLE,
    MARIA,
    NORBERG,
    NORBERG_MUNICIPALITY,
    SAMIRA,
    Publisher,
    all_messages,
    changed,
    deliver,
    ended,
    place,
    queued,
    shares,
    tell,
)
from tests.web import bearer, client_of, sign_in


@pytest.fixture
def composition(
    make_storage: Callable[[str], Storage], database_url: str, tmp_path: Path, clock: FixedClock
) -> Any:
    make_storage("notifications")
    environment = {
        "SAMKLANG_VAR": str(tmp_path / "var"),
        "DATABASE_URL": database_url,
        "SECRET_KEY": "k" * 40,
    }
    composition = compose(read_settings("notifications", environment), clock)
    yield composition
    composition.parts.close()


@pytest.fixture
def storage(composition: Composition) -> Storage:
    storage: Storage = composition.parts.storage
    return storage


def as_person(
    composition: Composition, person_id: str | None, role: str = "guardian", municipality: str = "1962"
) -> Client:
    client = client_of(composition)
    sign_in(client, composition, role=role, municipality=municipality, person_id=person_id)
    client.set_cookie("samklang_language", "en")
    return client


def send(composition: Composition) -> None:
    send_all(composition.parts.sender)


def test_a_guardian_reads_its_mail_and_it_is_kept_as_a_file(
    composition: Composition, storage: Storage
) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, place())
    send(composition)
    client = as_person(composition, "maria")
    listed = client.get("/mail")
    (row,) = all_messages(storage)
    assert listed.status_code == 200
    assert "Alma har fått en plats: Lördagsfiol" in listed.text
    assert "No real mail leaves this machine" in listed.text
    shown = client.get(f"/mail/{row.message_id}")
    for expected in (
        "maria@example.se",
        "Växhuset, sal 1",
        "no-reply@samklang.example",
        "Hej Maria!",
        "No real mail",
    ):
        assert expected in shown.text
    assert [file.stem for file in (composition.parts.settings.var / "mail").iterdir()] == [row.message_id]


def test_another_s_mail_is_not_found(composition: Composition, storage: Storage) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, SAMIRA, place())
    send(composition)
    (row,) = all_messages(storage)
    other = as_person(composition, "samira")
    assert other.get(f"/mail/{row.message_id}").status_code == 404
    assert "Lördagsfiol" not in other.get("/mail").text
    headers = bearer(composition, role="guardian", municipality="1980", person_id="samira")
    assert other.get(f"/api/notifications/messages/{row.message_id}", headers=headers).status_code == 404
    assert other.get("/api/notifications/messages", headers=headers).json == {
        "messages": [],
        "total": 0,
        "on_its_way": 0,
    }


PATHS = ["/mail", "/mail/x", "/preferences", "/calendar/mine.ics", "/calendar/places/a1.ics"]
API = ["/messages", "/messages/x", "/preferences", "/calendar/places", "/calendar/places/a1"]


@pytest.mark.parametrize("path", PATHS)
def test_who_is_not_signed_in_is_sent_to_the_login(composition: Composition, path: str) -> None:
    answer = client_of(composition).get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login?")


@pytest.mark.parametrize("path", API)
def test_the_api_is_for_those_with_a_token(composition: Composition, path: str) -> None:
    answer = client_of(composition).get(f"/api/notifications{path}")
    assert (answer.status_code, answer.json["name"]) == (401, "not_signed_in")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("role", ["staff", "operator"])
def test_other_roles_have_no_mail_here(composition: Composition, path: str, role: str) -> None:
    assert as_person(composition, "somebody", role).get(path).status_code == 403


@pytest.mark.parametrize("path", ["/calendar/mine.ics", "/calendar/places/a1.ics"])
def test_finance_has_no_places(composition: Composition, path: str) -> None:
    assert as_person(composition, "birgitta", "finance").get(path).status_code == 403


def test_a_client_that_is_no_person_finds_nothing(composition: Composition) -> None:
    headers = bearer(composition, role="finance", municipality="19")
    for path in ("/messages", "/preferences"):
        assert client_of(composition).get(f"/api/notifications{path}", headers=headers).status_code == 404


def test_finance_reads_its_share(composition: Composition, storage: Storage) -> None:
    tell(storage, NORBERG_MUNICIPALITY, NORBERG, shares())
    send(composition)
    assert (
        "Kostnadsandel för 2025, Norberg" in as_person(composition, "birgitta", "finance").get("/mail").text
    )


def test_empty_lists_say_what_will_come(composition: Composition, storage: Storage) -> None:
    assert "No mail yet" in as_person(composition, "maria").get("/mail").text
    assert "No mail yet" in as_person(composition, "birgitta", "finance").get("/mail").text
    assert "no more mail" in as_person(composition, "maria").get("/mail?page=9").text
    tell(storage, place())
    assert "A mail to you is being written" in as_person(composition, "maria").get("/mail").text
    tell(storage, changed(place("a2")), publisher=_after(1))
    assert "2 mails to you are being written" in as_person(composition, "maria").get("/mail").text


def _after(facts: int) -> Publisher:
    publisher = Publisher()
    for _ in range(facts):
        publisher.envelope(place())
    return publisher


def test_a_mail_that_nobody_could_be_sent_is_readable_and_says_so(
    composition: Composition, storage: Storage
) -> None:
    tell(storage, FIDDLE, ALMA, changed(MARIA, email=None), place())
    send(composition)
    client = as_person(composition, "maria")
    assert "Not sent: no e-mail address" in client.get("/mail").text
    (row,) = all_messages(storage)
    assert "This was not sent by mail" in client.get(f"/mail/{row.message_id}").text


def test_pages_of_many_mails(composition: Composition, storage: Storage) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, *[queued(f"a{n}") for n in range(25)])
    send(composition)
    client = as_person(composition, "maria")
    assert client.get("/mail").text.count('href="/mail/') == 20
    assert client.get("/mail?page=2").text.count('href="/mail/') == 5
    assert client.get("/mail?page=0").status_code == 422
    assert client.get("/mail?page=two").status_code == 422


def test_the_language_of_mail_is_chosen_and_kept(composition: Composition, storage: Storage) -> None:
    publisher = Publisher()
    deliver(storage, [publisher.envelope(fact) for fact in (FIDDLE, ALMA, MARIA)])
    client = client_of(composition)
    token = sign_in(client, composition, role="guardian", municipality="1962", person_id="maria")
    assert 'value="sv" checked' in client.get("/preferences").text
    saved = client.post("/preferences", data={"csrf_token": token, "language": "en"})
    assert (saved.status_code, saved.headers["Location"]) == (303, "/preferences")
    page = client.get("/preferences")
    assert 'value="en" checked' in page.text
    assert "Språket i dina mejl är nu: English." in page.text
    deliver(storage, [publisher.envelope(place())])
    send(composition)
    assert "Alma has a place: Saturday fiddle" in client.get("/mail").text


@pytest.mark.parametrize(
    ("data", "status"), [({"language": "xx"}, 422), ({}, 422), ({"language": "en", "csrf_token": "old"}, 403)]
)
def test_a_choice_that_is_none_changes_nothing(
    composition: Composition, data: dict[str, str], status: int
) -> None:
    client = client_of(composition)
    token = sign_in(client, composition, role="guardian", municipality="1962", person_id="maria")
    assert client.post("/preferences", data={"csrf_token": token, **data}).status_code == status
    assert 'value="sv" checked' in client.get("/preferences").text


def test_preferences_by_api(composition: Composition) -> None:
    client = client_of(composition)
    headers = bearer(composition, role="guardian", municipality="1962", person_id="maria")
    path = "/api/notifications/preferences"
    assert client.get(path, headers=headers).json == {"language": "sv", "chosen": False}
    assert client.put(path, headers=headers, json={"language": "en"}).json == {
        "language": "en",
        "chosen": True,
    }
    assert client.put(path, headers=headers, json={"language": "en"}).status_code == 200
    refused = client.put(path, headers=headers, json={"language": "tlh"})
    assert (refused.status_code, refused.json["name"]) == (422, "input_invalid")
    assert client.put(path, headers=headers, data="no").status_code == 400
    assert client.get(path, headers=headers).json == {"language": "en", "chosen": True}


def test_messages_by_api(composition: Composition, storage: Storage) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, queued(), place())
    send(composition)
    client = client_of(composition)
    headers = bearer(composition, role="guardian", municipality="1962", person_id="maria")
    listed = client.get("/api/notifications/messages?page_size=1", headers=headers).json
    assert (listed["total"], len(listed["messages"]), listed["messages"][0]["kind"]) == (2, 1, "place")
    one = client.get(
        f"/api/notifications/messages/{listed['messages'][0]['message_id']}", headers=headers
    ).json
    assert one["state"] == "sent"
    assert one["text"].startswith("Hej Maria!")
    assert one["html"].startswith("<p>Hej Maria!</p>")


def uids(answer: Any) -> list[str]:
    assert answer.status_code == 200
    assert answer.content_type == "text/calendar; charset=utf-8"
    return [str(event["uid"]) for event in icalendar.Calendar.from_ical(answer.data).walk("VEVENT")]


def test_a_guardian_has_the_calendar_of_its_children_s_places(
    composition: Composition, storage: Storage
) -> None:
    tell(
        storage,
        FIDDLE,
        ALMA,
        place(),
        place("a2", pupil="leo"),
        place("a3", guardian="samira", pupil="noor"),
        queued("a4"),
    )
    client = as_person(composition, "maria")
    assert uids(client.get("/calendar/mine.ics")) == ["a1@samklang", "a2@samklang"]
    assert uids(client.get("/calendar/places/a2.ics")) == ["a2@samklang"]
    for others in ("a3", "a4", "a5"):
        assert client.get(f"/calendar/places/{others}.ics").status_code == 404
    headers = bearer(composition, role="guardian", municipality="1962", person_id="maria")
    assert uids(client.get("/api/notifications/calendar/places/a1", headers=headers)) == ["a1@samklang"]
    assert uids(client.get("/api/notifications/calendar/places", headers=headers)) == [
        "a1@samklang",
        "a2@samklang",
    ]
    assert client.get("/api/notifications/calendar/places/a3", headers=headers).status_code == 404


def test_a_pupil_has_its_own(composition: Composition, storage: Storage) -> None:
    tell(
        storage,
        FIDDLE,
        ANTON,
        ANTON_NAMED,
        place(guardian="anton", pupil="anton"),
        place("a2", guardian="maria", pupil="alma"),
    )
    client = as_person(composition, "anton", "pupil")
    answer = client.get("/calendar/mine.ics")
    assert uids(answer) == ["a1@samklang"]
    assert "SUMMARY:Saturday fiddle" in answer.text


def test_a_place_that_ended_leaves_the_calendar(composition: Composition, storage: Storage) -> None:
    tell(storage, FIDDLE, ALMA, place(), ended())
    client = as_person(composition, "maria")
    assert uids(client.get("/calendar/mine.ics")) == []
    assert client.get("/calendar/places/a1.ics").status_code == 404


def test_a_cancelled_course_leaves_the_calendar_at_once(composition: Composition, storage: Storage) -> None:
    tell(storage, FIDDLE, ALMA, place(), CANCELLED)
    assert uids(as_person(composition, "maria").get("/calendar/mine.ics")) == []


def test_where_mail_is_really_sent_the_page_does_not_say_it_is_not(
    make_storage: Callable[[str], Storage], database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    make_storage("notifications")
    environment = {"SAMKLANG_VAR": str(tmp_path), "DATABASE_URL": database_url, "SMTP_URL": "smtp://mail"}
    composition = compose(read_settings("notifications", environment), clock)
    assert "No real mail" not in as_person(composition, "maria").get("/mail").text
    composition.parts.close()


def test_the_login_page_knows_the_municipalities_names(composition: Composition, storage: Storage) -> None:
    tell(storage, NORBERG_MUNICIPALITY)
    assert composition.parts.municipality_names() == {"1962": "Norberg"}
    assert "Norberg" in client_of(composition).get("/login").text
