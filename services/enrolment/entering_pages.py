"""Staff enter an application that came on paper or by phone, also for a pupil with protected identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.chassis.clock import STOCKHOLM, local_date
from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refused
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, what_is_wrong
from services.enrolment import commands, queries, words
from services.enrolment.applying_pages import ChosenForm, chosen_in
from services.enrolment.commands import ALIAS_MISSING, EnteredApplication, NewPupil
from services.enrolment.domain.requests import NOTHING_CHOSEN, Chosen, Outcome
from services.enrolment.forms import Text
from services.enrolment.pricing import instruments_of
from services.enrolment.staff_pages import STAFF_OF_HOST

routes = Routes()


class EnteredFields(Schema):
    """`why` says who applied, and how."""

    application_id = IdField(required=True)
    pupil_id = IdField(required=True)
    personal_identity = fields.String(required=True, validate=validate.Length(1, 20))
    given_name = Text(required=True, validate=validate.Length(1, 100))
    family_name = Text(required=True, validate=validate.Length(1, 100))
    home_municipality = fields.String(required=True, validate=validate.Regexp(r"[0-9]{4}\Z"))
    applied_on = fields.Date(required=True)
    protected = fields.Boolean(load_default=False)
    alias = Text(load_default=None, validate=validate.Length(1, 100))
    why = Text(required=True, validate=validate.Length(1, 500))


class EnterForm(EnteredFields, ChosenForm):
    pass


@routes.page("/staff/courses/<course_id>/enter", access=STAFF_OF_HOST)
def enter_page(context: Context, course_id: str) -> Response:
    today = local_date(context.parts.clock.now())
    form = {"application_id": new_id(), "pupil_id": new_id(), "applied_on": today.isoformat()}
    with context.parts.storage.reading() as connection:
        found = queries.course(connection, course_id)
    if found is not None and found[0].cancelled:
        return context.redirect(f"/staff/courses/{course_id}")
    return _form(context, course_id, form, NOTHING_WRONG)


@routes.page("/staff/courses/<course_id>/enter", access=STAFF_OF_HOST, methods=("POST",))
def enter(context: Context, course_id: str) -> Response:
    """Pupil and application in one transaction; a refusal keeps what was filled in and changes nothing."""
    try:
        form = context.load_form(EnterForm())
        outcome = enter_application(context, course_id, form, chosen_in(form))
    except (Refused, ValidationError) as error:
        return _form(context, course_id, context.request.form, what_is_wrong(context, error))
    said = N_("The pupil has a place.") if outcome.state == "placed" else N_("The pupil is in the queue.")
    return context.redirect(f"/staff/courses/{course_id}", context.texts.gettext(said))


def enter_application(context: Context, course_id: str, form: dict[str, Any], chosen: Chosen) -> Outcome:
    """Raises Refused."""
    alias = form["alias"] if form["protected"] else None
    if form["protected"] and alias is None:
        raise Refused(ALIAS_MISSING)
    pupil = NewPupil(
        form["pupil_id"],
        form["personal_identity"],
        form["given_name"],
        form["family_name"],
        form["home_municipality"],
        guardian_id=None,
        alias=alias,
    )
    queued_at = _queue_date(form["applied_on"], context)
    entered = EnteredApplication(form["application_id"], course_id, pupil, queued_at, form["why"], chosen)
    with context.parts.storage.unit() as unit:
        return commands.enter_application(unit, entered, context.signed_in.audit_name)


def _queue_date(applied_on: date, context: Context) -> datetime:
    """The end of the day it came, so that who applied online that day goes first; now, if it came today."""
    now: datetime = context.parts.clock.now()
    if applied_on == local_date(now):
        return now
    return datetime.combine(applied_on, time(23, 59, 59), STOCKHOLM).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Offered:
    """What a family may choose beside the course."""

    instruments: tuple[str, ...]
    takes_voucher: bool


def _form(context: Context, course_id: str, form: Mapping[str, str], wrong: Wrong) -> Response:
    with context.parts.storage.reading() as connection:
        found = queries.course(connection, course_id)
        names = queries.municipality_names(connection)
    if found is None:
        raise NotFound
    return context.render(
        "enter.html",
        http_status=wrong.status,
        course=found[0],
        form=form,
        chosen=NOTHING_CHOSEN,
        offered=Offered(tuple(instruments_of(found[1])), found[1].rule_book.pricing.voucher is not None),
        words=words,
        wrong=wrong,
        municipalities=sorted(names.items(), key=lambda item: item[1]),
        today=local_date(context.parts.clock.now()).isoformat(),
    )
