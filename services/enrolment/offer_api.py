"""JSON API of bulk offers: everything their pages do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, fields

from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.enrolment import offer_queries, queries
from services.enrolment.offer_pages import SEATS, OfferForm, courses_of_staff, offer
from services.enrolment.pages import today_of
from services.enrolment.staff_pages import STAFF, STAFF_OF_HOST

routes = Routes()


class SeatsQuery(Schema):
    """`seats` absent is all that are free."""

    seats = fields.Integer(load_default=None, validate=SEATS)


class OfferLine(Schema):
    """One who waits, in queue order. `why` is the rule an offer goes by, or why one is passed over."""

    application_id = fields.String(required=True)
    position = fields.Integer(required=True)
    queued_at = fields.AwareDateTime(required=True)
    is_offered = fields.Boolean(required=True)
    why = fields.String(required=True, allow_none=True)


class CourseOffersAnswer(Schema):
    course_id = fields.String(required=True, attribute="course.course_id")
    waiting = fields.Integer(required=True, attribute="course.waiting")
    free = fields.Integer(required=True)
    answer_by = fields.Date(required=True, allow_none=True)
    lines = fields.List(fields.Nested(OfferLine), required=True)


class PreviewAnswer(Schema):
    """`digest` names these offers: it goes into the call that makes them."""

    digest = fields.String(required=True)
    offered = fields.Integer(required=True)
    courses = fields.List(fields.Nested(CourseOffersAnswer), required=True)


class OfferedAnswer(Schema):
    offered = fields.Integer(required=True)


@routes.api(
    "GET",
    "/courses/<course_id>/offers",
    access=STAFF_OF_HOST,
    summary="Preview: who would be offered the free seats, who not, and why",
    query=SeatsQuery,
    answer=PreviewAnswer,
)
def course_offers(context: Context, course_id: str) -> offer_queries.Preview:
    with context.parts.storage.reading() as connection:
        if queries.course(connection, course_id) is None:
            raise NotFound
    return _preview(context, [course_id], context.query["seats"])


@routes.api(
    "POST",
    "/courses/<course_id>/offers",
    access=STAFF_OF_HOST,
    summary="Offer the seats exactly as previewed; the same once more changes nothing",
    body=OfferForm,
    answer=OfferedAnswer,
)
def make_course_offers(context: Context, course_id: str) -> dict[str, int]:
    return {"offered": offer(context, [course_id], context.body)}


@routes.api(
    "GET",
    "/offers",
    access=STAFF,
    summary="Preview for all of my courses that have a free seat and a queue",
    query=SeatsQuery,
    answer=PreviewAnswer,
)
def school_offers(context: Context) -> offer_queries.Preview:
    return _preview(context, courses_of_staff(context), context.query["seats"])


@routes.api(
    "POST",
    "/offers",
    access=STAFF,
    summary="Offer the seats of several courses exactly as previewed",
    body=OfferForm,
    answer=OfferedAnswer,
)
def make_school_offers(context: Context) -> dict[str, Any]:
    return {"offered": offer(context, courses_of_staff(context), context.body)}


def _preview(context: Context, course_ids: Sequence[str], seats: int | None) -> offer_queries.Preview:
    with context.parts.storage.reading() as connection:
        return offer_queries.preview(connection, course_ids, seats, today_of(context))
