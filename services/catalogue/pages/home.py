"""The home page: what Samklang is, and the ways in."""

from __future__ import annotations

from werkzeug.wrappers import Response

from services.catalogue.pages.common import cards, home_of_visitor, municipality_options
from services.catalogue.queries import courses, reference, schools
from services.catalogue.speaking import art_sign
from services.chassis.clock import local_date
from services.chassis.web.access import PUBLIC
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

COURSES_SHOWN = 6

routes = Routes()


@routes.page("/", access=PUBLIC)
def home(context: Context) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        county = reference.county(connection)
        art_forms = reference.art_forms(connection)
        municipalities = reference.municipalities(connection)
        terms = list(reference.current_terms(connection, today).values())
        compared = [school for school in schools.schools(connection, today) if school.is_member]
        some = courses.some_with_free_places(connection, today, COURSES_SHOWN)
    offered = [
        {"key": key, "name": name, "sign": art_sign(key), "courses": courses_of_art}
        for key, name in art_forms.items()
        if (courses_of_art := sum(school.art_forms.get(key, 0) for school in compared))
    ]
    return context.render(
        "home.html",
        county=county,
        term=terms[0] if terms else None,
        art_forms=offered,
        municipalities=municipality_options(municipalities),
        home_code=home_of_visitor(context) or "",
        cards=cards(some),
        figures={
            "schools": len(compared),
            "courses": sum(school.courses for school in compared),
            "shared": sum(school.shared for school in compared),
            "free_places": sum(school.free_places for school in compared),
        },
    )
