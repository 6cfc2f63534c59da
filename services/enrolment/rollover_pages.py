"""Pages of staff: carry places and queue positions over to the next term, having seen every effect first."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, ValidationError, validate
from werkzeug.wrappers import Response

from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refused
from services.chassis.web.access import NotFound, only
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, what_is_wrong
from services.enrolment import words
from services.enrolment.domain.requests import is_readable
from services.enrolment.forms import KeyField, Text
from services.enrolment.pages import today_of
from services.enrolment.rollover import queries
from services.enrolment.rollover.commands import NewRollover, carry_over
from services.enrolment.rollover.loading import TERM_UNKNOWN
from services.enrolment.staff_pages import STAFF

routes = Routes()


def scope_of_rollover(context: Context, rollover_id: str) -> str | None:
    with context.parts.storage.reading() as connection:
        return queries.scope_of_rollover(connection, rollover_id) if is_readable(rollover_id) else None


STAFF_OF_ROLLOVER = only("staff", municipality=scope_of_rollover)


@routes.page("/staff/terms", access=STAFF)
def terms_page(context: Context) -> Response:
    """The terms to settle, and what has been carried over before."""
    scope = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        to_settle = queries.terms_to_settle(connection, scope, today_of(context))
        done = queries.rollovers_of(connection, scope)
    return context.render("terms.html", terms=to_settle, done=done, words=words)


@routes.page("/staff/terms/<term_id>", access=STAFF)
def dry_run_page(context: Context, term_id: str) -> Response:
    return _dry_run_page(context, term_id, NOTHING_WRONG)


def _dry_run_page(context: Context, term_id: str, wrong: Wrong) -> Response:
    """Every effect, course by course. Looking changes nothing."""
    if not is_readable(term_id):
        raise Refused(TERM_UNKNOWN)
    with context.parts.storage.reading() as connection:
        found = queries.dry_run(connection, term_id, context.signed_in.municipality, today_of(context))
    return context.render(
        "rollover.html",
        http_status=wrong.status,
        run=found,
        rollover_id=new_id(),  # pressing twice sends the same one twice
        why=context.request.form.get("why", ""),
        wrong=wrong,
        words=words,
    )


class RolloverForm(Schema):
    class Meta:
        unknown = EXCLUDE

    rollover_id = IdField(required=True)
    digest = KeyField(required=True, validate=validate.Length(64, 64))
    why = Text(required=True, validate=validate.Length(1, 500))


@routes.page("/staff/terms/<term_id>", access=STAFF, methods=("POST",))
def carry_over_page(context: Context, term_id: str) -> Response:
    """Does what was looked at. Where it has changed since, nothing is done and it is shown as it is now."""
    try:
        form = context.load_form(RolloverForm())
    except ValidationError as error:
        return _dry_run_page(context, term_id, what_is_wrong(context, error))
    new = NewRollover(
        form["rollover_id"], term_id, context.signed_in.municipality, form["digest"], form["why"]
    )
    try:
        with context.parts.storage.unit() as unit:
            carry_over(unit, new, context.signed_in.audit_name)
    except Refused as refused:
        if refused.refusal.name != "rollover_changed":
            raise
        return _dry_run_page(context, term_id, what_is_wrong(context, refused))
    said = context.texts.gettext(N_("It is done, and every family is told."))
    return context.redirect(f"/staff/rollovers/{new.rollover_id}", said)


@routes.page("/staff/rollovers/<rollover_id>", access=STAFF_OF_ROLLOVER)
def rollover_page(context: Context, rollover_id: str) -> Response:
    """What was done, by whom, when and why."""
    with context.parts.storage.reading() as connection:
        mine = queries.rollovers_of(connection, context.signed_in.municipality)
        found = next((each for each in mine if each.rollover_id == rollover_id), None)
        if found is None:
            raise NotFound
        effects = queries.effects_of(connection, rollover_id)
    return context.render("rollover_done.html", rollover=found, effects=effects, words=words)
