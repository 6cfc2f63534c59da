"""The only place of notifications that builds adapters."""

from __future__ import annotations

from pathlib import Path

from services.chassis.clock import Clock
from services.chassis.parts import Parts
from services.chassis.process import Composition
from services.chassis.settings import Settings
from services.chassis.web import common
from services.chassis.web.app import App
from services.notifications import api, calendar_pages, pages, queries
from services.notifications.letters import LetterWriter
from services.notifications.post import post_for
from services.notifications.reactions import REACTIONS
from services.notifications.sender import Sender
from services.notifications.service import NotificationsService
from services.notifications.settings import mail_settings


class NotificationsParts(Parts):
    """What every service has, and the sender."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings, REACTIONS, clock)
        mail = mail_settings(settings)
        self.writer = LetterWriter(settings.public_url)
        self.mail_from = mail.sender
        self.sends_for_real = mail.smtp is not None
        post = post_for(mail.smtp, settings.var / "mail", mail.sender)
        self.sender = Sender(self.storage, post, self.writer, mail.sender)

    def municipality_names(self) -> dict[str, str]:
        with self.storage.reading() as connection:
            return queries.municipality_names(connection)


def compose(settings: Settings, clock: Clock) -> Composition:
    parts = NotificationsParts(settings, clock)
    modules = [common.routes, pages.routes, calendar_pages.routes, api.routes]
    app = App(parts, modules, Path(__file__).parent)
    return Composition(NotificationsService, parts, app, niceness=10)
