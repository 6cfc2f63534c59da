"""Pages of billing: the years, a year's shares with their derivation, and the population figures."""

from __future__ import annotations

from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields
from werkzeug.wrappers import Response

from services.billing import commands, csv_file, presenting, queries
from services.billing.access import READ, SET_BASIS, acting, may_set_basis
from services.billing.domain.basis import members_on
from services.billing.domain.populations import Figure
from services.billing.forms import OpenYearForm, PopulationForm, field_errors
from services.chassis.ids import new_id
from services.chassis.money import format_kronor
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

routes = Routes()

# The field that a refusal is about, so that its words stand where they can be put right.
_FIELD_OF = {
    "budget_not_positive": "budget",
    "budget_too_large": "budget",
    "year_unknown": "year",
    "agreement_missing": "year",
    "no_members": "year",
    "run_id_used": "year",
    "municipality_code_invalid": "municipality_code",
    "population_not_positive": "population",
    "reference_date_impossible": "reference_date",
    "population_changed_meanwhile": "population",
    "source_missing": "source",
}


class VersionQuery(Schema):
    version = fields.Integer(load_default=None)


@routes.page("/finance", access=READ)
def years(context: Context) -> Response:
    return _years_page(context, dict(context.request.args.items()), [], 200)


@routes.page("/finance", access=SET_BASIS, methods=("POST",))
def open_a_year(context: Context) -> Response:
    given = dict(context.request.form.items())
    try:
        form = context.load_form(OpenYearForm())
        with context.parts.storage.unit() as unit:
            run_id = commands.open_year(
                unit,
                form["year"],
                form["budget"],
                form["population_date"],
                acting(context),
                run_id=form["run_id"],
            )
    except ValidationError as error:
        return _years_page(context, given, _translated(context, error), 422)
    except Refused as error:
        return _years_page(
            context, given, [_about_field(context, error.refusal, "population_date")], error.refusal.status
        )
    said = N_("The shares are computed.") if run_id == form["run_id"] else N_("This basis was used already.")
    return context.redirect(f"/finance/{form['year']}", context.texts.gettext(said))


def _years_page(
    context: Context, given: dict[str, str], errors: list[tuple[str, str]], status: int
) -> Response:
    with context.parts.storage.reading() as connection:
        runs = queries.newest_runs(connection)
        dates = queries.population_dates(connection)
        names = queries.municipality_names(connection)
    next_year = runs[0].basis.year + 1 if runs else context.parts.clock.now().year
    return context.render(
        "finance.html",
        http_status=status,
        runs=runs,
        dates=dates,
        own=context.signed_in.municipality,
        region=_region_name(context, names),
        may_set_basis=may_set_basis(context),
        # A form that comes back keeps its id: sent twice, it opens the year once.
        run_id=given.get("run_id") or new_id(),
        given={
            "year": given.get("year") or str(next_year),
            "budget": given.get("budget", ""),
            "population_date": given.get("population_date") or (dates[0][0].isoformat() if dates else ""),
        },
        errors=errors,
        error_of=dict(errors),
    )


def _region_name(context: Context, names: dict[str, str]) -> str:
    county: str = context.parts.settings.county_code
    return names.get(county, county)


def _translated(context: Context, error: ValidationError) -> list[tuple[str, str]]:
    return [(field, context.texts.gettext(message)) for field, message in field_errors(error)]


def _about_field(context: Context, refusal: Refusal, otherwise: str) -> tuple[str, str]:
    return _FIELD_OF.get(refusal.name, otherwise), context.refusal_text(refusal)


@routes.page("/finance/<int:year>", access=READ)
def year_page(context: Context, year: int) -> Response:
    query = context.load_query(VersionQuery())
    with context.parts.storage.reading() as connection:
        run, runs = queries.run_of_year(connection, year, query["version"])
        flow = queries.flow_of_year(connection, year)
        revised = queries.revised_since(connection, run)
        known = queries.municipality_names(connection)
    own = context.signed_in.municipality
    names = presenting.names_of(run, context.texts.gettext(N_("The municipalities together")))
    everybody = {**known, **names}
    return context.render(
        "finance_year.html",
        run=run,
        basis=run.basis,
        members_day=members_on(year),
        runs=runs,
        holds=run.holds(),
        lines=presenting.lines(run, context.language, own),
        derivation=presenting.derivation(run, names, context.language, own),
        agreement_text=run.basis.agreement.text.in_language(context.language),
        sources=sorted({member.source for member in run.basis.members}),
        revised=revised,
        own=own,
        own_name=names.get(own),
        flow=flow,
        flow_terms=presenting.flow_terms(flow, run, everybody, context.language, own),
        amount=lambda ore: format_kronor(ore, context.language),
        who=lambda by: presenting.who(by, everybody),
        may_set_basis=may_set_basis(context),
    )


@routes.page("/finance/<int:year>/shares.csv", access=READ)
def shares_file(context: Context, year: int) -> Response:
    query = context.load_query(VersionQuery())
    return csv_response(context, year, query["version"])


def csv_response(context: Context, year: int, version: int | None) -> Response:
    """The file of a year's shares, the same from page and API."""
    with context.parts.storage.reading() as connection:
        run, _runs = queries.run_of_year(connection, year, version)
    disposition = f'attachment; filename="{csv_file.file_name(run)}"'
    return Response(
        csv_file.shares_csv(run),
        content_type=csv_file.CONTENT_TYPE,
        headers={"Content-Disposition": disposition},
    )


@routes.page("/finance/populations", access=READ)
def populations(context: Context) -> Response:
    return _populations_page(context, {}, [], 200)


@routes.page("/finance/populations", access=SET_BASIS, methods=("POST",))
def record_a_population(context: Context) -> Response:
    given = dict(context.request.form.items())
    try:
        form = context.load_form(PopulationForm())
        with context.parts.storage.unit() as unit:
            recorded = commands.record_populations(unit, [Figure(**form)], acting(context))
    except ValidationError as error:
        return _populations_page(context, given, _translated(context, error), 422)
    except Refused as error:
        field = _about_field(context, error.refusal, "population")
        return _populations_page(context, given, [field], error.refusal.status)
    return context.redirect("/finance/populations", context.texts.gettext(_said(recorded)))


def _said(recorded: commands.Recorded) -> str:
    if recorded.unchanged:
        return N_("That figure was known already.")
    if recorded.revised:
        return N_("The figure is recorded as a revision. The earlier one is kept.")
    return N_("The figure is recorded.")


def _populations_page(
    context: Context, given: dict[str, str], errors: list[tuple[str, str]], status: int
) -> Response:
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
        region=_region_name(context, names),
        may_set_basis=may_set_basis(context),
        given={"municipality_code": "", "reference_date": "", "population": "", "source": "", **given},
        errors=errors,
        error_of=dict(errors),
    )


def _totals(dates: list[date], rows: list[tuple[str, str, list[Any]]]) -> list[int]:
    """The county's population on each date, over the municipalities with a figure."""
    return [
        sum(cells[column].population for _, _, cells in rows if cells[column] is not None)
        for column in range(len(dates))
    ]
