"""A reader that lost facts, or is new, is sent them again from the log: bounded, and only what it lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from services.chassis.clock import FixedClock
from services.chassis.messaging import catch_up as module
from services.chassis.messaging.broker import Broker, BrokerUnavailable, Publisher
from services.chassis.messaging.catch_up import BehindTheLog, CatchUp
from services.chassis.messaging.figures import readers
from services.chassis.messaging.relay import Relay
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox, outbox_readers, outbox_streams
from services.contracts.envelope import parse_envelope
from tests.chassis.conftest import OpenStorage, taken
from tests.chassis.facts import NOW, cancelled, messages, position, record
from tests.chassis.messaging.line import line_to

INBOX = "billing.inbox"


def announcement(reader: str = "billing", source: str = "catalogue", received_through: int = 0) -> bytes:
    return json.dumps({"reader": reader, "source": source, "received_through": received_through}).encode()


def sequences(broker: Broker, queue: str = INBOX) -> list[int]:
    return [parse_envelope(body).sequence for body in taken(broker, queue)]


class Story:
    """A catalogue that has sent some facts, a broker that has lost them, and billing."""

    def __init__(self, catalogue: Storage, billing: Storage, broker: Broker, clock: FixedClock) -> None:
        self.catalogue, self.billing, self.broker, self.clock = catalogue, billing, broker, clock
        self.publisher = CatchUp("catalogue", catalogue, broker)
        self.reader = CatchUp("billing", billing, broker)
        self.relay = Relay("catalogue", catalogue, broker)

    def publish(self, count: int, *, lost: bool = False) -> None:
        record(self.catalogue, *[cancelled(f"c{n}") for n in range(count)])
        while self.relay.run_once() == 0.0:
            pass
        if lost:
            taken(self.broker, INBOX)

    def receive(self) -> int:
        bodies = taken(self.broker, INBOX)
        return inbox.store(self.billing, bodies).stored if bodies else 0

    def announce_and_hear(self) -> None:
        self.reader.announce()
        self.publisher.hear(taken(self.broker, "catalogue.positions"))
        self.clock.time += timedelta(seconds=module.ANNOUNCE_EVERY_SECONDS)

    def close(self) -> None:
        for each in (self.publisher, self.reader, self.relay):
            each.close()


@pytest.fixture
def story(open_storage: OpenStorage, broker: Broker, clock: FixedClock) -> Iterator[Story]:
    made = Story(open_storage("catalogue"), open_storage("billing"), broker, clock)
    yield made
    made.close()


class TestByItself:
    def test_a_reader_that_has_everything_is_left_alone(self, story: Story) -> None:
        story.publish(5)
        assert story.receive() == 5
        for _ in range(4):
            story.announce_and_hear()
        assert story.receive() == 0
        assert sequences(story.broker) == []

    def test_what_the_broker_lost_comes_again_after_it_has_stood_still(self, story: Story) -> None:
        story.publish(5, lost=True)
        story.announce_and_hear()
        assert sequences(story.broker) == []  # it may be on its way
        story.announce_and_hear()
        assert story.receive() == 5
        assert position(story.billing, "catalogue") == 5

    def test_a_gap_in_the_middle_is_filled_while_new_facts_go_on(self, story: Story) -> None:
        story.publish(3)
        story.receive()
        story.publish(4, lost=True)
        for _ in range(3):
            story.publish(2)
            story.receive()
            story.announce_and_hear()
        story.receive()
        assert position(story.billing, "catalogue") == 13

    def test_a_new_reader_gets_the_whole_log_at_a_bounded_rate(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module.CatchUp.resend, "__defaults__", (20,))
        story.publish(90, lost=True)
        story.announce_and_hear()
        received = []
        for _ in range(6):
            story.announce_and_hear()
            received.append(story.receive())
        assert received == [20, 20, 20, 20, 10, 0]  # a batch with every announcement, not every second one
        assert position(story.billing, "catalogue") == 90

    def test_several_processes_that_announce_at_once_do_not_look_stuck(self, story: Story) -> None:
        story.publish(3, lost=True)
        for _ in range(4):
            story.publisher.hear([announcement(), announcement()])
        assert sequences(story.broker) == []

    def test_a_reader_on_the_move_is_left_alone(self, story: Story) -> None:
        story.publish(9, lost=True)
        for through in range(1, 9):
            story.publisher.hear([announcement(received_through=through)])
            story.clock.time += timedelta(seconds=3)
        assert sequences(story.broker) == []

    def test_what_is_not_sent_yet_is_not_sent_again(self, story: Story) -> None:
        story.publish(2, lost=True)
        record(story.catalogue, cancelled("later"))
        for _ in range(2):
            story.announce_and_hear()
        assert sequences(story.broker) == [1, 2]

    def test_only_the_reader_that_lacks_facts_gets_them(self, story: Story) -> None:
        story.publish(2)
        story.receive()
        for queue in ("enrolment.inbox", "notifications.inbox"):
            taken(story.broker, queue)
        for _ in range(3):
            story.publisher.hear([announcement(received_through=2), announcement("enrolment")])
            story.clock.time += timedelta(seconds=3)
        assert set(sequences(story.broker, "enrolment.inbox")) == {1, 2}
        assert sequences(story.broker) == []
        assert sequences(story.broker, "notifications.inbox") == []

    def test_what_is_no_position_or_none_of_ours_is_passed_over(self, story: Story) -> None:
        story.publish(1)
        strange = [
            b"",
            b"{",
            b"[]",
            b"null",
            announcement(reader="catalogue"),
            announcement(source="nobody"),
            announcement(received_through=-1),
            json.dumps({"reader": "billing", "source": "catalogue", "received_through": "x"}).encode(),
        ]
        story.publisher.hear([*strange, announcement(received_through=1)])
        with story.catalogue.reading() as connection:
            known = connection.execute(sa.select(outbox_readers)).all()
        assert [(row.reader, row.received_through) for row in known] == [("billing", 1)]

    def test_a_silent_broker_is_no_error_for_a_reader(
        self, open_storage: OpenStorage, rabbit: Broker
    ) -> None:
        with line_to(rabbit) as line:
            broker = Broker(line.uri)
        reader = CatchUp("billing", open_storage("billing"), broker)
        reader.announce()
        assert broker.away_seconds > 0
        reader.close()


class TestBeyondTheLog:
    """What a reader lacks has left the log, or the log lacks what a reader has: nobody may miss it."""

    def test_a_reader_behind_the_log_is_told_of_and_sent_nothing(self, story: Story) -> None:
        story.publish(5, lost=True)
        _forget(story.catalogue, through=3)
        with capture_logs() as logs:
            for _ in range(3):
                story.announce_and_hear()
        said = [each for each in logs if each["event"] == "reader_outside_the_log"]
        assert [(each["log_level"], each["reader"], each["log_begins_after"]) for each in said] == [
            ("error", "billing", 3)
        ]
        assert sequences(story.broker) == []
        with story.catalogue.reading() as connection:
            (reader,) = readers(connection)
        assert (reader.behind_log, reader.ahead_of_log, reader.lag) == (True, False, 5)

    def test_one_that_stands_where_the_log_begins_is_caught_up(self, story: Story) -> None:
        story.publish(3)
        story.receive()
        story.publish(2, lost=True)
        _forget(story.catalogue, through=3)
        for _ in range(2):
            story.announce_and_hear()
        assert story.receive() == 2
        assert position(story.billing, "catalogue") == 5

    def test_a_reader_ahead_of_the_log_is_told_of(self, story: Story) -> None:
        """As when the publisher's database was restored from a backup."""
        story.publish(2)
        inbox.store(story.billing, messages("abcde"))
        with capture_logs() as logs:
            for _ in range(3):
                story.announce_and_hear()
        assert [each["event"] for each in logs if each["log_level"] == "error"] == ["reader_outside_the_log"]
        with story.catalogue.reading() as connection:
            (reader,) = readers(connection)
        assert (reader.behind_log, reader.ahead_of_log, reader.lag) == (False, True, 0)

    def test_it_is_said_again_after_it_was_well(self, story: Story) -> None:
        story.publish(2, lost=True)
        with capture_logs() as logs:
            for through in (7, 7, 2, 7):
                story.publisher.hear([announcement(received_through=through)])
        assert len([each for each in logs if each["event"] == "reader_outside_the_log"]) == 2


def _forget(storage: Storage, through: int) -> None:
    with storage.unit() as unit:
        unit.execute(sa.delete(outbox).where(outbox.c.sequence <= through))
        unit.execute(
            sa.update(outbox_streams)
            .where(outbox_streams.c.source == "catalogue")
            .values(pruned_through=through)
        )


class TestOnDemand:
    def test_the_whole_log_or_what_follows(self, story: Story) -> None:
        story.publish(7, lost=True)
        assert story.publisher.resend_all("catalogue", "billing") == 7
        assert sequences(story.broker) == list(range(1, 8))
        assert story.publisher.resend_all("catalogue", "billing", since=5) == 2
        assert sequences(story.broker) == [6, 7]
        assert story.publisher.resend_all("catalogue", "billing", since=7) == 0

    def test_a_long_log_goes_batch_by_batch(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module.CatchUp.resend, "__defaults__", (4,))
        story.publish(11, lost=True)
        assert story.publisher.resend_all("catalogue", "billing") == 11
        assert sequences(story.broker) == list(range(1, 12))

    def test_of_a_pruned_log_all_it_has_and_never_less_than_asked(self, story: Story) -> None:
        story.publish(6, lost=True)
        _forget(story.catalogue, through=4)
        assert story.publisher.resend_all("catalogue", "billing") == 2
        assert sequences(story.broker) == [5, 6]
        with pytest.raises(BehindTheLog, match="begins after 4"):
            story.publisher.resend_all("catalogue", "billing", since=3)
        assert sequences(story.broker) == []

    def test_what_comes_twice_is_told_apart(self, story: Story) -> None:
        story.publish(4)
        assert story.receive() == 4
        story.publisher.resend_all("catalogue", "billing")
        assert story.receive() == 0

    def test_on_a_broker_with_nothing_declared(self, open_storage: OpenStorage, rabbit: Broker) -> None:
        catalogue = open_storage("catalogue")
        record(catalogue, cancelled())
        with catalogue.unit() as unit:
            unit.execute(sa.update(outbox_streams).values(sent_through=outbox_streams.c.last_sequence))
        _delete(rabbit, INBOX)
        catch_up = CatchUp("catalogue", catalogue, rabbit)
        assert catch_up.resend_all("catalogue", "billing") == 1
        catch_up.close()
        assert sequences(rabbit) == [1]

    def test_a_queue_that_is_gone_is_declared_and_not_counted_as_reached(
        self, open_storage: OpenStorage, rabbit: Broker
    ) -> None:
        catalogue = open_storage("catalogue")
        record(catalogue, cancelled())
        with catalogue.unit() as unit:
            unit.execute(sa.update(outbox_streams).values(sent_through=outbox_streams.c.last_sequence))
        catch_up = CatchUp("catalogue", catalogue, rabbit)
        _delete(rabbit, INBOX)
        with pytest.raises(BrokerUnavailable, match="no queue"):
            catch_up.resend("catalogue", "billing", 0)
        assert catch_up.resend("catalogue", "billing", 0) == 1
        catch_up.close()

    def test_a_full_queue_is_an_error(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        story.publish(3, lost=True)
        monkeypatch.setattr(Publisher, "publish", lambda self, letters: 1)
        with pytest.raises(BrokerUnavailable, match="full"):
            story.publisher.resend_all("catalogue", "billing")

    def test_a_broker_that_is_away_is_an_error(self, open_storage: OpenStorage, rabbit: Broker) -> None:
        with line_to(rabbit) as line:
            away = Broker(line.uri)
        catch_up = CatchUp("catalogue", open_storage("catalogue"), away)
        with pytest.raises(BrokerUnavailable):
            catch_up.resend_all("catalogue", "billing")


def _delete(broker: Broker, queue: str) -> None:
    with broker.connection() as connection:
        connection.channel().queue_delete(queue)


def test_a_position_is_kept_with_when_it_was_said_and_when_it_moved(story: Story) -> None:
    story.publish(5)
    for through, seconds in ((1, 0), (1, 3), (4, 3)):
        story.clock.time += timedelta(seconds=seconds)
        story.publisher.hear([announcement(received_through=through)])
    with story.catalogue.reading() as connection:
        row = connection.execute(sa.select(outbox_readers)).one()
    later = NOW + timedelta(seconds=6)
    assert (row.received_through, row.announced_at, row.moved_at) == (4, later, later)
