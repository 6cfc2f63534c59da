"""A school's figures: on a page with charts and without small numbers, and as Kulturrådet asks for them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from werkzeug.wrappers import Response

from services.chassis.refusals import N_
from services.chassis.spreadsheet import XLSX_TYPE, Cell, Sheet, workbook
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.files import download
from services.chassis.web.routes import Routes
from services.enrolment import queries, statistics, words
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
GENDERS: Mapping[str | None, str] = {"f": N_("Girls"), "m": N_("Boys"), None: N_("Not known")}


@routes.page("/staff/statistics", access=STAFF)
def statistics_page(context: Context) -> Response:
    municipality = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        terms = statistics.terms_with_courses(connection, municipality)
        term = _term(context, terms)
        places = statistics.places_of(connection, municipality, term.term_id) if term else []
        courses = statistics.courses_of(connection, municipality, term.term_id) if term else None
        names = queries.municipality_names(connection)
    say = context.texts.gettext
    held = [place for place in places if place.is_held]
    art_forms = {key: say(text) for key, text in words.ART_FORMS.items()}
    charts = [
        (say(N_("By home municipality")), _rows(context, held, lambda p: p.municipality, names)),
        (say(N_("By art form or subject")), _rows(context, held, lambda p: p.art_form, art_forms)),
        (say(N_("By age")), sorted(_rows(context, held, lambda p: age_group(p.age), {}), key=_youngest)),
        (
            say(N_("By gender")),
            _rows(context, held, lambda p: p.gender, {key: say(text) for key, text in GENDERS.items()}),
        ),
    ]
    first_time = individuals([place for place in held if place.is_first_time])
    return context.render(
        "statistics.html",
        terms=terms,
        term=term,
        places=told_alone(len(held)),
        individuals=told_alone(individuals(places)),
        first_time=told_of(first_time, individuals(places)),
        unmet=told_alone(unmet(places)),
        courses=courses,
        charts=charts,
        least=LEAST_TOLD,
    )


def _youngest(row: tuple[str, int, str]) -> int:
    """What age groups are in order by: `6–9` before `10–12`."""
    return int(row[0].rstrip("+").partition("–")[0])


def _term(context: Context, terms: list[statistics.Term]) -> statistics.Term | None:
    """The one asked for, or the newest."""
    asked = context.request.args.get("term", "")
    found = [term for term in terms if term.term_id == asked]
    if asked and not found:
        raise NotFound
    return next(iter(found or terms), None)


def _rows(
    context: Context, held: list[Place], by: Callable[[Place], Hashable], names: Mapping[Any, str]
) -> list[tuple[str, int, str]]:
    """(label, number, number in words) each, the most first; a number that is not told has no bar."""
    counts = told(counted(held, by))
    shown = sorted(counts.items(), key=lambda item: (-(item[1] or 0), str(item[0])))
    not_shown = context.texts.gettext(N_("not shown"))

    fewer = context.texts.gettext(N_("too few to tell"))
    return [
        (
            names.get(key, not_shown if key is None else str(key)),
            count or 0,
            fewer if count is None else str(count),
        )
        for key, count in shown
    ]


@routes.page("/staff/statistics/<term_id>/kulturradet.xlsx", access=STAFF)
def kulturradet(context: Context, term_id: str) -> Response:
    """Exact, since the state asks for them; the first sheet says that they are not for publication."""
    municipality = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        if term_id not in [term.term_id for term in statistics.terms_with_courses(connection, municipality)]:
            raise NotFound
        places = statistics.places_of(connection, municipality, term_id)
    say = context.texts.gettext
    genders = [say(text) for text in GENDERS.values()]
    header = (
        say(N_("Age")),
        *(f"{say(N_('Individuals'))}, {gender}" for gender in genders),
        *(f"{say(N_('Places'))}, {gender}" for gender in genders),
    )
    rows: list[list[Cell]] = []
    for row in yearly(places):
        people = [row.individuals.get(key, 0) for key in GENDERS]
        rows.append([row.age, *people, *(row.places.get(key, 0) for key in GENDERS)])
    note = say(N_("Exact figures for Kulturrådet. Small numbers can point at a child: not for publication."))
    unique = say(N_("Unique individuals of all ages"))
    about = Sheet(say(N_("About")), (note,), [[unique, individuals(places)]])
    content = workbook([about, Sheet(say(N_("By age")), header, rows)])
    return download(content, XLSX_TYPE, "kulturradet.xlsx")
