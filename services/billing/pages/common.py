"""What the pages of billing share: the tabs, the forms' errors, and where a refusal's words stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, fields
from werkzeug.wrappers import Response

from services.billing import csv_file
from services.billing.queries import basis as queries
from services.chassis.refusals import Refusal, Refused
from services.chassis.web.context import Context
from services.chassis.web.files import download

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


def region_name(context: Context, names: dict[str, str]) -> str:
    county: str = context.parts.settings.county_code
    return names.get(county, county)


def about_field(context: Context, refusal: Refusal, otherwise: str) -> tuple[str, str]:
    return _FIELD_OF.get(refusal.name, otherwise), context.refusal_text(refusal)


def csv_response(context: Context, year: int, version: int | None) -> Response:
    """The file of a year's shares, the same from page and API."""
    with context.parts.storage.reading() as connection:
        run, _runs = queries.run_of_year(connection, year, version)
    return download(csv_file.shares_csv(run), csv_file.CONTENT_TYPE, csv_file.file_name(run))


def year_values(context: Context, year: int, current: str) -> dict[str, Any]:
    """What the head of every page of a year needs: its number, its tabs, and whose eyes read it."""
    return {"year": year, "current": current, "own": context.signed_in.municipality}


def attempt(context: Context, back: str, act: Callable[[], str]) -> Response:
    """Do what a button asks and go `back`, saying what was done, or why not."""
    try:
        said = act()
    except Refused as error:
        return context.redirect(back, context.refusal_text(error.refusal), "warn")
    return context.redirect(back, context.texts.gettext(said))
