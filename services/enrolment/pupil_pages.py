"""A pupil as staff of its home municipality see it: what is recorded, what has happened, what may change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.chassis.clock import age_on
from services.chassis.refusals import N_, Refused
from services.chassis.storage.unit import Unit
from services.chassis.web.access import Actor, NotFound, only
from services.chassis.web.context import Context
from services.chassis.web.languages import DEFAULT_LANGUAGE, LANGUAGES
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, what_is_wrong
from services.enrolment import households, life, protection, pupil_queries, queries, words
from services.enrolment.commands import ALIAS_MISSING, Contact
from services.enrolment.domain.admission import AGE_OF_MAJORITY
from services.enrolment.forms import KeyField, Text
from services.enrolment.happenings import happenings
from services.enrolment.life import PupilRecord
from services.enrolment.pages import today_of

routes = Routes()


def home_of_pupil(context: Context, pupil_id: str, **_: str) -> str | None:
    with context.parts.storage.reading() as connection:
        return pupil_queries.home_of_pupil(connection, pupil_id)


STAFF_OF_HOME = only("staff", municipality=home_of_pupil)
_CODE = validate.Regexp(r"[0-9]{4}\Z")
_WHY = validate.Length(1, 500)


class SearchForm(Schema):
    text = Text(required=True, validate=validate.Length(2, 100))


@routes.page("/staff/pupils", access=only("staff"))
def search_page(context: Context) -> Response:
    return _search(context, None, NOTHING_WRONG)


@routes.page("/staff/pupils", access=only("staff"), methods=("POST",))
def search_pupils(context: Context) -> Response:
    """Posted, so that no address holds a name."""
    try:
        text = context.load_form(SearchForm())["text"]
    except ValidationError as error:
        return _search(context, None, what_is_wrong(context, error))
    with context.parts.storage.reading() as connection:
        found = pupil_queries.search(connection, context.signed_in.municipality, text)
    return _search(context, found, NOTHING_WRONG)


def _search(context: Context, found: list[pupil_queries.Found] | None, wrong: Wrong) -> Response:
    return context.render(
        "pupils.html",
        http_status=wrong.status,
        found=found,
        most=pupil_queries.MOST_FOUND,
        text=context.request.form.get("text", ""),
        wrong=wrong,
    )


@routes.page("/staff/pupils/<pupil_id>", access=STAFF_OF_HOME)
def pupil_page(context: Context, pupil_id: str) -> Response:
    return _page(context, pupil_id, "", NOTHING_WRONG)


def _page(context: Context, pupil_id: str, opened: str, wrong: Wrong) -> Response:
    """`opened` is the change whose form is open, because it came back."""
    with context.parts.storage.reading() as connection:
        found = pupil_queries.pupil_record(connection, pupil_id)
        if found is None:
            raise NotFound
        names = queries.municipality_names(connection)
        applications = pupil_queries.applications_of_pupil(connection, pupil_id, today_of(context))
        events = pupil_queries.pupil_events_of(connection, pupil_id)
        housemates = households.housemates(connection, pupil_id)
    return context.render(
        "pupil.html",
        http_status=wrong.status,
        pupil=found[0],
        record=found[1],
        applications=applications,
        happened=happenings(context, events, names),
        housemates=housemates,
        wrong=wrong,
        opened=opened,
        given=context.request.form,
        is_of_age=age_on(found[0].born_on, today_of(context)) >= AGE_OF_MAJORITY,
        languages=list(LANGUAGES.items()),
        words=words,
        today=today_of(context).isoformat(),
        municipalities=sorted(names.items(), key=lambda item: item[1]),
    )


class MoveForm(Schema):
    municipality = fields.String(required=True, validate=_CODE)
    moved_on = fields.Date(required=True)
    why = Text(required=True, validate=_WHY)


class IdentityForm(Schema):
    personal_identity = fields.String(required=True, validate=validate.Length(1, 20))
    why = Text(required=True, validate=_WHY)


class GuardianForm(Schema):
    guardian_id = KeyField(required=True, validate=validate.Length(1, 64))
    why = Text(required=True, validate=_WHY)


class ContactForm(Schema):
    """The address of a pupil who is 18 or older; empty where it has none."""

    email = fields.Email(load_default=None, validate=validate.Length(3, 254))
    language = fields.String(load_default=DEFAULT_LANGUAGE, validate=validate.OneOf(tuple(LANGUAGES)))
    why = Text(required=True, validate=_WHY)


class RecordForm(Schema):
    school_municipality = fields.String(load_default=None, validate=_CODE)
    leaves_upper_secondary = fields.Integer(load_default=None, validate=validate.Range(2000, 2100))
    later_limit = fields.Boolean(load_default=False)
    is_teacher = fields.Boolean(load_default=False)
    has_relief = fields.Boolean(load_default=False)
    played_before = fields.Boolean(load_default=False)
    why = Text(required=True, validate=_WHY)


class ProtectionForm(Schema):
    """Protected under the alias; without `protected` the protection ends."""

    protected = fields.Boolean(load_default=False)
    alias = Text(load_default=None, validate=validate.Length(1, 100))
    why = Text(required=True, validate=_WHY)


class HouseholdForm(Schema):
    with_number = fields.String(load_default="", validate=validate.Length(0, 20))
    why = Text(required=True, validate=_WHY)


def _move(unit: Unit, pupil_id: str, form: dict[str, Any], who: Actor) -> None:
    life.move_pupil(unit, pupil_id, form["municipality"], form["moved_on"], who.audit_name, why=form["why"])


def _identity(unit: Unit, pupil_id: str, form: dict[str, Any], who: Actor) -> None:
    life.correct_identity(
        unit, pupil_id, form["personal_identity"], who.audit_name, why=form["why"], scope=who.municipality
    )


def _guardian(unit: Unit, pupil_id: str, form: dict[str, Any], who: Actor) -> None:
    life.connect_guardian(unit, pupil_id, form["guardian_id"], who.audit_name, why=form["why"])


def _contact(unit: Unit, pupil_id: str, form: dict[str, Any], who: Actor) -> None:
    contact = Contact(form["email"], form["language"], "pupil")
    life.record_contact(unit, pupil_id, contact, who.audit_name, why=form["why"])


def _record(unit: Unit, pupil_id: str, form: dict[str, Any], who: Actor) -> None:
    given = dict(form)
    why = given.pop("why")
    life.record_pupil(unit, pupil_id, PupilRecord(**given), who.audit_name, why=why)


def _protection(unit: Unit, pupil_id: str, form: dict[str, Any], who: Actor) -> None:
    if not form["protected"]:
        protection.end_protection(unit, pupil_id, who.audit_name, why=form["why"])
    elif form["alias"] is None:
        raise Refused(ALIAS_MISSING)
    else:
        protection.protect_pupil(unit, pupil_id, form["alias"], who.audit_name, why=form["why"])


def _household(unit: Unit, pupil_id: str, form: dict[str, Any], who: Actor) -> None:
    households.share_household(unit, pupil_id, form["with_number"], who.audit_name, why=form["why"])


_CHANGES: dict[str, tuple[type[Schema], Callable[[Unit, str, dict[str, Any], Actor], None], str]] = {
    "move": (MoveForm, _move, N_("The move is recorded. Place and queue dates are kept.")),
    "identity": (IdentityForm, _identity, N_("The number is corrected.")),
    "guardian": (GuardianForm, _guardian, N_("The guardian is connected.")),
    "household": (HouseholdForm, _household, N_("With whom the pupil lives is recorded.")),
    "protection": (ProtectionForm, _protection, N_("The protection is recorded, and holds from now on.")),
    "contact": (ContactForm, _contact, N_("The address is recorded: the pupil's letters go there.")),
    "record": (RecordForm, _record, N_("What is recorded of the pupil is changed.")),
}


def make_change(context: Context, pupil_id: str, change: str, form: dict[str, Any]) -> None:
    """`form` as the change's schema loads it. Raises Refused, and then nothing has changed."""
    _, command, _ = _CHANGES[change]
    with context.parts.storage.unit() as unit:
        command(unit, pupil_id, form, context.signed_in)


@routes.page(
    "/staff/pupils/<pupil_id>/<any(move,identity,guardian,contact,household,protection,record):change>",
    access=STAFF_OF_HOME,
    methods=("POST",),
)
def change_pupil(context: Context, pupil_id: str, change: str) -> Response:
    """A refusal is said on the page, and nothing has changed."""
    schema, _, said = _CHANGES[change]
    try:
        form = context.load_form(schema())
        make_change(context, pupil_id, change, form)
    except (Refused, ValidationError) as error:
        return _page(context, pupil_id, change, what_is_wrong(context, error))
    moved_away = change == "move" and form["municipality"] != context.signed_in.municipality
    path = "/staff" if moved_away else f"/staff/pupils/{pupil_id}"
    return context.redirect(path, context.texts.gettext(said))
