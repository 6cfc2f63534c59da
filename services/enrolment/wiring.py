"""The only place of enrolment that builds adapters."""

from __future__ import annotations

from pathlib import Path

from services.chassis.clock import Clock
from services.chassis.parts import Parts
from services.chassis.process import Composition
from services.chassis.settings import Settings
from services.chassis.web import common
from services.chassis.web.app import App
from services.enrolment import (
    api,
    applying_api,
    applying_pages,
    decision_pages,
    entering_pages,
    figures_api,
    next_term_pages,
    offer_api,
    offer_pages,
    pages,
    pupil_pages,
    queries,
    rollover_api,
    rollover_pages,
    round_api,
    round_pages,
    round_staff_pages,
    staff_api,
    staff_pages,
    statistics_pages,
)
from services.enrolment.decider import Decider
from services.enrolment.expiry import OfferExpiry
from services.enrolment.pricer import Pricer
from services.enrolment.reactions import REACTIONS
from services.enrolment.seat_news import SeatNews
from services.enrolment.service import EnrolmentService
from services.enrolment.settings import enrolment_settings


class EnrolmentParts(Parts):
    """What every service has, the decider, and who passes on offers, prices places and tells of seats."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings, REACTIONS, clock)
        batch = enrolment_settings(settings).admission_batch
        self.decider = Decider(self.storage, self.bells, batch)
        self.expiry = OfferExpiry(self.storage)
        self.pricer = Pricer(self.storage, self.decider.is_rush)
        self.seat_news = SeatNews(self.storage, self.decider.is_rush)

    def municipality_names(self) -> dict[str, str]:
        with self.storage.reading() as connection:
            return queries.municipality_names(connection)


def compose(settings: Settings, clock: Clock) -> Composition:
    parts = EnrolmentParts(settings, clock)
    modules = [
        common.routes,
        pages.routes,
        applying_pages.routes,
        staff_pages.routes,
        offer_pages.routes,
        entering_pages.routes,
        pupil_pages.routes,
        statistics_pages.routes,
        decision_pages.routes,
        round_pages.routes,
        round_staff_pages.routes,
        rollover_pages.routes,
        next_term_pages.routes,
        api.routes,
        applying_api.routes,
        offer_api.routes,
        staff_api.routes,
        figures_api.routes,
        round_api.routes,
        rollover_api.routes,
    ]
    app = App(parts, modules, Path(__file__).parent)
    return Composition(EnrolmentService, parts, app)
