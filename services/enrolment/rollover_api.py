"""JSON API of the rollover: everything its pages do."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.chassis.refusals import Refused
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.enrolment.api import LocalTextAnswer
from services.enrolment.domain.requests import is_readable
from services.enrolment.forms import KeyField, Text
from services.enrolment.pages import today_of
from services.enrolment.rollover import queries
from services.enrolment.rollover.commands import NewRollover, carry_over
from services.enrolment.rollover.loading import TERM_UNKNOWN
from services.enrolment.staff_pages import STAFF

routes = Routes()


class EffectAnswer(Schema):
    """`kind`: continues, confirm, offered, waits, ends or stays; `reason` names the rule, or what stands
    against it. `answer_by` is the last day to confirm or to answer. `rental_ends`: the place goes on without
    the instrument that is rented with it."""

    application_id = fields.String(required=True)
    pupil_id = fields.String(required=True)
    from_course = fields.String(required=True)
    to_course = fields.String(required=True, allow_none=True)
    kind = fields.String(required=True)
    reason = fields.String(required=True)
    answer_by = fields.Date(required=True, allow_none=True)
    rental_ends = fields.Boolean(required=True)


class DryRunAnswer(Schema):
    """Send `digest` to do just this."""

    term_id = fields.String(required=True)
    term = fields.Nested(LocalTextAnswer, required=True)
    digest = fields.String(required=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    effects = fields.List(fields.Nested(EffectAnswer), required=True)


@routes.api(
    "GET",
    "/terms/<term_id>/rollover",
    access=STAFF,
    summary="What carrying my municipality's places over to the term would do; nothing is changed",
    answer=DryRunAnswer,
)
def dry_run_by_api(context: Context, term_id: str) -> dict[str, Any]:
    if not is_readable(term_id):
        raise Refused(TERM_UNKNOWN)
    with context.parts.storage.reading() as connection:
        found = queries.dry_run(connection, term_id, context.signed_in.municipality, today_of(context))
    effects = [each.effect for course in found.courses for each in course.happenings]
    return {
        "term_id": found.term_id,
        "term": found.term,
        "digest": found.digest,
        "counts": found.counts,
        "effects": effects,
    }


class RolloverBody(Schema):
    rollover_id = IdField(required=True)
    digest = KeyField(required=True, validate=validate.Length(64, 64))
    why = Text(required=True, validate=validate.Length(1, 500))


class RolloverAnswer(Schema):
    rollover_id = fields.String(required=True)
    term_id = fields.String(required=True)
    scope = fields.String(required=True)
    digest = fields.String(required=True)
    why = fields.String(required=True)
    run_by = fields.String(required=True)
    run_at = fields.AwareDateTime(required=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


@routes.api(
    "POST",
    "/terms/<term_id>/rollover",
    access=STAFF,
    summary="Carry my municipality's places over as the dry run with this digest said; again changes nothing",
    body=RolloverBody,
    answer=RolloverAnswer,
    status=201,
)
def carry_over_by_api(context: Context, term_id: str) -> queries.Rollover:
    if not is_readable(term_id):
        raise Refused(TERM_UNKNOWN)
    scope, body = context.signed_in.municipality, context.body
    new = NewRollover(body["rollover_id"], term_id, scope, body["digest"], body["why"])
    with context.parts.storage.unit() as unit:
        carry_over(unit, new, context.signed_in.audit_name)
    with context.parts.storage.reading() as connection:
        mine = queries.rollovers_of(connection, scope)
    return next(each for each in mine if each.rollover_id == new.rollover_id)


class RolloversAnswer(Schema):
    rollovers = fields.List(fields.Nested(RolloverAnswer), required=True)


@routes.api(
    "GET",
    "/rollovers",
    access=STAFF,
    summary="What has been carried over for my municipality: by whom, when and why",
    answer=RolloversAnswer,
)
def all_rollovers(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"rollovers": queries.rollovers_of(connection, context.signed_in.municipality)}
