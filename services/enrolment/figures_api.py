"""JSON API of staff: ceilings and a school's figures; the pages' commands and access."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from marshmallow import Schema, fields, validate

from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.enrolment import ceilings, statistics
from services.enrolment.domain.ceilings import Ceiling
from services.enrolment.domain.statistics import (
    LEAST_TOLD,
    Place,
    age_group,
    counted,
    individuals,
    told,
    told_alone,
    told_of,
    unmet,
    yearly,
)
from services.enrolment.staff_pages import STAFF

routes = Routes()


class CeilingAnswer(Schema):
    """`most_places` and `most_ore` None are no limit; `used` counts what is held in other municipalities."""

    term_id = fields.String(required=True)
    is_set = fields.Boolean(required=True)
    most_places = fields.Integer(required=True, allow_none=True)
    most_ore = fields.Integer(required=True, allow_none=True)
    used_places = fields.Integer(required=True)
    used_ore = fields.Integer(required=True)


class CeilingsAnswer(Schema):
    ceilings = fields.List(fields.Nested(CeilingAnswer), required=True)


class CeilingBody(Schema):
    """In öre; None, or left out, is no limit."""

    most_places = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(0, 999_999)
    )
    most_ore = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(0, 10**12)
    )


def _ceiling(term_id: str, found: Ceiling | None) -> dict[str, Any]:
    ceiling = found or Ceiling(None, None)
    used = {"used_places": ceiling.used_places, "used_ore": ceiling.used_ore}
    most = {"most_places": ceiling.most_places, "most_ore": ceiling.most_ore}
    return {"term_id": term_id, "is_set": found is not None, **most, **used}


@routes.api(
    "GET",
    "/ceilings",
    access=STAFF,
    summary="What my municipality lets its pupils take elsewhere, by term, and what is used of it",
    answer=CeilingsAnswer,
)
def ceilings_by_api(context: Context) -> dict[str, Any]:
    municipality = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        return {
            "ceilings": [
                _ceiling(term.term_id, ceilings.ceiling_of(connection, municipality, term.term_id))
                for term in statistics.terms(connection)
            ]
        }


@routes.api(
    "PUT",
    "/ceilings/<term_id>",
    access=STAFF,
    summary="Set my municipality's ceiling for a term; what is held stays held",
    body=CeilingBody,
    answer=CeilingAnswer,
)
def set_ceiling_by_api(context: Context, term_id: str) -> dict[str, Any]:
    municipality = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        if term_id not in [term.term_id for term in statistics.terms(connection)]:
            raise NotFound
    with context.parts.storage.unit() as unit:
        ceilings.set_ceiling(unit, municipality, term_id, context.signed_in.audit_name, **context.body)
    with context.parts.storage.reading() as connection:
        return _ceiling(term_id, ceilings.ceiling_of(connection, municipality, term_id))


class FigureAnswer(Schema):
    """`key` None is not shown, or not known; `count` None is too small to be told."""

    key = fields.String(required=True, allow_none=True)
    count = fields.Integer(required=True, allow_none=True)


class StatisticsAnswer(Schema):
    """Places are held ones. Numbers below `least_told` are None, so that they point at no child."""

    term_id = fields.String(required=True)
    least_told = fields.Integer(required=True)
    places = fields.Integer(required=True, allow_none=True)
    individuals = fields.Integer(required=True, allow_none=True)
    first_time = fields.Integer(required=True, allow_none=True)
    unmet = fields.Integer(required=True, allow_none=True)
    courses = fields.Integer(required=True)
    courses_without_queue = fields.Integer(required=True)
    by_municipality = fields.List(fields.Nested(FigureAnswer), required=True)
    by_art_form = fields.List(fields.Nested(FigureAnswer), required=True)
    by_age = fields.List(fields.Nested(FigureAnswer), required=True)
    by_gender = fields.List(fields.Nested(FigureAnswer), required=True)


@routes.api(
    "GET",
    "/statistics/<term_id>",
    access=STAFF,
    summary="My school's figures of a term, without small numbers",
    answer=StatisticsAnswer,
)
def statistics_by_api(context: Context, term_id: str) -> dict[str, Any]:
    municipality, places = context.signed_in.municipality, _places(context, term_id)
    with context.parts.storage.reading() as connection:
        courses = statistics.courses_of(connection, municipality, term_id)
    held = [place for place in places if place.is_held]
    first_time = individuals([place for place in held if place.is_first_time])
    return {
        "term_id": term_id,
        "least_told": LEAST_TOLD,
        "places": told_alone(len(held)),
        "individuals": told_alone(individuals(places)),
        "first_time": told_of(first_time, individuals(places)),
        "unmet": told_alone(unmet(places)),
        "courses": courses.courses,
        "courses_without_queue": courses.without_queue,
        "by_municipality": _figures(held, lambda place: place.municipality),
        "by_art_form": _figures(held, lambda place: place.art_form),
        "by_age": _figures(held, lambda place: age_group(place.age)),
        "by_gender": _figures(held, lambda place: place.gender),
    }


def _figures(held: list[Place], by: Callable[[Place], Hashable]) -> list[dict[str, Any]]:
    counts = told(counted(held, by))
    return [{"key": key, "count": counts[key]} for key in sorted(counts, key=str)]


def _places(context: Context, term_id: str) -> list[Place]:
    """Raises NotFound where the school has no course in the term."""
    municipality = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        if term_id not in [term.term_id for term in statistics.terms_with_courses(connection, municipality)]:
            raise NotFound
        return statistics.places_of(connection, municipality, term_id)


class YearlyAnswer(Schema):
    """By age; counts by gender, `f`, `m` and `not_known`."""

    age = fields.Integer(required=True)
    individuals = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    places = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class KulturradetAnswer(Schema):
    """Exact, since the state asks for them: small numbers can point at a child, so not for publication."""

    individuals = fields.Integer(required=True)
    ages = fields.List(fields.Nested(YearlyAnswer), required=True)


@routes.api(
    "GET",
    "/statistics/<term_id>/kulturradet",
    access=STAFF,
    summary="The exact figures that Kulturrådet asks for; not for publication",
    answer=KulturradetAnswer,
)
def kulturradet_by_api(context: Context, term_id: str) -> dict[str, Any]:
    places = _places(context, term_id)
    rows = [
        {
            "age": row.age,
            "individuals": {key or "not_known": count for key, count in row.individuals.items()},
            "places": {key or "not_known": count for key, count in row.places.items()},
        }
        for row in yearly(places)
    ]
    return {"individuals": individuals(places), "ages": rows}
