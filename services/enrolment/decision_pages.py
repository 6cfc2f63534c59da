"""A decision as staff read and print it, and what a home municipality lets its pupils take elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.chassis.refusals import N_, Refused
from services.chassis.storage.unit import Unit
from services.chassis.web.access import NotFound, only
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, what_is_wrong
from services.enrolment import ceilings, pupil_queries, queries, statistics, words
from services.enrolment.answering import settle
from services.enrolment.applying_pages import ChosenForm, chosen_in
from services.enrolment.choices import change_chosen
from services.enrolment.domain.answers import ANSWERS
from services.enrolment.for_family import ACTIONS, act_for_family
from services.enrolment.forms import Kronor, Text
from services.enrolment.happenings import happenings
from services.enrolment.pages import today_of
from services.enrolment.rounds import queries as round_queries
from services.enrolment.staff_pages import STAFF

routes = Routes()


def host_of_application(context: Context, application_id: str) -> str | None:
    with context.parts.storage.reading() as connection:
        return queries.host_of_application(connection, application_id)


STAFF_OF_APPLICATION = only("staff", municipality=host_of_application)


class ForFamilyForm(Schema):
    """What a family asked for by phone or on paper; `why` says who asked, and how."""

    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))
    why = Text(required=True, validate=validate.Length(1, 500))


@routes.page("/staff/applications/<application_id>", access=STAFF_OF_APPLICATION)
def decision_page(context: Context, application_id: str) -> Response:
    """Which rule, which facts, what it costs, who stands ahead by kind, and all that has happened since."""
    return _decision(context, application_id, "", NOTHING_WRONG)


@routes.page("/staff/applications/<application_id>", access=STAFF_OF_APPLICATION, methods=("POST",))
def act_for_family_by_staff(context: Context, application_id: str) -> Response:
    """A refusal is said on the page, and nothing has changed."""

    def change(unit: Unit, form: dict[str, Any], by: str) -> None:
        act_for_family(unit, application_id, form["action"], by, why=form["why"])

    said = N_("It is done, as the family asked.")
    return _act(context, application_id, "for-family", ForFamilyForm(), change=change, said=said)


class SettleForm(Schema):
    """`answer` is the one that holds, where two guardians gave different ones."""

    answer = fields.String(required=True, validate=validate.OneOf(ANSWERS))
    why = Text(required=True, validate=validate.Length(1, 500))


@routes.page("/staff/applications/<application_id>/settle", access=STAFF_OF_APPLICATION, methods=("POST",))
def settle_by_staff(context: Context, application_id: str) -> Response:
    """A refusal is said on the page, and nothing has changed."""

    def change(unit: Unit, form: dict[str, Any], by: str) -> None:
        settle(unit, application_id, form["answer"], by, why=form["why"])

    said = N_("It is settled, and both guardians see it on their pages.")
    return _act(context, application_id, "settle", SettleForm(), change=change, said=said)


class ChooseForm(ChosenForm):
    """`why` says who of the family asked, and how."""

    why = Text(required=True, validate=validate.Length(1, 500))


@routes.page("/staff/applications/<application_id>/choose", access=STAFF_OF_APPLICATION, methods=("POST",))
def choose_for_family(context: Context, application_id: str) -> Response:
    """A refusal is said on the page, and nothing has changed."""

    def change(unit: Unit, form: dict[str, Any], by: str) -> None:
        change_chosen(unit, application_id, chosen_in(form), by, form["why"])

    said = N_("The choice is saved, and the price is the new one.")
    return _act(context, application_id, "choose", ChooseForm(), change=change, said=said)


def _act(
    context: Context,
    application_id: str,
    name: str,
    schema: Schema,
    *,
    change: Callable[[Unit, dict[str, Any], str], None],
    said: str,
) -> Response:
    """Back to the page, which says that it is done, or why nothing was; the form `name` is kept."""
    try:
        form = context.load_form(schema)
        with context.parts.storage.unit() as unit:
            change(unit, form, context.signed_in.audit_name)
    except (Refused, ValidationError) as error:
        return _decision(context, application_id, name, what_is_wrong(context, error))
    return context.redirect(f"/staff/applications/{application_id}", context.texts.gettext(said))


def _decision(context: Context, application_id: str, came_back: str, wrong: Wrong) -> Response:
    """`came_back` names the form in which something is wrong."""
    with context.parts.storage.reading() as connection:
        application = queries.application(connection, application_id, today_of(context))
        if application is None:
            raise NotFound
        names = queries.municipality_names(connection)
        events = queries.events(connection, application_id)
        titles = round_queries.titles(connection, [wish[0] for wish in application.wishes])
        answers = pupil_queries.answers_for_staff(connection, application_id)
    return context.render(
        "decision.html",
        http_status=wrong.status,
        application=application,
        happened=happenings(context, events, names),
        titles=titles,
        words=words,
        wrong=wrong,
        came_back=came_back,
        given=context.request.form,
        answers=answers,
        today=today_of(context),
    )


MOST_CEILING_ORE = 100_000_000_00


class CeilingForm(Schema):
    """An empty field is no limit."""

    term_id = fields.String(required=True, validate=validate.Length(1, 64))
    most_places = fields.Integer(load_default=None, validate=validate.Range(0, 100_000))
    most_kronor = Kronor(load_default=None, most_ore=MOST_CEILING_ORE)


@routes.page("/staff/ceilings", access=STAFF)
def ceilings_page(context: Context) -> Response:
    return _ceilings(context, NOTHING_WRONG)


@routes.page("/staff/ceilings", access=STAFF, methods=("POST",))
def set_ceiling(context: Context) -> Response:
    municipality = context.signed_in.municipality
    try:
        form = context.load_form(CeilingForm())
    except ValidationError as error:
        return _ceilings(context, what_is_wrong(context, error))
    with context.parts.storage.reading() as connection:
        known = [term.term_id for term in statistics.terms(connection)]
    if form["term_id"] not in known:
        raise NotFound
    with context.parts.storage.unit() as unit:
        ceilings.set_ceiling(
            unit,
            municipality,
            form["term_id"],
            context.signed_in.audit_name,
            most_places=form["most_places"],
            most_ore=form["most_kronor"],
        )
    is_limited = form["most_places"] is not None or form["most_kronor"] is not None
    said = N_("The ceiling is set.") if is_limited else N_("There is no ceiling for the term now.")
    return context.redirect("/staff/ceilings", context.texts.gettext(said))


def _ceilings(context: Context, wrong: Wrong) -> Response:
    """Where something is `wrong` the term's form holds what was filled in."""
    municipality = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        terms = statistics.terms(connection)
        by_term: dict[str, Any] = {
            term.term_id: ceilings.ceiling_of(connection, municipality, term.term_id) for term in terms
        }
    return context.render(
        "ceilings.html",
        http_status=wrong.status,
        terms=terms,
        ceilings=by_term,
        wrong=wrong,
        given=context.request.form,
    )
