"""Staff offer free seats, of one course or of all with a queue: a preview, and then what it showed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.chassis.ids import new_id
from services.chassis.refusals import Refused
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, what_is_wrong
from services.enrolment import offer_queries, queries, words
from services.enrolment.bulk_offers import BulkOffer, offer_previewed
from services.enrolment.pages import today_of
from services.enrolment.staff_pages import STAFF, STAFF_OF_HOST

routes = Routes()
LINES_A_PAGE = 200
SEATS = validate.Range(1, 10_000)


class PreviewQuery(Schema):
    """`seats` None is all that are free."""

    seats = fields.Integer(load_default=None, validate=SEATS)
    page = fields.Integer(load_default=1, validate=validate.Range(1, 100_000))


class OfferForm(Schema):
    """What was previewed: see bulk_offers.BulkOffer."""

    bulk_id = IdField(required=True)
    digest = fields.String(required=True, validate=validate.Regexp(r"[0-9a-f]{64}\Z"))
    seats = fields.Integer(load_default=None, validate=SEATS)


def offer(context: Context, course_ids: Sequence[str], form: dict[str, Any]) -> int:
    """How many seats were offered. Raises Refused."""
    bulk = BulkOffer(form["bulk_id"], course_ids, form["seats"], form["digest"])
    with context.parts.storage.unit() as unit:
        return offer_previewed(unit, bulk, context.signed_in.audit_name)


def courses_of_staff(context: Context) -> list[str]:
    with context.parts.storage.reading() as connection:
        return offer_queries.courses_to_offer(connection, context.signed_in.municipality, today_of(context))


@routes.page("/staff/courses/<course_id>/offers", access=STAFF_OF_HOST)
def course_offers_page(context: Context, course_id: str) -> Response:
    return _preview(context, [course_id], f"/staff/courses/{course_id}")


@routes.page("/staff/courses/<course_id>/offers", access=STAFF_OF_HOST, methods=("POST",))
def offer_on_course(context: Context, course_id: str) -> Response:
    return _confirm(context, [course_id], f"/staff/courses/{course_id}")


@routes.page("/staff/offers", access=STAFF)
def school_offers_page(context: Context) -> Response:
    return _preview(context, courses_of_staff(context), "/staff")


@routes.page("/staff/offers", access=STAFF, methods=("POST",))
def offer_on_courses(context: Context) -> Response:
    return _confirm(context, courses_of_staff(context), "/staff")


def _confirm(context: Context, course_ids: Sequence[str], above: str) -> Response:
    """Where the queue has changed nothing is offered, and the new preview is shown with the reason."""
    form = context.load_form(OfferForm())
    try:
        offered = offer(context, course_ids, form)
    except Refused as refused:
        return _show(context, course_ids, above, what_is_wrong(context, refused), seats=form["seats"])
    said = context.texts.ngettext("%(num)s seat is offered.", "%(num)s seats are offered.", offered)
    return context.redirect(above, said % {"num": offered})


def _preview(context: Context, course_ids: Sequence[str], above: str) -> Response:
    """A number of seats that is none is said at its field, above the preview of all that are free."""
    try:
        asked = context.load_query(PreviewQuery())
    except ValidationError as error:
        return _show(context, course_ids, above, what_is_wrong(context, error))
    return _show(context, course_ids, above, NOTHING_WRONG, **asked)


def _show(
    context: Context,
    course_ids: Sequence[str],
    above: str,
    wrong: Wrong,
    *,
    seats: int | None = None,
    page: int = 1,
) -> Response:
    with context.parts.storage.reading() as connection:
        preview = offer_queries.preview(connection, course_ids, seats, today_of(context))
        shown = preview.page(page, LINES_A_PAGE)
        ids = [line.application_id for _, lines in shown for line in lines]
        pupils = offer_queries.pupils_by_application(connection, ids)
        course = None if above == "/staff" else queries.course(connection, course_ids[0])
    if above != "/staff" and course is None:
        raise NotFound
    seats_part = f"&seats={seats}" if seats else ""
    return context.render(
        "offers.html",
        http_status=wrong.status,
        course=course[0] if course else None,
        preview=preview,
        shown=shown,
        pupils=pupils,
        seats=seats,
        seats_asked=context.request.args.get("seats", "") if wrong.of("seats") else seats or "",
        page=page,
        pages=-(-preview.lines // LINES_A_PAGE),
        page_url=lambda number: f"{context.request.path}?page={number}{seats_part}",
        bulk_id=new_id(),
        above=above,
        wrong=wrong,
        words=words,
    )
