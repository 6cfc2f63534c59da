"""Pages of the years: which are opened, and a year's shares with their derivation."""

from __future__ import annotations

from marshmallow import ValidationError
from werkzeug.wrappers import Response

from services.billing import presenting
from services.billing.access import READ, SET_BASIS, acting, may_set_basis
from services.billing.commands import basis as commands
from services.billing.domain.basis import members_on
from services.billing.forms import OpenYearForm
from services.billing.pages.common import VersionQuery, about_field, csv_response, region_name
from services.billing.queries import basis as queries
from services.billing.queries.flow import flow_of_year
from services.chassis.ids import new_id
from services.chassis.money import format_kronor
from services.chassis.refusals import N_, Refused
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import sentences

routes = Routes()


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
        return _years_page(context, given, sentences(context, error), 422)
    except Refused as error:
        return _years_page(
            context, given, [about_field(context, error.refusal, "population_date")], error.refusal.status
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
        region=region_name(context, names),
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


@routes.page("/finance/<int:year>", access=READ)
def year_page(context: Context, year: int) -> Response:
    query = context.load_query(VersionQuery())
    with context.parts.storage.reading() as connection:
        run, runs = queries.run_of_year(connection, year, query["version"])
        flow = flow_of_year(connection, year)
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
        segments=presenting.segments(run, names),
        spans=presenting.spans(run),
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
