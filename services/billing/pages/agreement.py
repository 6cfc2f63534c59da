"""The agreement by version: who is a member, who pays when, and what happens when somebody leaves."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.billing.access import READ, SET_BASIS, acting, may_set_basis
from services.billing.commands import agreements as commands
from services.billing.forms import REQUIRED, WRITE_DATE
from services.billing.pages.common import about_field, region_name
from services.billing.presenting import swedish_order
from services.billing.presenting_agreement import CHANGES, INSTALMENTS, ROUNDING
from services.billing.queries import basis as queries
from services.chassis.refusals import N_, Refused
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import sentences

routes = Routes()

JOINS, LEAVES = "joins", "leaves"


class ChangeForm(Schema):
    municipality_code = fields.String(
        required=True, validate=validate.Length(max=4), error_messages={"required": REQUIRED}
    )
    change = fields.String(
        required=True, validate=validate.OneOf((JOINS, LEAVES)), error_messages={"required": REQUIRED}
    )
    day = fields.Date(required=True, error_messages={"required": REQUIRED, "invalid": WRITE_DATE})


@routes.page("/finance/agreement", access=READ)
def agreement_page(context: Context) -> Response:
    return _page(context, {}, [], 200)


def _page(context: Context, given: dict[str, str], errors: list[tuple[str, str]], status: int) -> Response:
    with context.parts.storage.reading() as connection:
        versions = queries.every_agreement(connection)
        registered = queries.registered_members(connection)
        names = queries.municipality_names(connection)
    newest = versions[0] if versions else None
    terms = newest.terms if newest else None
    members = registered if terms is None or terms.members is None else terms.members
    return context.render(
        "finance_agreement.html",
        http_status=status,
        versions=versions,
        newest=newest,
        terms=terms,
        members=sorted(members, key=lambda m: (swedish_order(m.name), m.joined_on)),
        municipalities=sorted(
            ((code, name) for code, name in names.items() if len(code) == 4),
            key=lambda item: swedish_order(item[1]),
        ),
        instalments=INSTALMENTS,
        rounding=ROUNDING,
        changes=CHANGES,
        region=region_name(context, names),
        own=context.signed_in.municipality,
        may_set_basis=may_set_basis(context),
        given={"municipality_code": "", "change": LEAVES, "day": "", **given},
        errors=errors,
        error_of=dict(errors),
    )


@routes.page("/finance/agreement", access=SET_BASIS, methods=("POST",))
def change_a_member(context: Context) -> Response:
    given = dict(context.request.form.items())
    try:
        form = context.load_form(ChangeForm())
        days = {"joined_on" if form["change"] == JOINS else "left_on": form["day"]}
        with context.parts.storage.unit() as unit:
            commands.change_member(unit, form["municipality_code"], acting(context), **days)
    except ValidationError as error:
        return _page(context, given, sentences(context, error), 422)
    except Refused as error:
        return _page(context, given, [about_field(context, error.refusal, "day")], error.refusal.status)
    said = N_("A new version of the agreement is recorded. Compute the years it touches again.")
    return context.redirect("/finance/agreement", context.texts.gettext(said))
