"""Pages of notifications: the person's own mail, and what it prefers."""

from __future__ import annotations

import math

from marshmallow import Schema, fields, validate
from werkzeug.wrappers import Response

from services.chassis.refusals import N_
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.languages import LANGUAGES
from services.chassis.web.routes import Routes
from services.notifications import commands, queries
from services.notifications.own import READERS, person_of

PAGE_SIZE = 20

routes = Routes()


class MailQuery(Schema):
    page = fields.Integer(load_default=1, validate=validate.Range(1, 100_000))


class LanguageForm(Schema):
    language = fields.String(required=True)


@routes.page("/mail", access=READERS)
def mail_list(context: Context) -> Response:
    page = context.load_query(MailQuery())["page"]
    with context.parts.storage.reading() as connection:
        mailbox = queries.mailbox(connection, person_of(context), page=page, page_size=PAGE_SIZE)
    return context.render(
        "mails.html",
        mailbox=mailbox,
        page=page,
        pages=max(1, math.ceil(mailbox.total / PAGE_SIZE)),
        page_url=lambda number: f"/mail?page={number}",
        sends_for_real=context.parts.sends_for_real,
        has_places=context.signed_in.role != "finance",
    )


@routes.page("/mail/<message_id>", access=READERS)
def show_mail(context: Context, message_id: str) -> Response:
    with context.parts.storage.reading() as connection:
        mail = queries.mail(connection, person_of(context), message_id)
    if mail is None:
        raise NotFound
    return context.render(
        "mail.html",
        mail=mail,
        sender=str(context.parts.mail_from),
        sends_for_real=context.parts.sends_for_real,
    )


@routes.page("/preferences", access=READERS)
def show_preferences(context: Context) -> Response:
    with context.parts.storage.reading() as connection:
        preferences = queries.mail_preferences(connection, person_of(context))
    return context.render(
        "preferences.html",
        preferences=preferences,
        languages=list(LANGUAGES.items()),
        has_places=context.signed_in.role != "finance",
    )


@routes.page("/preferences", access=READERS, methods=("POST",))
def save_preferences(context: Context) -> Response:
    language = context.load_form(LanguageForm())["language"]
    with context.parts.storage.unit() as unit:
        commands.choose_language(unit, person_of(context), language)
    said = context.texts.gettext(N_("Saved. The language of your mail is now: %(language)s."))
    return context.redirect("/preferences", said % {"language": LANGUAGES[language]})
