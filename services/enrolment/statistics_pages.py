"""A school's figures: on a page with charts and without small numbers, and as Kulturrådet asks for them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    once_each,
    told,
    told_alone,
    told_of,
    unmet,
    unmet_demand,
    yearly,
)
from services.enrolment.staff_pages import STAFF

routes = Routes()
Row = tuple[str, int, str]  # label, number, number in words


@dataclass(frozen=True, slots=True)
class Chart:
    """`unit` is what is counted; `none` is what is said where there is nothing to count."""

    title: str
    unit: str
    rows: list[Row]
    none: str


GENDERS: Mapping[str | None, str] = {"f": N_("Girls"), "m": N_("Boys"), None: N_("Not known")}


@routes.page("/staff/statistics", access=STAFF)
def statistics_page(context: Context) -> Response:
    municipality = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        terms = statistics.terms_with_courses(connection, municipality)
        term = _term(context, terms, statistics.term_in_use(connection, municipality))
        places = statistics.places_of(connection, municipality, term.term_id) if term else []
        by_art = statistics.courses_by_art_form(connection, municipality, term.term_id) if term else {}
        names = queries.municipality_names(connection)
    return context.render(
        "statistics.html",
        terms=terms,
        term=term,
        places=told_alone(len([place for place in places if place.is_held])),
        individuals=told_alone(individuals(places)),
        first_time=told_of(individuals(_new(places)), individuals(places)),
        unmet=told_alone(unmet(places)),
        courses=sum(each.courses for each in by_art.values()),
        without_queue=sum(each.without_queue for each in by_art.values()),
        charts=[
            *_of_places(context, places, names),
            *_of_demand(context, places, names),
            _no_queue(context, by_art),
        ],
        least=LEAST_TOLD,
    )


def _new(places: Iterable[Place]) -> list[Place]:
    return [place for place in places if place.is_held and place.is_first_time]


def _of_places(context: Context, places: Sequence[Place], names: Mapping[str, str]) -> Iterator[Chart]:
    say = context.texts.gettext
    held = [place for place in places if place.is_held]
    genders = {key: say(text) for key, text in GENDERS.items()}
    unit, none = say(N_("Places")), say(N_("Nobody has a place yet."))
    yield Chart(say(N_("By home municipality")), unit, _rows(context, held, _home, names), none)
    yield Chart(say(N_("By art form or subject")), unit, _rows(context, held, _art, _arts(context)), none)
    by_age = sorted(_rows(context, held, lambda place: age_group(place.age), {}), key=_youngest)
    yield Chart(say(N_("By age")), unit, by_age, none)
    yield Chart(say(N_("By gender")), unit, _rows(context, held, lambda place: place.gender, genders), none)


def _of_demand(context: Context, places: Sequence[Place], names: Mapping[str, str]) -> Iterator[Chart]:
    """Who is new, of all who have a place; and what those wait for who have none."""
    say = context.texts.gettext
    pupils = say(N_("Pupils"))
    none = say(N_("Nobody has a place yet."))
    held = [place for place in places if place.is_held]
    for title, by, labels in (
        (N_("First-time pupils, by home municipality"), _home, names),
        (N_("First-time pupils, by art form or subject"), _art, _arts(context)),
    ):
        wholes = counted(once_each(held, by), by)
        yield Chart(say(title), pupils, _rows(context, once_each(_new(places), by), by, labels, wholes), none)
    none = say(N_("Nobody waits without a place."))
    waiting = unmet_demand(places)
    for title, by, labels in (
        (N_("Wait without a place, by home municipality"), _home, names),
        (N_("Wait without a place, by art form or subject"), _art, _arts(context)),
    ):
        yield Chart(say(title), pupils, _rows(context, once_each(waiting, by), by, labels), none)


def _no_queue(context: Context, by_art: Mapping[str, statistics.Courses]) -> Chart:
    """The zero-queue measure: on how many of the courses nobody waits."""
    say = context.texts.gettext
    names = _arts(context)
    rows = [
        (
            names.get(key, key),
            each.without_queue,
            say(N_("%(without)s of %(all)s")) % {"without": each.without_queue, "all": each.courses},
        )
        for key, each in by_art.items()
    ]
    rows.sort(key=lambda row: (-row[1], row[0]))
    title = say(N_("Courses without a queue, by art form or subject"))
    return Chart(title, say(N_("Courses")), rows, say(N_("No courses")))


def _home(place: Place) -> Hashable:
    return place.municipality


def _art(place: Place) -> Hashable:
    return place.art_form


def _arts(context: Context) -> dict[str, str]:
    return {key: context.texts.gettext(text) for key, text in words.ART_FORMS.items()}


def _youngest(row: tuple[str, int, str]) -> int:
    """What age groups are in order by: `6–9` before `10–12`."""
    return int(row[0].rstrip("+").partition("–")[0])


def _term(context: Context, terms: list[statistics.Term], in_use: str | None) -> statistics.Term | None:
    """The one asked for, or the newest for which somebody has applied, or the newest."""
    asked = context.request.args.get("term", "")
    found = [term for term in terms if term.term_id == (asked or in_use)]
    if asked and not found:
        raise NotFound
    return next(iter(found or terms), None)


def _rows(
    context: Context,
    places: list[Place],
    by: Callable[[Place], Hashable],
    names: Mapping[Any, str],
    wholes: Mapping[Hashable, int] | None = None,
) -> list[Row]:
    """The most first; a number that is not told has no bar."""
    counts = told(counted(places, by), wholes)
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
