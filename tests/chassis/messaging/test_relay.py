"""From the outbox to the broker: in order, marked as sent only once confirmed, and tried until it is."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.chassis.messaging import broker as broker_module
from services.chassis.messaging import relay as module
from services.chassis.messaging.broker import Broker, BrokerUnavailable, Letter, Publisher
from services.chassis.messaging.relay import MOST_BACK_OFF_SECONDS, SMALLEST_BATCH, Relay
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import CourseSeatsChanged, PupilNamed
from services.contracts.envelope import parse_envelope
from tests.chassis.conftest import OpenStorage, taken
from tests.chassis.facts import cancelled, record, stream
from tests.chassis.messaging.line import line_to


@pytest.fixture
def catalogue(open_storage: OpenStorage) -> Storage:
    return open_storage("catalogue")


@pytest.fixture
def relay(catalogue: Storage, broker: Broker) -> Iterator[Relay]:
    made = Relay("catalogue", catalogue, broker)
    yield made
    made.close()


def sequences(broker: Broker, queue: str = "enrolment.inbox") -> list[int]:
    return [parse_envelope(body).sequence for body in taken(broker, queue)]


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Failing:
    """A publisher that has so many letters safe and then fails."""

    def __init__(self, confirmed: int, returned: list[str] | None = None) -> None:
        self.confirmed = confirmed
        self.returned: list[str] = returned or []
        self.sizes: list[int] = []

    def publish(self, letters: list[Letter]) -> int:
        self.sizes.append(len(letters))
        error = BrokerUnavailable("gone")
        error.confirmed = self.confirmed
        raise error

    def beat(self) -> bool:
        return True


def test_facts_reach_every_reader_in_order_and_are_marked(
    relay: Relay, catalogue: Storage, broker: Broker
) -> None:
    record(catalogue, *[cancelled(f"c{n}") for n in range(30)])
    assert relay.run_once() == 0.0
    assert stream(catalogue, "catalogue") == (30, 30)
    for queue in ("enrolment.inbox", "notifications.inbox", "billing.inbox"):
        assert sequences(broker, queue) == list(range(1, 31))
    assert relay.run_once() == 1.0
    assert sequences(broker) == []


def test_a_long_backlog_goes_out_batch_by_batch(
    relay: Relay, catalogue: Storage, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 40)
    record(catalogue, *[cancelled(f"c{n}") for n in range(100)])
    rests = [relay.run_once() for _ in range(4)]
    assert rests == [0.0, 0.0, 0.0, 1.0]
    assert sequences(broker) == list(range(1, 101))


def test_it_declares_what_is_missing_before_it_publishes(catalogue: Storage, rabbit: Broker) -> None:
    """A reader that was never started gets its facts all the same."""
    _delete_queues(rabbit)
    relay = Relay("catalogue", catalogue, rabbit)
    record(catalogue, cancelled())
    relay.run_once()
    relay.close()
    assert sequences(rabbit, "billing.inbox") == [1]


def _delete_queues(broker: Broker) -> None:
    with broker.connection() as connection:
        channel = connection.channel()
        for service in ("enrolment", "notifications", "billing"):
            channel.queue_delete(f"{service}.inbox")


def test_an_unroutable_fact_is_seen_and_sent_again(catalogue: Storage, rabbit: Broker) -> None:
    relay = Relay("catalogue", catalogue, rabbit)
    record(catalogue, cancelled("c1"))
    relay.run_once()
    _delete_queues(rabbit)
    before = metric("samklang_facts_unroutable_total", service="catalogue")
    record(catalogue, cancelled("c2"))
    with capture_logs() as logs:
        assert relay.run_once() > 0
    assert stream(catalogue, "catalogue") == (2, 1)
    assert metric("samklang_facts_unroutable_total", service="catalogue") == before + 1
    assert [each["log_level"] for each in logs if each["event"] == "fact_unroutable"] == ["error"]
    assert relay.run_once() == 0.0
    assert stream(catalogue, "catalogue") == (2, 2)
    assert sequences(rabbit) == [2]
    relay.close()


def test_with_a_queue_that_differs_the_log_says_so_until_it_is_mended(
    catalogue: Storage, rabbit: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        broker_module, "INBOX_ARGUMENTS", {**broker_module.INBOX_ARGUMENTS, "x-max-length": 7}
    )
    record(catalogue, cancelled())
    relay = Relay("catalogue", catalogue, rabbit)
    with capture_logs() as logs:
        relay.run_once()
    assert [(each["event"], each["log_level"]) for each in logs] == [("topology_differs", "error")]
    assert "x-max-length" in logs[0]["error"]
    assert stream(catalogue, "catalogue") == (1, 0)
    monkeypatch.undo()
    relay.run_once()
    relay.close()
    assert stream(catalogue, "catalogue") == (1, 1)


def test_an_absent_broker_leaves_the_facts_where_they_are(
    catalogue: Storage, rabbit: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with line_to(rabbit) as line:
        relay = Relay("catalogue", catalogue, Broker(line.uri))
        record(catalogue, cancelled("c1"))
        relay.run_once()
        line.close()
        record(catalogue, cancelled("c2"), cancelled("c3"))
        rests = [relay.run_once() for _ in range(3)]
        assert all(rest > 0 for rest in rests)
        assert stream(catalogue, "catalogue") == (3, 1)
    relay._broker.uri = rabbit.uri
    assert relay.run_once() == 0.0
    assert stream(catalogue, "catalogue") == (3, 3)
    assert sequences(rabbit) == [1, 2, 3]
    relay.close()


def test_what_is_published_twice_after_a_lost_confirm_has_the_same_id(
    catalogue: Storage, rabbit: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Broker.speaking.__wrapped__, "__defaults__", (1.5,))  # type: ignore[attr-defined]
    with line_to(rabbit) as line:
        relay = Relay("catalogue", catalogue, Broker(line.uri))
        record(catalogue, cancelled("c1"))
        relay.run_once()
        record(catalogue, cancelled("c2"))
        line.mute()
        assert relay.run_once() > 0
        assert stream(catalogue, "catalogue") == (2, 1)
        line.go_on()
        assert relay.run_once() == 0.0
        relay.close()
    assert stream(catalogue, "catalogue") == (2, 2)
    got = [parse_envelope(body) for body in taken(rabbit, "enrolment.inbox")]
    assert [each.sequence for each in got] == [1, 2, 2]
    assert got[1] == got[2]


def test_what_was_safe_before_a_failure_is_not_sent_again(catalogue: Storage, memory: Broker) -> None:
    """Or a slow line would never get to the end of a batch."""
    relay = Relay("catalogue", catalogue, memory)
    record(catalogue, *[cancelled(f"c{n}") for n in range(5)])
    relay._publisher = Failing(confirmed=3)  # type: ignore[assignment]
    assert relay.run_once() > 0
    assert stream(catalogue, "catalogue") == (5, 3)


def test_a_batch_with_an_unroutable_fact_is_not_marked_although_it_failed_later(
    catalogue: Storage, memory: Broker
) -> None:
    relay = Relay("catalogue", catalogue, memory)
    record(catalogue, cancelled("c1"), cancelled("c2"))
    relay._publisher = Failing(confirmed=2, returned=["some id"])  # type: ignore[assignment]
    relay.run_once()
    assert stream(catalogue, "catalogue") == (2, 0)


def test_batches_shrink_while_it_fails(catalogue: Storage, memory: Broker) -> None:
    relay = Relay("catalogue", catalogue, memory)
    record(catalogue, *[cancelled(f"c{n}") for n in range(300)])
    failing = relay._publisher = Failing(confirmed=0)  # type: ignore[assignment]
    for _ in range(12):
        relay.run_once()
    assert failing.sizes == [300, 300, 250, 125, 62, 31, 15, *[SMALLEST_BATCH] * 5]


def test_rests_grow_with_jitter_up_to_a_limit_however_long_the_broker_is_away(
    catalogue: Storage, memory: Broker
) -> None:
    random.seed(3)
    relay = Relay("catalogue", catalogue, memory)
    record(catalogue, cancelled())
    relay._publisher = Failing(confirmed=0)  # type: ignore[assignment]
    rests = [relay.run_once() for _ in range(1, 40)]
    for turn, rest in enumerate(rests, 1):
        longest = min(0.5 * 2**turn, MOST_BACK_OFF_SECONDS)
        assert longest / 2 <= rest <= longest
    assert len(set(rests[10:])) > 20
    relay._failures = 5000  # half a day
    assert MOST_BACK_OFF_SECONDS / 2 <= relay.run_once() <= MOST_BACK_OFF_SECONDS


def test_a_full_queue_keeps_the_rest_in_the_outbox(
    catalogue: Storage, memory: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = Relay("catalogue", catalogue, memory)
    record(catalogue, *[cancelled(f"c{n}") for n in range(5)])
    monkeypatch.setattr(Publisher, "publish", lambda self, letters: 2)
    assert relay.run_once() > 0
    assert stream(catalogue, "catalogue") == (5, 2)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_the_second_relay_of_a_service_stands_by(open_storage: OpenStorage, memory: Broker) -> None:
    here, there = open_storage("catalogue"), open_storage("catalogue")
    record(here, cancelled())
    with here.exclusive("relay"):
        assert Relay("catalogue", there, memory).run_once() == 1.0
    assert stream(here, "catalogue") == (1, 0)
    Relay("catalogue", there, memory).run_once()
    assert stream(here, "catalogue") == (1, 1)
    taken(memory, "enrolment.inbox")


def test_the_streams_of_a_service_go_to_their_own_readers(open_storage: OpenStorage, memory: Broker) -> None:
    storage = open_storage("enrolment")
    record(storage, PupilNamed("p1", "Alma"), CourseSeatsChanged("c1", 10, 1, 0))
    Relay("enrolment", storage, memory).run_once()
    types = {
        queue: [parse_envelope(body).type.split(".")[-2] for body in taken(memory, queue)]
        for queue in ("catalogue.inbox", "notifications.inbox", "billing.inbox")
    }
    assert types == {
        "catalogue.inbox": ["course_seats_changed"],
        "notifications.inbox": ["course_seats_changed", "pupil_named"],
        "billing.inbox": ["course_seats_changed"],
    }


def test_an_idle_relay_keeps_its_connection_and_notices_when_it_is_dead(
    catalogue: Storage, rabbit: Broker
) -> None:
    with line_to(rabbit) as line:
        relay = Relay("catalogue", catalogue, Broker(line.uri))
        record(catalogue, cancelled("c1"))
        relay.run_once()
        assert relay.run_once() == 1.0
        line.cut()
        _delete_queues(rabbit)  # and the broker came back with an empty disk
        assert relay.run_once() == 1.0
        record(catalogue, cancelled("c2"))
        assert relay.run_once() == 0.0
        relay.close()
    assert sequences(rabbit) == [2]
