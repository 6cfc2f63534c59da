"""The API of years, shares and populations, below /api/billing."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate
from werkzeug.wrappers import Response

from services.billing.access import READ, SET_BASIS, acting
from services.billing.commands import basis as commands
from services.billing.domain.places import WHOLE
from services.billing.domain.populations import Figure
from services.billing.domain.shares import MOST_BUDGET_ORE, Part
from services.billing.forms import is_run_id
from services.billing.pages.common import VersionQuery, csv_response
from services.billing.queries import basis as queries
from services.billing.queries.basis import Run
from services.billing.queries.flow import facts_behind, flow_of_year, term_name
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

routes = Routes()


class ShareYearAnswer(Schema):
    year = fields.Integer(required=True)
    version = fields.Integer(required=True)
    run_id = fields.String(required=True)
    budget_ore = fields.Integer(required=True)
    region_ore = fields.Integer(required=True)
    members_ore = fields.Integer(required=True)
    population_date = fields.Date(required=True)
    opened_at = fields.AwareDateTime(required=True)


class ShareYearListAnswer(Schema):
    years = fields.List(fields.Nested(ShareYearAnswer), required=True)


class ShareStepAnswer(Schema):
    payer_code = fields.String(required=True)
    name = fields.String(required=True)
    weight = fields.Integer(required=True, metadata={"description": "population, or percent for the region"})
    exact_ore = fields.String(required=True, metadata={"description": "a fraction: numerator/denominator"})
    rounded_down_ore = fields.Integer(required=True)
    extra_ore = fields.Integer(required=True)
    share_ore = fields.Integer(required=True)


class FrozenMemberAnswer(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    population = fields.Integer(required=True)
    vintage = fields.Integer(required=True)
    source = fields.String(required=True)


class ShareRunAnswer(ShareYearAnswer):
    region_code = fields.String(required=True)
    region_name = fields.String(required=True)
    region_percent = fields.Integer(required=True)
    agreement_version = fields.Integer(required=True)
    agreement = fields.String(required=True)
    opened_by = fields.String(required=True)
    sums_exactly = fields.Boolean(required=True)
    shares = fields.List(fields.Nested(ShareStepAnswer), required=True)
    members = fields.List(fields.Nested(FrozenMemberAnswer), required=True)
    versions = fields.List(fields.Integer(), required=True)


class OpenYearBody(Schema):
    year = fields.Integer(required=True, strict=True, validate=validate.Range(0, 9999))
    budget_ore = fields.Integer(
        required=True, strict=True, validate=validate.Range(-MOST_BUDGET_ORE, MOST_BUDGET_ORE * 10)
    )
    population_date = fields.Date(required=True)
    run_id = fields.String(load_default=None, validate=is_run_id)


class PopulationBody(Schema):
    municipality_code = fields.String(required=True, validate=validate.Length(max=10))
    reference_date = fields.Date(required=True)
    population = fields.Integer(required=True, strict=True, validate=validate.Range(-(10**12), 10**12))
    source = fields.String(required=True, validate=validate.Length(max=300))


class PopulationsBody(Schema):
    populations = fields.List(
        fields.Nested(PopulationBody), required=True, validate=validate.Length(min=1, max=5000)
    )


class PopulationAnswer(Schema):
    municipality_code = fields.String(required=True)
    reference_date = fields.Date(required=True)
    vintage = fields.Integer(required=True)
    population = fields.Integer(required=True)
    source = fields.String(required=True)
    recorded_at = fields.AwareDateTime(required=True)


class PopulationListAnswer(Schema):
    populations = fields.List(fields.Nested(PopulationAnswer), required=True)


class RecordedAnswer(Schema):
    first = fields.Integer(required=True)
    revised = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)


class FlowCellAnswer(Schema):
    home = fields.String(required=True)
    host = fields.String(required=True)
    places = fields.Float(required=True, metadata={"description": "a place whose pupil moved counts by days"})
    thousandths = fields.Integer(required=True, metadata={"description": "the same, exactly"})


class FlowTermAnswer(Schema):
    term_id = fields.String(required=True)
    name = fields.String(required=True)
    places = fields.List(fields.Nested(FlowCellAnswer), required=True)
    not_shown = fields.Integer(required=True)
    split = fields.Integer(required=True)
    all_places = fields.Integer(required=True)


class PlaceFactAnswer(Schema):
    application_id = fields.String(required=True)
    given_at = fields.AwareDateTime(required=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)
    first_on = fields.Date(required=True)
    last_on = fields.Date(required=True)
    days = fields.Integer(required=True)
    thousandths = fields.Integer(required=True)
    counts = fields.Boolean(required=True)


class PlaceFactListAnswer(Schema):
    places = fields.List(fields.Nested(PlaceFactAnswer), required=True)


class FlowAnswer(Schema):
    of_year = fields.Boolean(required=True)
    terms = fields.List(fields.Nested(FlowTermAnswer), required=True)


@routes.api(
    "GET",
    "/years",
    access=READ,
    summary="The opened years and what their newest runs gave",
    answer=ShareYearListAnswer,
)
def list_years(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"years": [_head(run) for run in queries.newest_runs(connection)]}


@routes.api(
    "GET",
    "/years/<int:year>",
    access=READ,
    summary="A year's shares, each with its derivation, and their frozen basis",
    query=VersionQuery,
    answer=ShareRunAnswer,
)
def show_year(context: Context, year: int) -> dict[str, Any]:
    return _whole(context, year, context.query["version"])


@routes.api(
    "POST",
    "/years",
    access=SET_BASIS,
    summary="Open a year; with its newest basis again it gives the same run, with another a new version",
    body=OpenYearBody,
    answer=ShareRunAnswer,
)
def post_year(context: Context) -> dict[str, Any]:
    body = context.body
    with context.parts.storage.unit() as unit:
        run_id = commands.open_year(
            unit,
            body["year"],
            body["budget_ore"],
            body["population_date"],
            acting(context),
            run_id=body["run_id"],
        )
        run = queries.run_by_id(unit.connection, run_id)
    return _whole(context, body["year"], run.version if run else None)


@routes.api(
    "GET",
    "/years/<int:year>/shares.csv",
    access=READ,
    summary="A year's shares as text/csv: UTF-8 with a byte order mark, semicolons, decimal commas",
    query=VersionQuery,
)
def download_shares(context: Context, year: int) -> Response:
    return csv_response(context, year, context.query["version"])


@routes.api(
    "GET",
    "/populations",
    access=READ,
    summary="Every population figure, every vintage",
    answer=PopulationListAnswer,
)
def list_populations(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"populations": queries.population_vintages(connection)}


@routes.api(
    "POST",
    "/populations",
    access=SET_BASIS,
    summary="Record population figures, all or none; a changed figure becomes a new vintage",
    body=PopulationsBody,
    answer=RecordedAnswer,
)
def post_populations(context: Context) -> commands.Recorded:
    figures = [Figure(**row) for row in context.body["populations"]]
    with context.parts.storage.unit() as unit:
        return commands.record_populations(unit, figures, acting(context))


@routes.api(
    "GET",
    "/years/<int:year>/flow",
    access=READ,
    summary="Places by term, home and host beside the shares; a protected identity is in no home's figure",
    answer=FlowAnswer,
)
def show_flow(context: Context, year: int) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        found = flow_of_year(connection, year)
    return {
        "of_year": found.of_year,
        "terms": [
            {
                "term_id": term.term_id,
                "name": term.name.in_language(context.language),
                "places": [
                    {"home": home, "host": host, "places": count / WHOLE, "thousandths": count}
                    for home, row in term.homes.items()
                    for host, count in [(home, row.at_home_thousandths), *row.by_host_thousandths.items()]
                    if count
                ],
                "not_shown": term.not_shown,
                "split": term.split,
                "all_places": term.places,
            }
            for term in found.terms
        ],
    }


@routes.api(
    "GET",
    "/flow/<string:term_id>/<string:home>/<string:host>",
    access=READ,
    summary="The places behind a figure of the flow, with the days on which each counts there",
    answer=PlaceFactListAnswer,
)
def show_flow_facts(context: Context, term_id: str, home: str, host: str) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        term_name(connection, term_id)
        return {"places": facts_behind(connection, term_id, home, host)}


def _head(run: Run) -> dict[str, Any]:
    return {
        "year": run.basis.year,
        "version": run.version,
        "run_id": run.run_id,
        "budget_ore": run.basis.budget_ore,
        "region_ore": run.region_ore,
        "members_ore": run.members_ore,
        "population_date": run.basis.population_date,
        "opened_at": run.opened_at,
    }


def _whole(context: Context, year: int, version: int | None) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        run, runs = queries.run_of_year(connection, year, version)
    agreement, derived = run.basis.agreement, run.derived()
    region = [part for part in derived.halves.parts if part.payer_code == agreement.region_code]
    names = {member.code: member.name for member in run.basis.members}
    names[agreement.region_code] = agreement.region_name
    return {
        **_head(run),
        "region_code": agreement.region_code,
        "region_name": agreement.region_name,
        "region_percent": agreement.region_percent,
        "agreement_version": agreement.version,
        "agreement": agreement.text.in_language(context.language),
        "opened_by": run.opened_by,
        "sums_exactly": run.holds(),
        "shares": [_step(part, names) for part in (*region, *derived.members.parts)],
        "members": run.basis.members,
        "versions": [each.version for each in runs],
    }


def _step(part: Part, names: dict[str, str]) -> dict[str, Any]:
    return {
        "payer_code": part.payer_code,
        "name": names[part.payer_code],
        "weight": part.weight,
        "exact_ore": f"{part.exact_ore.numerator}/{part.exact_ore.denominator}",
        "rounded_down_ore": part.rounded_down_ore,
        "extra_ore": part.extra_ore,
        "share_ore": part.share_ore,
    }
