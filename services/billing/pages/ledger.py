"""The ledger of a year: balances, vouchers, a booking by hand, and closing of months."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.billing import presenting_books
from services.billing.access import READ, SET_BASIS, acting, may_set_basis
from services.billing.commands import ledger as commands
from services.billing.commands.ledger import Entry
from services.billing.domain.ledger import month_after, month_of
from services.billing.forms import REQUIRED, WRITE_DATE, Kronor
from services.billing.pages.common import about_field, attempt, year_values
from services.billing.presenting import who
from services.billing.queries import ledger as queries
from services.billing.queries.basis import municipality_names
from services.chassis.clock import local_date
from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refused
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import sentences

routes = Routes()


class EntryForm(Schema):
    voucher_id = IdField(required=True)
    booked_on = fields.Date(required=True, error_messages={"required": REQUIRED, "invalid": WRITE_DATE})
    debit = fields.String(required=True, error_messages={"required": REQUIRED})
    credit = fields.String(required=True, error_messages={"required": REQUIRED})
    amount = Kronor(required=True, error_messages={"required": REQUIRED})
    reason = fields.String(
        required=True,
        validate=validate.Length(max=300, error=N_("At most 300 characters.")),
        error_messages={"required": REQUIRED},
    )


class ReverseForm(Schema):
    new_id = IdField(required=True)
    reason = fields.String(load_default="", validate=validate.Length(max=300))


class CloseForm(Schema):
    month = fields.Date(required=True, error_messages={"required": REQUIRED, "invalid": WRITE_DATE})


@routes.page("/finance/<int:year>/ledger", access=READ)
def ledger_page(context: Context, year: int) -> Response:
    return _page(context, year, {}, [], 200)


def _page(
    context: Context, year: int, given: dict[str, str], errors: list[tuple[str, str]], status: int
) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        found = queries.vouchers_of_year(connection, year)
        balances = queries.balances(connection, year)
        closings = queries.closings(connection)
        names = municipality_names(connection)
    months = sorted({month_of(each.booked_on) for each in found} - set(closings))
    chart = context.parts.chart
    by_hand = [a for a in chart.accounts.values() if a.number not in chart.claims]
    return context.render(
        "finance_ledger.html",
        http_status=status,
        **year_values(context, year, "ledger"),
        found=found,
        balances=balances,
        accounts=chart.names,
        chart_source=chart.source,
        choices=[(a.number, f"{a.number} {a.name}") for a in sorted(by_hand, key=lambda a: a.number)],
        kinds=presenting_books.KINDS_OF_VOUCHER,
        names=names,
        closings=closings,
        months=[month for month in months if month_after(month) <= month_of(today)],
        may_set_basis=may_set_basis(context),
        voucher_id=given.get("voucher_id") or new_id(),
        reversal_id=new_id(),
        given={
            "debit": "",
            "credit": "",
            "amount": "",
            "reason": "",
            "booked_on": today.isoformat(),
            **given,
        },
        errors=errors,
        error_of=dict(errors),
        who=lambda by: who(by, names),
    )


@routes.page("/finance/<int:year>/ledger", access=SET_BASIS, methods=("POST",))
def book_by_hand(context: Context, year: int) -> Response:
    given = dict(context.request.form.items())
    try:
        form = context.load_form(EntryForm())
        amount_ore = form.pop("amount")
        with context.parts.storage.unit() as unit:
            entry = Entry(year=year, amount_ore=amount_ore, **form)
            commands.book_by_hand(unit, entry, context.parts.chart, acting(context))
    except ValidationError as error:
        return _page(context, year, given, sentences(context, error), 422)
    except Refused as error:
        field = about_field(context, error.refusal, "amount")
        return _page(context, year, given, [field], error.refusal.status)
    return context.redirect(f"/finance/{year}/ledger", context.texts.gettext(N_("The voucher is booked.")))


@routes.page("/finance/<int:year>/ledger/<string:voucher_id>/reverse", access=SET_BASIS, methods=("POST",))
def reverse_by_hand(context: Context, year: int, voucher_id: str) -> Response:
    form = context.load_form(ReverseForm())

    def act() -> str:
        with context.parts.storage.unit() as unit:
            commands.refuse_other_year(unit, voucher_id, year)
            commands.reverse(
                unit,
                voucher_id,
                context.parts.chart,
                acting(context),
                new_id=form["new_id"],
                reason=form["reason"] or context.texts.gettext(N_("Reversed")),
            )
        return N_("The voucher is reversed.")

    return attempt(context, f"/finance/{year}/ledger", act)


@routes.page("/finance/<int:year>/ledger/closing", access=SET_BASIS, methods=("POST",))
def close_a_month(context: Context, year: int) -> Response:
    form = context.load_form(CloseForm())

    def act() -> str:
        with context.parts.storage.unit() as unit:
            commands.close_month(unit, form["month"], acting(context))
        return N_("The month is closed. Nothing more is booked in it.")

    return attempt(context, f"/finance/{year}/ledger", act)
