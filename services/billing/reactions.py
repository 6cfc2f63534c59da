"""One function per foreign fact: what billing does when another service says that something happened."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.tables import members, places, terms
from services.chassis.messaging.worker import Reactions
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import MunicipalityRegistered, TermOpened
from services.contracts.enrolment import ApplicationEnded, PlaceGiven


def on_municipality_registered(unit: Unit, fact: MunicipalityRegistered) -> None:
    names = ("municipality_code", "name", "member_from", "member_to")
    unit.keep(members, {name: getattr(fact, name) for name in names})


def on_term_opened(unit: Unit, fact: TermOpened) -> None:
    unit.keep(
        terms,
        {
            "term_id": fact.term_id,
            "name_sv": fact.name.sv,
            "name_en": fact.name.en,
            "starts_on": fact.starts_on,
            "ends_on": fact.ends_on,
        },
    )


def on_place_given(unit: Unit, fact: PlaceGiven) -> None:
    """Counted once an application; said again after the place has ended, it stays ended."""
    unit.add(
        places,
        {
            "application_id": fact.application_id,
            "home_municipality": fact.home_municipality,
            "host_municipality": fact.host_municipality,
            "term_id": fact.term_id,
            "given_at": fact.given_at,
        },
    )


def on_application_ended(unit: Unit, fact: ApplicationEnded) -> None:
    """Only a place that was given is there to end; of the queue billing knows nothing."""
    unit.execute(
        sa.update(places)
        .where(places.c.application_id == fact.application_id, places.c.ended_at.is_(None))
        .values(ended_at=fact.ended_at)
    )


REACTIONS: Reactions = {
    MunicipalityRegistered: on_municipality_registered,
    TermOpened: on_term_opened,
    PlaceGiven: on_place_given,
    ApplicationEnded: on_application_ended,
}
