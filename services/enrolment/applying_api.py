"""JSON API of what families choose: siblings together, the order of choices, rental and Fritidskort."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.chassis.refusals import Refused
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.enrolment import choices, queries
from services.enrolment.api import (
    ApplicationAnswer,
    ChosenBody,
    OutcomeAnswer,
    PriceAnswer,
    chosen_in,
    my_application,
    outcome_of,
)
from services.enrolment.applying_pages import apply_as_party
from services.enrolment.domain.admission import COURSE_UNKNOWN, PUPIL_UNKNOWN
from services.enrolment.domain.requests import is_readable
from services.enrolment.forms import KeyField
from services.enrolment.pages import FAMILY, person_id, today_of
from services.enrolment.verdicts import verdicts_of

routes = Routes()


class SiblingBody(Schema):
    application_id = IdField(required=True)
    pupil_id = KeyField(required=True, validate=validate.Length(1, 64))


class TogetherBody(Schema):
    siblings = fields.List(fields.Nested(SiblingBody), required=True, validate=validate.Length(2, 10))


class OutcomesAnswer(Schema):
    outcomes = fields.List(fields.Nested(OutcomeAnswer), required=True)


@routes.api(
    "POST",
    "/courses/<course_id>/applications-together",
    access=FAMILY,
    summary="Apply for siblings who get places on the course together or not at all",
    body=TogetherBody,
    answer=OutcomesAnswer,
)
def apply_together_by_api(context: Context, course_id: str) -> dict[str, Any]:
    if not is_readable(course_id):
        raise Refused(COURSE_UNKNOWN)
    given = {each["pupil_id"]: each["application_id"] for each in context.body["siblings"]}
    return {"outcomes": [outcome_of(context, each) for each in apply_as_party(context, course_id, given)]}


class RankBody(Schema):
    application_ids = fields.List(IdField(), required=True, validate=validate.Length(1, 100))


@routes.api(
    "PUT",
    "/pupils/<pupil_id>/choices",
    access=FAMILY,
    summary="Rank all of a child's choices at one school, the best first",
    body=RankBody,
)
def rank_choices_by_api(context: Context, pupil_id: str) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        mine = queries.pupils_of(connection, person_id(context), today_of(context))
    if pupil_id not in [each.pupil_id for each in mine]:
        raise Refused(PUPIL_UNKNOWN)
    with context.parts.storage.unit() as unit:
        choices.rank_choices(unit, pupil_id, context.body["application_ids"], context.signed_in.audit_name)
    return {"application_ids": context.body["application_ids"]}


@routes.api(
    "POST",
    "/applications/<application_id>/choose",
    access=FAMILY,
    summary="Rent an instrument or not, pay a part with a Fritidskort or not; the price follows",
    body=ChosenBody,
    answer=ApplicationAnswer,
)
def choose_by_api(context: Context, application_id: str) -> queries.Application:
    my_application(context, application_id)
    with context.parts.storage.unit() as unit:
        chosen = chosen_in(context.body)
        choices.change_chosen(unit, application_id, chosen, context.signed_in.audit_name)
    application: queries.Application = my_application(context, application_id)
    return application


class PriceBody(ChosenBody):
    pupil_id = KeyField(required=True, validate=validate.Length(1, 64))


class PriceOfAnswer(Schema):
    price = fields.Nested(PriceAnswer, required=True, allow_none=True)


@routes.api(
    "POST",
    "/courses/<course_id>/price",
    access=FAMILY,
    summary="What the course would cost my child with an instrument to rent and a Fritidskort",
    body=PriceBody,
    answer=PriceOfAnswer,
)
def price_by_api(context: Context, course_id: str) -> dict[str, Any]:
    pupil_id, today = context.body["pupil_id"], today_of(context)
    wanted = {pupil_id: chosen_in(context.body)}
    with context.parts.storage.reading() as connection:
        found = queries.course(connection, course_id)
        if found is None:
            raise Refused(COURSE_UNKNOWN)
        verdicts = verdicts_of(connection, person_id(context), found[1], today, wanted)
    mine = next((each for each in verdicts if each.pupil.pupil_id == pupil_id), None)
    if mine is None:
        raise Refused(PUPIL_UNKNOWN)
    if mine.chosen_refusal is not None:
        raise Refused(mine.chosen_refusal)
    return {"price": mine.price}
