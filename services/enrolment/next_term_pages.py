"""What families say of the next term: on My page, and by the API."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields
from werkzeug.wrappers import Response

from services.chassis.refusals import N_, Refused
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.enrolment import next_term, queries
from services.enrolment.api import LocalTextAnswer
from services.enrolment.domain.admission import APPLICATION_UNKNOWN
from services.enrolment.pages import FAMILY, person_id, today_of

routes = Routes()

_ACTIONS = {
    "confirm": (next_term.confirm, N_("It is confirmed for the next term.")),
    "give-up": (
        next_term.give_up,
        N_("The place is given up for the next term. You can still take it back."),
    ),
    "undo": (next_term.undo, N_("It is as if nothing had been said of the next term.")),
}
_ACTION = "<any(confirm,'give-up',undo):action>"


def _mine(context: Context, application_id: str) -> queries.Application | None:
    with context.parts.storage.reading() as connection:
        return queries.application_of_person(
            connection, application_id, person_id(context), today_of(context)
        )


@routes.page(f"/my/applications/<application_id>/next-term/{_ACTION}", access=FAMILY, methods=("POST",))
def say_of_next_term(context: Context, application_id: str, action: str) -> Response:
    if _mine(context, application_id) is None:
        raise NotFound
    command, said = _ACTIONS[action]
    with context.parts.storage.unit() as unit:
        command(unit, application_id, context.signed_in.audit_name)
    return context.redirect("/my", context.texts.gettext(said))


class NextTermAnswer(Schema):
    """`asked` where it is kept only by who confirms it; `answer`: confirmed, given_up or null."""

    term = fields.Nested(LocalTextAnswer, required=True)
    asked = fields.Boolean(required=True)
    first_day = fields.Date(required=True, allow_none=True)
    last_day = fields.Date(required=True)
    course_title = fields.Nested(LocalTextAnswer, required=True, allow_none=True)
    answer = fields.String(required=True, allow_none=True)


class NextTermsAnswer(Schema):
    """By application id; only those of which something can be said."""

    next_terms = fields.Dict(keys=fields.String(), values=fields.Nested(NextTermAnswer), required=True)


@routes.api(
    "GET", "/next-term", access=FAMILY, summary="What I can say of the next term", answer=NextTermsAnswer
)
def next_terms_by_api(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        mine = queries.applications_of_person(connection, person_id(context), today_of(context))
        ids = [each.application_id for each in mine]
        return {"next_terms": next_term.next_terms(connection, ids, today_of(context))}


@routes.api(
    "POST",
    f"/applications/<application_id>/next-term/{_ACTION}",
    access=FAMILY,
    summary="Confirm a place or queue position for the next term, give a place up, or take that back",
    answer=NextTermsAnswer,
)
def say_of_next_term_by_api(context: Context, application_id: str, action: str) -> dict[str, Any]:
    if _mine(context, application_id) is None:
        raise Refused(APPLICATION_UNKNOWN)
    command, _ = _ACTIONS[action]
    with context.parts.storage.unit() as unit:
        command(unit, application_id, context.signed_in.audit_name)
    answer: dict[str, Any] = next_terms_by_api(context)
    return answer
