"""Population figures: every date, every vintage, and a form to record one."""

from __future__ import annotations

from datetime import date
from typing import Any

from marshmallow import ValidationError
from werkzeug.wrappers import Response

from services.billing import presenting
from services.billing.access import READ, SET_BASIS, acting, may_set_basis
from services.billing.commands import basis as commands
from services.billing.domain.populations import Figure
from services.billing.forms import PopulationForm
from services.billing.pages.common import about_field, region_name
from services.billing.queries import basis as queries
from services.chassis.refusals import N_, Refused
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import sentences

routes = Routes()


@routes.page("/finance/populations", access=READ)
def populations(context: Context) -> Response:
    return populations_page(context, {}, [], 200)


@routes.page("/finance/populations", access=SET_BASIS, methods=("POST",))
def record_a_population(context: Context) -> Response:
    given = dict(context.request.form.items())
    try:
        form = context.load_form(PopulationForm())
        with context.parts.storage.unit() as unit:
            recorded = commands.record_populations(unit, [Figure(**form)], acting(context))
    except ValidationError as error:
        return populations_page(context, given, sentences(context, error), 422)
    except Refused as error:
        field = about_field(context, error.refusal, "population")
        return populations_page(context, given, [field], error.refusal.status)
    return context.redirect("/finance/populations", context.texts.gettext(_said(recorded)))


def _said(recorded: commands.Recorded) -> str:
    if recorded.unchanged:
        return N_("That figure was known already.")
    if recorded.revised:
        return N_("The figure is recorded as a revision. The earlier one is kept.")
    return N_("The figure is recorded.")


def populations_page(
    context: Context, given: dict[str, str], errors: list[tuple[str, str]], status: int
) -> Response:
    """The page with what was given and what was wrong with it; shared with the import of files."""
    with context.parts.storage.reading() as connection:
        vintages = queries.population_vintages(connection)
        names = queries.municipality_names(connection)
    dates, rows = presenting.population_matrix(vintages, names)
    region_code = context.parts.settings.county_code
    municipalities = sorted(
        ((code, name) for code, name in names.items() if code != region_code),
        key=lambda item: presenting.swedish_order(item[1]),
    )
    return context.render(
        "finance_populations.html",
        http_status=status,
        dates=dates,
        rows=rows,
        totals=_totals(dates, rows),
        sources=presenting.sources_by_date(vintages, names),
        municipalities=municipalities,
        own=context.signed_in.municipality,
        region=region_name(context, names),
        may_set_basis=may_set_basis(context),
        given={
            "municipality_code": "",
            "reference_date": "",
            "population": "",
            "source": "",
            "file_source": "",
            **given,
        },
        errors=errors,
        error_of=dict(errors),
    )


def _totals(dates: list[date], rows: list[tuple[str, str, list[Any]]]) -> list[int]:
    """The county's population on each date, over the municipalities with a figure."""
    return [
        sum(cells[column].population for _, _, cells in rows if cells[column] is not None)
        for column in range(len(dates))
    ]
