"""The only place of catalogue that builds adapters."""

from __future__ import annotations

from pathlib import Path

from services.catalogue import api
from services.catalogue.pages import cancelling, courses, home, importing, schools
from services.catalogue.queries import reference
from services.catalogue.reactions import REACTIONS
from services.catalogue.service import CatalogueService
from services.catalogue.successors import Successors
from services.chassis.clock import Clock
from services.chassis.parts import Parts
from services.chassis.process import Composition
from services.chassis.settings import Settings
from services.chassis.web import common
from services.chassis.web.app import App
from services.chassis.web.languages import current_language

PAGES = [page.routes for page in (home, courses, cancelling, importing, schools)]


class CatalogueParts(Parts):
    """What every service has, and who lets courses follow a municipality's successor."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings, REACTIONS, clock)
        self.successors = Successors(self.storage)

    def municipality_names(self) -> dict[str, str]:
        """Names by code, the county's own among them; the login page names its personas' places by it."""
        with self.storage.reading() as connection:
            return reference.municipality_names(connection, current_language())


def compose(settings: Settings, clock: Clock) -> Composition:
    parts = CatalogueParts(settings, clock)
    app = App(parts, [common.routes, *PAGES, api.routes], Path(__file__).parent)
    return Composition(CatalogueService, parts, app)
