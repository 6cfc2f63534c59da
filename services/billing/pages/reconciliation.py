"""Does a year agree? Budget, shares, invoices and ledger beside each other, a row a payer."""

from __future__ import annotations

from dataclasses import replace

from werkzeug.wrappers import Response

from services.billing import presenting_books
from services.billing.access import READ, may_set_basis
from services.billing.domain.reconciling import BUCKETS, Reconciliation
from services.billing.pages.common import year_values
from services.billing.queries.reconciliation import reconciliation
from services.billing.siebook import claims_in_sie
from services.chassis.clock import local_date
from services.chassis.web.context import Context
from services.chassis.web.languages import kronor
from services.chassis.web.routes import Routes

routes = Routes()


@routes.page("/finance/<int:year>/reconciliation", access=READ)
def reconciliation_page(context: Context, year: int) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        found = reconciliation(connection, year, context.parts.chart, today)
        told = claims_in_sie(connection, year, context.parts.chart, context.parts.issuer, today)
    found = replace(found, sie_ore=told)
    return context.render(
        "finance_reconciliation.html",
        **year_values(context, year, "reconciliation"),
        found=found,
        rows=presenting_books.rows_by_name(found.rows),
        equations=presenting_books.equations(found),
        causes=_causes(context, found),
        buckets=BUCKETS,
        bucket_names=presenting_books.BUCKET_NAMES,
        age_heads=[(context.texts.gettext(name), "num") for name in presenting_books.BUCKET_NAMES.values()],
        aged=presenting_books.aged(found),
        may_set_basis=may_set_basis(context),
    )


def _causes(context: Context, found: Reconciliation) -> list[tuple[str, str]]:
    """Each difference as a line: who, how much, and which invoices it comes from."""
    lines = []
    for row, cause in presenting_books.causes(found):
        why = context.texts.gettext(presenting_books.CAUSES[cause.kind]) % {
            "instalments": ", ".join(map(str, cause.instalments)),
            "versions": ", ".join(map(str, cause.versions)),
        }
        lines.append(("no", f"{row.name}: {kronor(cause.ore)}. {why}"))
    return lines
