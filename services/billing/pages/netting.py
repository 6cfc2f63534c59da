"""Hosts' approved costs beside their open invoices: what would be set off, before it is."""

from __future__ import annotations

from marshmallow import Schema, fields
from werkzeug.wrappers import Response

from services.billing.access import READ, SET_BASIS, acting, may_set_basis
from services.billing.commands.netting import net
from services.billing.pages.common import attempt, year_values
from services.billing.queries.basis import municipality_names, run_of_year
from services.billing.queries.netting import settings
from services.chassis.ids import new_id
from services.chassis.refusals import N_
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes

routes = Routes()


class NettingForm(Schema):
    netting_id = IdField(required=True)
    total_ore = fields.Integer(required=True)


@routes.page("/finance/<int:year>/netting", access=READ)
def netting_page(context: Context, year: int) -> Response:
    with context.parts.storage.reading() as connection:
        run, _runs = run_of_year(connection, year)
        found = settings(connection, year, context.parts.chart)
        names = municipality_names(connection)
    terms = run.basis.agreement.terms
    return context.render(
        "finance_netting.html",
        **year_values(context, year, "reconciliation"),
        found=found,
        total_ore=sum(each.netted_ore for each in found),
        agreed=terms is not None and terms.netting,
        names=names,
        netting_id=new_id(),
        may_set_basis=may_set_basis(context),
    )


@routes.page("/finance/<int:year>/netting", access=SET_BASIS, methods=("POST",))
def settle(context: Context, year: int) -> Response:
    form = context.load_form(NettingForm())

    def act() -> str:
        with context.parts.storage.unit() as unit:
            net(unit, year, context.parts.chart, acting(context), **form)
        return N_("The costs are set off and booked.")

    return attempt(context, f"/finance/{year}/netting", act)
