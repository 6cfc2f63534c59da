"""How each payer wants its invoices: what counts now, what is missing, and every version: who and when."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.billing.access import READ, SET_PAYER, acting
from services.billing.commands.payers import record_payer
from services.billing.domain.payers import PayerDetails
from services.billing.forms import REQUIRED, STALE_FORM
from services.billing.presenting import swedish_order, who
from services.billing.queries import invoices as queries
from services.billing.queries.basis import municipality_names
from services.chassis.municipality import covers
from services.chassis.refusals import N_, Refused
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import sentences

routes = Routes()

FIELDS = (
    "legal_name",
    "organisation_number",
    "peppol_id",
    "order_reference",
    "street",
    "postal_code",
    "town",
    "contact",
)
# Without these no e-invoice passes the rules.
NEEDED = ("legal_name", "organisation_number", "order_reference", "street", "postal_code", "town")
_FIELD_OF = {
    "payer_name_missing": "legal_name",
    "organisation_number_invalid": "organisation_number",
    "postal_code_invalid": "postal_code",
    "peppol_id_invalid": "peppol_id",
}


def _text(longest: int, *, required: bool = False) -> fields.String:
    length = validate.Length(max=longest, error=N_("That is too long."))
    if required:
        return fields.String(required=True, validate=length, error_messages={"required": REQUIRED})
    return fields.String(load_default="", validate=length)


class PayerForm(Schema):
    seen = fields.Integer(required=True, error_messages={"required": STALE_FORM, "invalid": STALE_FORM})
    legal_name = _text(200, required=True)
    organisation_number = _text(20, required=True)
    peppol_id = _text(60)
    order_reference = _text(100)
    street = _text(200)
    postal_code = _text(10)
    town = _text(100)
    contact = _text(200)


@routes.page("/finance/payers", access=READ)
def payers_page(context: Context) -> Response:
    with context.parts.storage.reading() as connection:
        names = municipality_names(connection)
        details = queries.payer_details(connection)
    rows = [(code, name, details.get(code)) for code, name in names.items()]
    return context.render(
        "finance_payers.html",
        rows=sorted(rows, key=lambda row: (len(row[0]) == 2, swedish_order(row[1]))),
        missing=lambda known: [name for name in NEEDED if not getattr(known, name)],
        own=context.signed_in.municipality,
    )


@routes.page("/finance/payers/<string:payer_code>", access=READ)
def payer_page(context: Context, payer_code: str) -> Response:
    return _page(context, payer_code, {}, [], 200)


def _page(
    context: Context, code: str, given: dict[str, str], errors: list[tuple[str, str]], status: int
) -> Response:
    with context.parts.storage.reading() as connection:
        names = municipality_names(connection)
        versions = queries.payer_revisions(connection, code)
    if code not in names:
        raise NotFound
    newest: Any = versions[0] if versions else None
    kept = {name: getattr(newest, name) if newest else "" for name in FIELDS}
    return context.render(
        "finance_payer.html",
        http_status=status,
        code=code,
        name=names[code],
        versions=versions,
        newest=newest,
        given={"seen": str(newest.revision if newest else 0), **kept, **given},
        errors=errors,
        error_of=dict(errors),
        may_change=covers(context.signed_in.municipality, code),
        who=lambda by: who(by, names),
    )


@routes.page("/finance/payers/<string:payer_code>", access=SET_PAYER, methods=("POST",))
def change_a_payer(context: Context, payer_code: str) -> Response:
    given = dict(context.request.form.items())
    try:
        form = context.load_form(PayerForm())
        seen = form.pop("seen")
        with context.parts.storage.unit() as unit:
            record_payer(unit, PayerDetails(payer_code, **form), acting(context), seen=seen)
    except ValidationError as error:
        return _page(context, payer_code, given, sentences(context, error), 422)
    except Refused as error:
        field = _FIELD_OF.get(error.refusal.name, "legal_name")
        words = context.refusal_text(error.refusal)
        return _page(context, payer_code, given, [(field, words)], error.refusal.status)
    said = N_("The details are kept. They count from the next invoice; issued ones stay as they are.")
    return context.redirect(f"/finance/payers/{payer_code}", context.texts.gettext(said))
