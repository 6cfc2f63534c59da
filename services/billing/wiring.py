"""The only place of billing that builds adapters."""

from __future__ import annotations

from pathlib import Path

from services.billing.api import agreements as agreements_api
from services.billing.api import basis as basis_api
from services.billing.api import books as books_api
from services.billing.api import compensation as compensation_api
from services.billing.api import fees as fees_api
from services.billing.api import payers as payers_api
from services.billing.api import payments as payments_api
from services.billing.api import population_files
from services.billing.api import reminders as reminders_api
from services.billing.configuration import read_configuration
from services.billing.pages import (
    agreement,
    agreement_version,
    budget,
    compensation,
    fees,
    flow,
    invoices,
    ledger,
    netting,
    papers,
    payers,
    payments,
    population_import,
    populations,
    reconciliation,
    reminders,
    sie,
    statement,
    tables,
    years,
)
from services.billing.queries import basis as queries
from services.billing.reactions import REACTIONS
from services.billing.service import BillingService
from services.chassis.clock import Clock
from services.chassis.parts import Parts
from services.chassis.process import Composition
from services.chassis.settings import Settings
from services.chassis.web import common
from services.chassis.web.app import App

PAGES = [
    page.routes
    for page in (
        years,
        populations,
        population_import,
        agreement,
        budget,
        flow,
        compensation,
        fees,
        invoices,
        papers,
        payments,
        ledger,
        netting,
        sie,
        reconciliation,
        statement,
        reminders,
        payers,
        agreement_version,
        tables,
    )
]
API = [
    api.routes
    for api in (
        agreements_api,
        basis_api,
        books_api,
        compensation_api,
        fees_api,
        payers_api,
        payments_api,
        population_files,
        reminders_api,
    )
]


class BillingParts(Parts):
    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings, REACTIONS, clock)
        configuration = read_configuration(settings)
        self.chart, self.issuer = configuration.chart, configuration.issuer

    def municipality_names(self) -> dict[str, str]:
        """Names by code from billing's own copy; the county's code is the region's."""
        with self.storage.reading() as connection:
            return queries.municipality_names(connection)


def compose(settings: Settings, clock: Clock) -> Composition:
    parts = BillingParts(settings, clock)
    app = App(parts, [common.routes, *PAGES, *API], Path(__file__).parent)
    return Composition(BillingService, parts, app, niceness=10)
