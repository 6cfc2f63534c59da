"""All facts by their CloudEvents type, who publishes them and who reads which stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.contracts import billing, catalogue, enrolment
from services.contracts.fact import Fact

FACTS: Mapping[str, type[Fact]] = {
    fact.type_name(): fact for module in (catalogue, enrolment, billing) for fact in module.FACTS
}

SERVICES = ("catalogue", "enrolment", "notifications", "billing")

# The streams a service publishes. Each has a sequence of its own without gaps.
STREAMS: Mapping[str, tuple[str, ...]] = {
    "catalogue": ("catalogue",),
    "enrolment": ("enrolment", "enrolment.contacts"),
    "notifications": (),
    "billing": ("billing",),
}

# The streams a service reads. It reads a stream whole: that is how it sees that nothing is missing.
SUBSCRIPTIONS: Mapping[str, tuple[str, ...]] = {
    "catalogue": ("enrolment",),
    "enrolment": ("catalogue",),
    "notifications": ("catalogue", "enrolment", "enrolment.contacts", "billing"),
    "billing": ("catalogue", "enrolment"),
}

# An older version's type -> (the newer type, how its data becomes the newer one's). None is needed yet.
UPCASTERS: Mapping[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {}


class UnknownFact(Exception):
    """This service does not know a fact of this type: it is newer than the service, or not ours."""


def read_fact(type_name: str, data: dict[str, Any]) -> Fact:
    """The fact of the newest version that `data` says.

    Raises UnknownFact for an unknown type, marshmallow.ValidationError for data that does not fit.
    """
    while type_name in UPCASTERS:
        type_name, upcast = UPCASTERS[type_name]
        data = upcast(data)
    if type_name not in FACTS:
        raise UnknownFact(type_name)
    return FACTS[type_name].load(data)


def publisher_of(stream: str) -> str:
    """The service that publishes `stream`."""
    return stream.partition(".")[0]


def readers_of(stream: str) -> tuple[str, ...]:
    return tuple(service for service in SERVICES if stream in SUBSCRIPTIONS[service])


def exchange_of(stream: str) -> str:
    return f"{stream}.facts"


def queue_of(service: str) -> str:
    """The one queue in which a service's facts wait. Never rename it: the old one would keep its facts."""
    return f"{service}.inbox"


def positions_queue_of(service: str) -> str:
    """Where a publisher hears how far its readers have come."""
    return f"{service}.positions"
