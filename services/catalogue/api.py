"""The catalogue for programs: what the pages show and do, as JSON under /api/catalogue."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.catalogue import answers, commands
from services.catalogue.forms import CancelBody, CourseSearch, EligibilityQuery, ImportBody
from services.catalogue.pages.cancelling import host_of_course
from services.catalogue.pages.courses import reason_of
from services.catalogue.planning import plan_file
from services.catalogue.queries import courses, eligibility, reference, schools
from services.catalogue.queries.search import Search, search
from services.chassis.clock import local_date
from services.chassis.refusals import Refused
from services.chassis.web.access import PUBLIC, only
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.contracts.fact import LocalText

routes = Routes()


def _today(context: Context) -> date:
    return local_date(context.parts.clock.now())


@routes.api(
    "GET",
    "/courses",
    access=PUBLIC,
    summary="Search the courses of the terms that are not over, 20 a page",
    query=CourseSearch,
    answer=answers.CourseListAnswer,
)
def find_courses(context: Context) -> dict[str, Any]:
    wanted = Search(**context.query)
    with context.parts.storage.reading() as connection:
        closed = frozenset[str]()
        results = search(connection, wanted, _today(context), context.language)
        if wanted.home is not None:
            closed = eligibility.closed_to(connection, results.courses, wanted.home, _today(context))
    found = [
        answers.of_course(view, None if wanted.home is None else view.course.course_id not in closed)
        for view in results.courses
    ]
    return {"courses": found, "count": results.count, "page": results.page, "pages": results.pages}


@routes.api("GET", "/courses/<course_id>", access=PUBLIC, summary="One course", answer=answers.CourseAnswer)
def get_course(context: Context, course_id: str) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return answers.of_course(courses.course(connection, course_id))


@routes.api(
    "GET",
    "/courses/<course_id>/eligibility",
    access=PUBLIC,
    summary="May a child of this home municipality and age take the course, under which rule, at what price",
    query=EligibilityQuery,
    answer=answers.EligibilityAnswer,
)
def may_take_course(context: Context, course_id: str) -> dict[str, Any]:
    home, age = context.query["home"], context.query["age"]
    with context.parts.storage.reading() as connection:
        view = courses.course(connection, course_id)
        answer = eligibility.answer(connection, view, home, age, _today(context))
    return answers.of_answer(view, answer, reason_of(context, answer))


@routes.api(
    "GET",
    "/municipalities",
    access=PUBLIC,
    summary="The county's municipalities and when they are members of the cooperation",
    answer=answers.MunicipalityListAnswer,
)
def list_municipalities(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"municipalities": list(reference.municipalities(connection).values())}


@routes.api(
    "GET",
    "/schools",
    access=PUBLIC,
    summary="The schools beside each other",
    answer=answers.SchoolListAnswer,
)
def list_schools(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        compared = schools.schools(connection, _today(context))
    return {"schools": [answers.of_school(school) for school in compared]}


@routes.api(
    "GET",
    "/rule-books",
    access=PUBLIC,
    summary="All rule books, earlier and later ones too",
    answer=answers.RuleBookListAnswer,
)
def list_rule_books(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"rule_books": list(reference.rule_books(connection).values())}


@routes.api("GET", "/terms", access=PUBLIC, summary="All terms", answer=answers.TermListAnswer)
def list_terms(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"terms": list(reference.terms(connection).values())}


@routes.api(
    "POST",
    "/courses/import",
    access=only("staff"),
    summary="Import one's own municipality's courses from a CSV file: all of its rows, or none",
    body=ImportBody,
    answer=answers.ImportAnswer,
)
def import_course_file(context: Context) -> dict[str, Any]:
    body, scope = context.body, context.signed_in.municipality
    # Half a character is let through here: reading the file refuses it.
    data = body["csv"].encode("utf-8", "surrogatepass")
    with context.parts.storage.reading() as connection:
        term_id = body.get("term_id") or reference.latest_term_id(connection, _today(context))
        if body["dry_run"]:
            plan = plan_file(connection, data, term_id, scope)
            if plan.problems:
                raise Refused(plan.problems[0])
            return answers.of_plan(plan, dry_run=True)
    with context.parts.storage.unit() as unit:
        done = commands.import_courses(unit, data, term_id, scope)
    return answers.of_plan(done, dry_run=False)


@routes.api(
    "POST",
    "/courses/<course_id>/cancel",
    access=only("staff", municipality=host_of_course),
    summary="Cancel a course of one's own municipality; cancelling it again changes nothing",
    body=CancelBody,
    answer=answers.CourseAnswer,
)
def cancel_course(context: Context, course_id: str) -> dict[str, Any]:
    reason = LocalText(sv=context.body["reason_sv"], en=context.body["reason_en"])
    with context.parts.storage.unit() as unit:
        commands.cancel_course(unit, course_id, reason, context.signed_in.audit_name)
    with context.parts.storage.reading() as connection:
        return answers.of_course(courses.course(connection, course_id))
