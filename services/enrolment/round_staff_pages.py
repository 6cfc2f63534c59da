"""Pages of the admission round for staff: open, rehearse, run, publish, and act for who has no place."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refused
from services.chassis.storage.unit import Unit
from services.chassis.web.access import NotFound, only
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, what_is_wrong
from services.enrolment import words
from services.enrolment.forms import KeyField, Text
from services.enrolment.pages import today_of
from services.enrolment.round_pages import MOST_WISHES
from services.enrolment.rounds import commands, outcomes, queries
from services.enrolment.rounds.acting import ForChild, apply_for_child
from services.enrolment.rounds.commands import FINAL, REHEARSAL, NewRound
from services.enrolment.staff_pages import STAFF
from services.enrolment.tables import rounds, terms

routes = Routes()
RESERVED = "reserved_"  # how the fields are named that hold the seats of a municipality
MOST_RESERVED = 99


def scope_of_round(context: Context, round_id: str, action: str = "") -> str | None:
    with context.parts.storage.reading() as connection:
        return queries.scope_of_round(connection, round_id)


STAFF_OF_ROUND = only("staff", municipality=scope_of_round)


@routes.page("/staff/rounds", access=STAFF)
def rounds_page(context: Context) -> Response:
    return _rounds_page(context, {"round_id": new_id(), "most_wishes": "5"}, NOTHING_WRONG)


def _rounds_page(context: Context, form: Mapping[str, str], wrong: Wrong) -> Response:
    with context.parts.storage.reading() as connection:
        mine = rounds.c.scope.startswith(context.signed_in.municipality)
        found = queries.rounds_where(connection, mine)
        open_terms = connection.execute(terms.select().order_by(terms.c.starts_on.desc())).all()
        names = queries.municipality_names(connection)
        kept = queries.kept_by_rule_books(connection, context.signed_in.municipality, today_of(context))
    return context.render(
        "rounds.html",
        http_status=wrong.status,
        rounds=found,
        terms=[(t.term_id, t.name_en if context.language == "en" else t.name_sv) for t in open_terms],
        names=names,
        kept=kept,
        form=form,
        wrong=wrong,
        words=words,
    )


class RoundForm(Schema):
    """Beside these a number for each municipality, `reserved_<code>`."""

    class Meta:
        unknown = EXCLUDE

    round_id = IdField(required=True)
    term_id = fields.String(required=True, validate=validate.Length(1, 64))
    most_wishes = fields.Integer(required=True, validate=validate.Range(1, MOST_WISHES))


@routes.page("/staff/rounds", access=STAFF, methods=("POST",))
def open_round(context: Context) -> Response:
    try:
        form = context.load_form(RoundForm())
        new = NewRound(
            **form,
            scope=context.signed_in.municipality,
            seed=secrets.token_hex(16),
            reserved=_reserved(context.request.form),
        )
        with context.parts.storage.unit() as unit:
            commands.open_round(unit, new, context.signed_in.audit_name)
    except (Refused, ValidationError) as error:
        return _rounds_page(context, context.request.form, what_is_wrong(context, error))
    said = context.texts.gettext(N_("The round is open: families can rank."))
    return context.redirect(f"/staff/rounds/{new.round_id}", said)


def _reserved(form: Mapping[str, str]) -> dict[str, int]:
    """Seats by municipality; an empty field is none typed. Raises ValidationError with the fields' names."""
    number = fields.Integer(validate=validate.Range(0, MOST_RESERVED))
    given: dict[str, int] = {}
    errors: dict[str, list[str]] = {}
    for name, text in form.items():
        if name.startswith(RESERVED) and text.strip():
            try:
                given[name.removeprefix(RESERVED)] = number.deserialize(text)
            except ValidationError as error:
                errors[name] = error.messages  # type: ignore[assignment]  # of one field, so a list
    if errors:
        raise ValidationError(errors)
    return given


class RoundQuery(Schema):
    page = fields.Integer(load_default=1, validate=validate.Range(1, 100_000))


@routes.page("/staff/rounds/<round_id>", access=STAFF_OF_ROUND)
def round_page(context: Context, round_id: str) -> Response:
    return _round_page(context, round_id, context.load_query(RoundQuery())["page"], NOTHING_WRONG)


def _round_page(context: Context, round_id: str, page: int, wrong: Wrong) -> Response:
    """Every run so far, the newest compared with the one before, and who is or would be without a place.

    `wrong` is about the form of the child in it.
    """
    with context.parts.storage.reading() as connection:
        found = queries.round_of(connection, round_id)
        if found is None:
            raise NotFound
        runs = outcomes.runs_of(connection, round_id)
        compared = outcomes.compare(connection, runs[1].run_id, runs[0].run_id) if len(runs) > 1 else None
        number, without = outcomes.page_without(connection, found, runs, page)
        names = queries.municipality_names(connection)
        kept = kept_seats(connection, found, today_of(context))
        states = queries.states_of(connection, round_id)
        titles = queries.titles(connection, states)
    return context.render(
        "round.html",
        http_status=wrong.status,
        round=found,
        runs=runs,
        compared=compared,
        number=number,
        without=without,
        free=outcomes.free_courses(states, titles) if found.state == "published" else [],
        page=page,
        pages=-(-number // outcomes.CHILDREN_A_PAGE),
        page_url=lambda other: f"/staff/rounds/{round_id}?page={other}#without",
        kept=kept,
        names=names,
        titles=titles,
        new_id=new_id,
        wrong=wrong,
        given=context.request.form,
        words=words,
    )


def kept_seats(connection: sa.Connection, found: queries.Round, today: date) -> list[queries.KeptSeats]:
    """What the rule books keep in the round, beside what staff typed for it and that goes before them."""
    books = queries.kept_by_rule_books(connection, found.scope, today, found.term_id)
    return [each for each in books if each.municipality_code not in found.reserved]


def _rehearse(unit: Unit, round_id: str, run_id: str, by: str) -> None:
    commands.run_round(unit, round_id, run_id, REHEARSAL, by)


def _run(unit: Unit, round_id: str, run_id: str, by: str) -> None:
    commands.run_round(unit, round_id, run_id, FINAL, by)


def _publish(unit: Unit, round_id: str, _run_id: str, by: str) -> None:
    commands.publish_round(unit, round_id, by)


_ACTIONS = {
    "rehearse": (_rehearse, N_("This is what would happen. Nothing has changed for anybody.")),
    "run": (_run, N_("The round has been run and the ranking is closed. Publish it when you have read it.")),
    "publish": (_publish, N_("The round is published: every family is told.")),
}


class RunForm(Schema):
    run_id = IdField(required=True)


@routes.page("/staff/rounds/<round_id>/<any(run,publish):action>", access=STAFF_OF_ROUND)
def ask_first(context: Context, round_id: str, action: str) -> Response:
    """What it means, with the figures of the newest run, before it is done and cannot be undone."""
    with context.parts.storage.reading() as connection:
        found = queries.round_of(connection, round_id)
        runs = outcomes.runs_of(connection, round_id)
    if found is None:
        raise NotFound
    if found.state != ("open" if action == "run" else "run"):
        return context.redirect(f"/staff/rounds/{round_id}")
    return context.render(
        "round_confirm.html",
        round=found,
        action=action,
        newest=runs[0] if runs else None,
        run_id=new_id(),
        words=words,
    )


@routes.page(
    "/staff/rounds/<round_id>/<any(rehearse,run,publish):action>", access=STAFF_OF_ROUND, methods=("POST",)
)
def act_on_round(context: Context, round_id: str, action: str) -> Response:
    form = context.load_form(RunForm())
    command, said = _ACTIONS[action]
    with context.parts.storage.unit() as unit:
        command(unit, round_id, form["run_id"], context.signed_in.audit_name)
    return context.redirect(f"/staff/rounds/{round_id}", context.texts.gettext(said))


class ForChildForm(Schema):
    """`why` says who of the family asked, and how."""

    application_id = IdField(required=True)
    pupil_id = KeyField(required=True, validate=validate.Length(1, 64))
    course_id = KeyField(required=True, validate=validate.Length(1, 64))
    why = Text(required=True, validate=validate.Length(1, 500))


@routes.page("/staff/rounds/<round_id>/apply", access=STAFF_OF_ROUND, methods=("POST",))
def apply_for_child_by_staff(context: Context, round_id: str) -> Response:
    """A seat that was left in the round, for a child without any. A refusal is said at the child."""
    try:
        form = context.load_form(ForChildForm())
        with context.parts.storage.unit() as unit:
            outcome = apply_for_child(unit, ForChild(round_id, **form), context.signed_in.audit_name)
    except (Refused, ValidationError) as error:
        return _round_page(context, round_id, 1, what_is_wrong(context, error))
    said = N_("The pupil has a place.") if outcome.state == "placed" else N_("The pupil is in the queue.")
    return context.redirect(f"/staff/rounds/{round_id}#without", context.texts.gettext(said))
