"""A decision as staff read and print it, and what a home municipality lets its pupils take elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, fields, validate
from werkzeug.wrappers import Response

from services.chassis.money import parse_kronor
from services.chassis.refusals import N_, Refused
from services.chassis.storage.unit import Unit
from services.chassis.web.access import NotFound, only
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.enrolment import life, pupil_queries, queries, statistics, words
from services.enrolment.answering import settle
from services.enrolment.applying_pages import ChosenForm, chosen_in
from services.enrolment.choices import change_chosen
from services.enrolment.domain.answers import ANSWERS
from services.enrolment.for_family import ACTIONS, act_for_family
from services.enrolment.forms import Text
from services.enrolment.pages import today_of
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
    return _decision(context, application_id, "", 200)


@routes.page("/staff/applications/<application_id>", access=STAFF_OF_APPLICATION, methods=("POST",))
def act_for_family_by_staff(context: Context, application_id: str) -> Response:
    """A refusal is said on the page, and nothing has changed."""
    form = context.load_form(ForFamilyForm())

    def change(unit: Unit, by: str) -> None:
        act_for_family(unit, application_id, form["action"], by, why=form["why"])

    return _act(context, application_id, change, N_("It is done, as the family asked."))


class SettleForm(Schema):
    """`answer` is the one that holds, where two guardians gave different ones."""

    answer = fields.String(required=True, validate=validate.OneOf(ANSWERS))
    why = Text(required=True, validate=validate.Length(1, 500))


@routes.page("/staff/applications/<application_id>/settle", access=STAFF_OF_APPLICATION, methods=("POST",))
def settle_by_staff(context: Context, application_id: str) -> Response:
    """A refusal is said on the page, and nothing has changed."""
    form = context.load_form(SettleForm())

    def change(unit: Unit, by: str) -> None:
        settle(unit, application_id, form["answer"], by, why=form["why"])

    return _act(
        context, application_id, change, N_("It is settled, and both guardians see it on their pages.")
    )


class ChooseForm(ChosenForm):
    """`why` says who of the family asked, and how."""

    why = Text(required=True, validate=validate.Length(1, 500))


@routes.page("/staff/applications/<application_id>/choose", access=STAFF_OF_APPLICATION, methods=("POST",))
def choose_for_family(context: Context, application_id: str) -> Response:
    """A refusal is said on the page, and nothing has changed."""
    form = context.load_form(ChooseForm())

    def change(unit: Unit, by: str) -> None:
        change_chosen(unit, application_id, chosen_in(form), by, form["why"])

    return _act(context, application_id, change, N_("The choice is saved, and the price is the new one."))


def _act(context: Context, application_id: str, change: Callable[[Unit, str], None], said: str) -> Response:
    """Back to the page, which says that it is done, or why nothing was."""
    try:
        with context.parts.storage.unit() as unit:
            change(unit, context.signed_in.audit_name)
    except Refused as refused:
        return _decision(
            context, application_id, context.refusal_text(refused.refusal), refused.refusal.status
        )
    return context.redirect(f"/staff/applications/{application_id}", context.texts.gettext(said))


def _decision(context: Context, application_id: str, error: str, status: int) -> Response:
    with context.parts.storage.reading() as connection:
        application = queries.application(connection, application_id, today_of(context))
        if application is None:
            raise NotFound
        events = queries.events(connection, application_id)
        answers = pupil_queries.answers_for_staff(connection, application_id)
    return context.render(
        "decision.html",
        http_status=status,
        application=application,
        events=events,
        words=words,
        error=error,
        answers=answers,
        today=today_of(context),
    )


class CeilingForm(Schema):
    """An empty field is no limit."""

    term_id = fields.String(required=True, validate=validate.Length(1, 64))
    most_places = fields.Integer(load_default=None, validate=validate.Range(0, 100_000))
    most_kronor = fields.String(load_default=None, validate=validate.Length(1, 20))


@routes.page("/staff/ceilings", access=STAFF)
def ceilings_page(context: Context) -> Response:
    return _ceilings(context, "", 200)


@routes.page("/staff/ceilings", access=STAFF, methods=("POST",))
def set_ceiling(context: Context) -> Response:
    form = context.load_form(CeilingForm())
    municipality = context.signed_in.municipality
    try:
        most_ore = None if form["most_kronor"] is None else parse_kronor(form["most_kronor"])
    except ValueError:
        return _ceilings(context, context.texts.gettext(N_("Write an amount in kronor.")), 422)
    with context.parts.storage.reading() as connection:
        known = [term.term_id for term in statistics.terms(connection)]
    if form["term_id"] not in known:
        raise NotFound
    with context.parts.storage.unit() as unit:
        life.set_ceiling(
            unit,
            municipality,
            form["term_id"],
            context.signed_in.audit_name,
            most_places=form["most_places"],
            most_ore=most_ore,
        )
    return context.redirect("/staff/ceilings", context.texts.gettext(N_("The ceiling is set.")))


def _ceilings(context: Context, error: str, status: int) -> Response:
    municipality = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        terms = statistics.terms(connection)
        ceilings: dict[str, Any] = {
            term.term_id: statistics.ceiling_of(connection, municipality, term.term_id) for term in terms
        }
    return context.render("ceilings.html", http_status=status, terms=terms, ceilings=ceilings, error=error)
