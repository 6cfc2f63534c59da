"""Composed late, sent once, tried again, and given up at last; never inside a transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.notifications import commands
from services.notifications.domain.retries import MOST_ATTEMPTS
from services.notifications.outgoing import CLAIM, PATIENCE, claim
from services.notifications.post import Undelivered
from services.notifications.sender import BATCH
from tests.notifications.doubles import RememberingPost, html_of, make_sender, send_all, text_of
from tests.notifications.story import (
    ALMA,
    ANTON,
    ANTON_NAMED,
    CANCELLED,
    FIDDLE,
    MARIA,
    NORBERG,
    NORBERG_MUNICIPALITY,
    REGION,
    SAMIRA,
    TERM,
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

Make = Callable[[str], Storage]


@pytest.fixture
def storage(make_storage: Make) -> Storage:
    return make_storage("notifications")


def states(storage: Storage) -> list[str]:
    return [row.state for row in all_messages(storage)]


def test_a_mail_is_sent_once(storage: Storage) -> None:
    tell(storage, TERM, FIDDLE, MARIA, ALMA, place())
    post = RememberingPost()
    sender = make_sender(storage, post)
    send_all(sender)
    send_all(sender)
    (mail,) = post.sent
    (row,) = all_messages(storage)
    assert row.state == "sent"
    assert mail["To"] == "Maria Hellström <maria@example.se>"
    assert mail["Subject"] == "Alma har fått en plats: Lördagsfiol"
    assert mail["Message-ID"] == f"<{row.message_id}@samklang.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    assert "Vårterminen 2027" in text_of(mail)
    assert "Vårterminen 2027" in html_of(mail)


@pytest.mark.parametrize("last", ["contact", "name", "course"])
def test_a_message_waits_until_what_it_speaks_of_is_known(storage: Storage, last: str) -> None:
    publisher = Publisher()
    facts = {"contact": MARIA, "name": ALMA, "course": FIDDLE}
    late = facts.pop(last)
    deliver(storage, [publisher.envelope(place())])
    deliver(storage, [publisher.envelope(fact) for fact in facts.values()])
    post = RememberingPost()
    sender = make_sender(storage, post)
    send_all(sender)
    assert post.sent == []
    assert states(storage) == ["waiting"]
    deliver(storage, [publisher.envelope(late)])
    send_all(sender)
    assert [mail["Subject"] for mail in post.sent] == ["Alma har fått en plats: Lördagsfiol"]


def test_one_that_waits_holds_nobody_else_up(storage: Storage) -> None:
    tell(storage, FIDDLE, SAMIRA, ALMA, place(), place("a2", guardian="samira"))
    post = RememberingPost()
    send_all(make_sender(storage, post))
    assert [mail["To"] for mail in post.sent] == ["Samira Haddad <samira@example.se>"]


def test_a_name_that_never_comes_is_waited_for_and_then_done_without(
    storage: Storage, clock: FixedClock
) -> None:
    tell(storage, FIDDLE, MARIA, place())
    post = RememberingPost()
    sender = make_sender(storage, post)
    clock.time += PATIENCE - timedelta(seconds=1)
    send_all(sender)
    assert post.sent == []
    clock.time += timedelta(seconds=2)
    send_all(sender)
    assert [mail["Subject"] for mail in post.sent] == ["Ditt barn har fått en plats: Lördagsfiol"]


def test_a_cancellation_waits_for_the_school_s_reason(storage: Storage) -> None:
    publisher = Publisher()
    deliver(
        storage,
        [publisher.envelope(fact) for fact in (FIDDLE, MARIA, ALMA, ended(outcome="course_cancelled"))],
    )
    post = RememberingPost()
    sender = make_sender(storage, post)
    send_all(sender)
    assert post.sent == []
    deliver(storage, [publisher.envelope(CANCELLED)])
    send_all(sender)
    assert "Läraren är sjuk." in text_of(post.sent[0])


def test_a_share_waits_for_the_municipality_s_name(storage: Storage) -> None:
    publisher = Publisher()
    deliver(storage, [publisher.envelope(fact) for fact in (NORBERG, REGION, shares())])
    post = RememberingPost()
    sender = make_sender(storage, post)
    send_all(sender)
    assert [mail["To"] for mail in post.sent] == ["Anders Vestin <anders@example.se>"]
    deliver(storage, [publisher.envelope(NORBERG_MUNICIPALITY)])
    send_all(sender)
    assert "Norberg" in post.sent[1]["Subject"]


def test_the_language_is_the_contact_s_or_the_one_the_person_chose(storage: Storage) -> None:
    publisher = Publisher()
    facts = (FIDDLE, ALMA, SAMIRA, queued(guardian="samira"))
    deliver(storage, [publisher.envelope(fact) for fact in facts])
    post = RememberingPost()
    sender = make_sender(storage, post)
    send_all(sender)
    with storage.unit() as unit:
        commands.choose_language(unit, "samira", "sv")
    deliver(storage, [publisher.envelope(place(guardian="samira"))])
    send_all(sender)
    assert [mail["Content-Language"] for mail in post.sent] == ["en", "sv"]


def test_a_language_we_do_not_speak_becomes_swedish(storage: Storage) -> None:
    tell(storage, FIDDLE, ALMA, changed(MARIA, language="fi"), place())
    post = RememberingPost()
    send_all(make_sender(storage, post))
    assert [mail["Content-Language"] for mail in post.sent] == ["sv"]


def test_a_pupil_of_age_is_written_to_itself(storage: Storage) -> None:
    tell(storage, FIDDLE, ANTON, ANTON_NAMED, place(guardian="anton", pupil="anton"))
    post = RememberingPost()
    send_all(make_sender(storage, post))
    assert [mail["Subject"] for mail in post.sent] == ["Du har fått en plats: Lördagsfiol"]


def test_nothing_is_sent_where_there_is_no_address_but_it_can_be_read(storage: Storage) -> None:
    tell(storage, FIDDLE, ALMA, changed(MARIA, email=None), place())
    post = RememberingPost()
    send_all(make_sender(storage, post))
    (row,) = all_messages(storage)
    assert (post.sent, row.state, row.subject) == ([], "no_address", "Alma har fått en plats: Lördagsfiol")


@pytest.mark.parametrize(
    "address", ["nobody", "a b@example.se", "x@y\r\nBcc: z@example.se", "", "@example.se"]
)
def test_an_address_that_is_none_fails_alone(storage: Storage, address: str) -> None:
    tell(
        storage, FIDDLE, ALMA, changed(MARIA, email=address), SAMIRA, place(), place("a2", guardian="samira")
    )
    post = RememberingPost()
    send_all(make_sender(storage, post))
    assert [mail["To"] for mail in post.sent] == ["Samira Haddad <samira@example.se>"]
    failed = next(row for row in all_messages(storage) if row.person_id == "maria")
    assert (failed.state, failed.failure) == ("failed", "the address is not an e-mail address")


def test_a_refused_mail_is_tried_again_later_and_at_last_given_up(
    storage: Storage, clock: FixedClock
) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, place())
    post = RememberingPost()
    post.fail = lambda mail: Undelivered("recipient refused: 450", for_good=False)
    sender = make_sender(storage, post)
    send_all(sender)
    send_all(sender)
    (row,) = all_messages(storage)
    assert (row.state, row.attempts, row.failure) == ("waiting", 1, "recipient refused: 450")
    while states(storage) == ["waiting"]:
        clock.time += timedelta(hours=6, seconds=1)
        send_all(sender)
    (row,) = all_messages(storage)
    assert (row.state, row.attempts) == ("failed", MOST_ATTEMPTS)
    assert row.finished_at == clock.now()


def test_a_mail_refused_for_good_is_not_tried_again(storage: Storage, clock: FixedClock) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, place())
    post = RememberingPost()
    post.fail = lambda mail: Undelivered("recipient refused: 550", for_good=True)
    with structlog.testing.capture_logs() as logs:
        send_all(make_sender(storage, post))
    assert states(storage) == ["failed"]
    assert "example.se" not in str(logs)
    assert [line["event"] for line in logs] == ["mail_failed"]


def test_a_mail_that_fails_once_reaches_its_reader_with_the_same_words(
    storage: Storage, clock: FixedClock
) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, place())
    post = RememberingPost()
    tried = []
    post.fail = lambda mail: tried.append(mail.as_bytes()) or Undelivered("broken off", for_good=False)  # type: ignore[func-returns-value]
    sender = make_sender(storage, post)
    send_all(sender)
    with storage.unit() as unit:
        commands.choose_language(unit, "maria", "en")
    post.fail = lambda mail: None
    clock.time += timedelta(minutes=1)
    send_all(sender)
    assert [mail.as_bytes() for mail in post.sent] == tried


def test_while_the_post_is_away_no_mail_is_counted_and_none_is_lost(
    storage: Storage, clock: FixedClock
) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, place())
    post = RememberingPost()
    post.away = True
    sender = make_sender(storage, post)
    rests = [sender.run_once() for _ in range(9)]
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    (row,) = all_messages(storage)
    assert (row.state, row.attempts, row.claimed_until) == ("waiting", 0, None)
    post.away = False
    send_all(sender)
    assert len(post.sent) == 1


def test_what_broke_off_in_the_middle_leaves_the_rest_for_a_new_session(storage: Storage) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, SAMIRA, place(), place("a2", guardian="samira"))
    post = RememberingPost()

    def break_off(mail: object) -> Exception | None:
        if not post.sent and post.is_open:
            post.is_open = False
            post.fail = lambda mail: None
            return Undelivered("broken off: SMTPServerDisconnected", for_good=False)
        return None

    post.fail = break_off
    sender = make_sender(storage, post)
    sender.run_once()
    assert post.sent == []
    assert [row.claimed_until for row in all_messages(storage)] == [None, None]
    send_all(sender)
    assert [mail["To"] for mail in post.sent] == ["Samira Haddad <samira@example.se>"]


def test_one_letter_that_cannot_be_written_holds_no_other_up(storage: Storage) -> None:
    broken = changed(FIDDLE, course_id="broken", weekday=9)
    tell(
        storage,
        FIDDLE,
        broken,
        ALMA,
        MARIA,
        SAMIRA,
        changed(place(), course_id="broken"),
        place("a2", guardian="samira"),
    )
    post = RememberingPost()
    send_all(make_sender(storage, post))
    assert [mail["To"] for mail in post.sent] == ["Samira Haddad <samira@example.se>"]
    assert [row.failure for row in all_messages(storage)] == ["cannot be composed: IndexError", None]


def test_no_transaction_is_open_while_the_mail_server_thinks(storage: Storage) -> None:
    """Another unit of work can write in the middle of a delivery; on SQLite there is only one writer."""
    tell(storage, FIDDLE, ALMA, MARIA, place())
    post = RememberingPost()
    written = []

    def write_something() -> None:
        with storage.unit() as unit:
            commands.choose_language(unit, "somebody", "en")
        written.append(True)
        assert storage.engine.pool.checkedout() == 0  # type: ignore[attr-defined]

    post.before = write_something
    send_all(make_sender(storage, post))
    assert (written, len(post.sent)) == ([True], 1)


def test_two_senders_never_have_the_same_mail_in_hand(storage: Storage, clock: FixedClock) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, place(), queued("a2"))
    with storage.unit() as unit:
        first = claim(unit, 1)
    with storage.unit() as unit:
        second = claim(unit, 10)
    with storage.unit() as unit:
        third = claim(unit, 10)
    assert (len(first), len(second), len(third)) == (1, 1, 0)
    assert first[0].message_id != second[0].message_id


def test_what_a_dead_sender_had_in_hand_is_sent_by_the_next_under_the_same_id(
    storage: Storage, clock: FixedClock
) -> None:
    tell(storage, FIDDLE, ALMA, MARIA, place())
    post = RememberingPost()
    died = make_sender(storage, post)
    died._note_sent = lambda message_ids: None  # type: ignore[method-assign]
    died.run_once()
    sender = make_sender(storage, post)
    send_all(sender)
    assert len(post.sent) == 1
    clock.time += CLAIM + timedelta(seconds=1)
    send_all(sender)
    first, second = post.sent
    assert first.as_bytes() == second.as_bytes()
    assert states(storage) == ["sent"]


def test_more_than_a_batch_goes_out_in_the_order_it_happened(storage: Storage) -> None:
    many = [queued(f"a{n}") for n in range(BATCH + 10)]
    tell(storage, FIDDLE, ALMA, MARIA, *[changed(fact, position=n + 1) for n, fact in enumerate(many)])
    post = RememberingPost()
    send_all(make_sender(storage, post))
    positions = [f"plats nummer {n + 1} i kön" for n in range(BATCH + 10)]
    assert [words in text_of(mail) for words, mail in zip(positions, post.sent, strict=True)] == [True] * (
        BATCH + 10
    )
