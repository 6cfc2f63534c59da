"""HTTP entrypoints of notifications for programs: the same as its pages, as JSON and as calendar files."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate
from werkzeug.wrappers import Response

from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.languages import LANGUAGES
from services.chassis.web.routes import Routes
from services.notifications import calendar_pages, commands, queries
from services.notifications.own import FAMILIES, READERS, person_of

routes = Routes()


class MessagesQuery(Schema):
    page = fields.Integer(load_default=1, validate=validate.Range(1, 100_000))
    page_size = fields.Integer(load_default=50, validate=validate.Range(1, 200))


class MessageSummaryAnswer(Schema):
    message_id = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True, metadata={"description": "waiting, sent, failed or no_address"})
    subject = fields.String(required=True)
    language = fields.String(required=True)
    recorded_at = fields.AwareDateTime(required=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)


class MessageAnswer(MessageSummaryAnswer):
    text = fields.String(required=True, attribute="body_text")
    html = fields.String(required=True, attribute="body_html")


class MessagesAnswer(Schema):
    messages = fields.List(fields.Nested(MessageSummaryAnswer), required=True)
    total = fields.Integer(required=True)
    on_its_way = fields.Integer(required=True, metadata={"description": "recorded, and not written yet"})


class PreferencesBody(Schema):
    language = fields.String(required=True, validate=validate.OneOf(list(LANGUAGES)))


class PreferencesAnswer(Schema):
    language = fields.String(required=True)
    chosen = fields.Boolean(required=True, metadata={"description": "false: the language of the contact"})


@routes.api(
    "GET",
    "/messages",
    access=READERS,
    summary="The person's own mails, newest first",
    query=MessagesQuery,
    answer=MessagesAnswer,
)
def list_messages(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        mailbox = queries.mailbox(connection, person_of(context), **context.query)
    return {"messages": mailbox.mails, "total": mailbox.total, "on_its_way": mailbox.on_its_way}


@routes.api(
    "GET",
    "/messages/<message_id>",
    access=READERS,
    summary="One of the person's own mails, as it was written",
    answer=MessageAnswer,
)
def one_message(context: Context, message_id: str) -> Any:
    with context.parts.storage.reading() as connection:
        mail = queries.mail(connection, person_of(context), message_id)
    if mail is None:
        raise NotFound
    return mail


@routes.api(
    "GET",
    "/preferences",
    access=READERS,
    summary="In which language the person's mail is written",
    answer=PreferencesAnswer,
)
def mail_preferences(context: Context) -> Any:
    with context.parts.storage.reading() as connection:
        return queries.mail_preferences(connection, person_of(context))


@routes.api(
    "PUT",
    "/preferences",
    access=READERS,
    summary="Choose in which language the person's mail is written",
    body=PreferencesBody,
    answer=PreferencesAnswer,
)
def change_preferences(context: Context) -> Any:
    person_id = person_of(context)
    with context.parts.storage.unit() as unit:
        commands.choose_language(unit, person_id, context.body["language"])
        return queries.mail_preferences(unit.connection, person_id)


@routes.api(
    "GET",
    "/calendar/places",
    access=FAMILIES,
    summary="The calendar file (text/calendar) of all the person's places",
)
def calendar_of_places(context: Context) -> Response:
    return calendar_pages.calendar_of_all(context)


@routes.api(
    "GET",
    "/calendar/places/<application_id>",
    access=FAMILIES,
    summary="The calendar file (text/calendar) of one place",
)
def calendar_of_place(context: Context, application_id: str) -> Response:
    return calendar_pages.calendar_of_one(context, application_id)
