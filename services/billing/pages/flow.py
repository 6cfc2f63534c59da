"""The facts behind a figure of the flow: places of one home municipality with one host in a term."""

from __future__ import annotations

from werkzeug.wrappers import Response

from services.billing.access import READ
from services.billing.pages.common import year_values
from services.billing.queries import flow as queries
from services.billing.queries.basis import municipality_names
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

routes = Routes()


@routes.page("/finance/<int:year>/flow/<string:term_id>/<string:home>/<string:host>", access=READ)
def facts_page(context: Context, year: int, term_id: str, home: str, host: str) -> Response:
    with context.parts.storage.reading() as connection:
        term = queries.term_name(connection, term_id)
        found = queries.facts_behind(connection, term_id, home, host)
        names = municipality_names(connection)
    return context.render(
        "finance_flow.html",
        **year_values(context, year, "shares"),
        term=term,
        found=found,
        held=sum(each.ended_at is None for each in found),
        home=names.get(home, home),
        host=names.get(host, host),
    )
