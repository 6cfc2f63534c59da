"""The table of facts agrees with itself: who publishes what, who reads it, and what the queues are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.contracts.fact import Fact
from services.contracts.registry import (
    FACTS,
    SERVICES,
    STREAMS,
    SUBSCRIPTIONS,
    UPCASTERS,
    exchange_of,
    positions_queue_of,
    publisher_of,
    queue_of,
    readers_of,
)

ROOT = Path(__file__).parents[2]
ALL_STREAMS = tuple(stream for service in SERVICES for stream in STREAMS[service])
# What waits in a queue is lost to a release that calls it otherwise. This list only ever grows.
QUEUES = {
    "billing.inbox",
    "billing.positions",
    "catalogue.inbox",
    "catalogue.positions",
    "enrolment.inbox",
    "enrolment.positions",
    "notifications.inbox",
    "notifications.positions",
}


def test_every_service_says_what_it_publishes_and_reads() -> None:
    assert set(STREAMS) == set(SUBSCRIPTIONS) == set(SERVICES)
    assert len(set(ALL_STREAMS)) == len(ALL_STREAMS)


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_a_stream_belongs_to_the_service_it_is_named_for(stream: str) -> None:
    assert stream in STREAMS[publisher_of(stream)]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_what_another_one_publishes(service: str) -> None:
    assert set(SUBSCRIPTIONS[service]) <= set(ALL_STREAMS) - set(STREAMS[service])
    for stream in SUBSCRIPTIONS[service]:
        assert service in readers_of(stream)


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_somebody_reads_every_stream(stream: str) -> None:
    assert readers_of(stream)


def test_contacts_are_read_by_notifications_alone() -> None:
    """Names and addresses of people go no further than they must."""
    assert readers_of("enrolment.contacts") == ("notifications",)


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
def test_a_fact_has_a_stream_a_subject_and_a_type(fact: type[Fact]) -> None:
    assert fact.SOURCE in ALL_STREAMS
    assert fact.SUBJECT in fact.schema().fields
    assert FACTS[fact.type_name()] is fact
    assert fact.type_name() == f"se.samklang.{fact.SOURCE}.{fact.NAME}.v{fact.VERSION}"
    assert fact.__doc__
    assert len(fact.type_name()) <= 128  # what the tables of outbox and inbox hold


def test_no_two_facts_of_a_stream_share_a_name() -> None:
    """Only the newest version is a class; the routing key has no version, so the name tells facts apart."""
    names = [(fact.SOURCE, fact.NAME) for fact in FACTS.values()]
    assert len(set(names)) == len(names)


def test_every_older_version_leads_to_a_newest_one() -> None:
    for start in UPCASTERS:
        seen, at = {start}, start
        while at in UPCASTERS:
            at = UPCASTERS[at][0]
            assert at not in seen, f"{start} leads round in a circle"
            seen.add(at)
        assert at in FACTS
        assert not seen - {at} & set(FACTS)


def test_queues_keep_their_names() -> None:
    names = {name for service in SERVICES for name in (queue_of(service), positions_queue_of(service))}
    assert names >= QUEUES
    assert names == QUEUES, "a new queue: add its name here"


def test_the_checked_in_list_of_queues_says_who_reads_what() -> None:
    listed = json.loads((ROOT / "docs" / "api" / "queues.json").read_text())["queues"]
    assert set(listed) == QUEUES
    for service in SERVICES:
        bound = listed[queue_of(service)]["bound_to"]
        assert bound == [exchange_of(stream) for stream in SUBSCRIPTIONS[service]]
        assert listed[queue_of(service)]["arguments"]["x-queue-type"] == "quorum"
