"""Searching the courses, and one course with what a family needs to decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

import marshmallow
import sqlalchemy as sa
from werkzeug.wrappers import Response

from services.catalogue.domain.answer import Answer
from services.catalogue.domain.terms import lessons_between_days
from services.catalogue.forms import CourseSearch, EligibilityQuery
from services.catalogue.pages.common import cards, home_of_visitor, municipality_options
from services.catalogue.queries import courses, eligibility, reference
from services.catalogue.queries.courses import CourseView
from services.catalogue.queries.search import Search, relaxations, search
from services.catalogue.speaking import art_sign, order_in_words, rule_in_words
from services.chassis.clock import local_date
from services.chassis.municipality import covers
from services.chassis.refusals import N_, Refused
from services.chassis.web.access import PUBLIC
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.contracts import lottery
from services.contracts.rule_book import RuleBook
from services.contracts.rule_words.sentences import chapters

ALTERNATIVES_SHOWN = 3

routes = Routes()


@routes.page("/courses", access=PUBLIC)
def search_courses(context: Context) -> Response:
    wanted, errors = _wanted(context)
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        municipalities = reference.municipalities(connection)
        art_forms = reference.art_forms(connection)
        terms = reference.current_terms(connection, today)
        if wanted.home is not None and wanted.home not in municipalities:
            wanted = wanted.without("home")
        results = search(connection, wanted, today, context.language)
        closed = _closed(connection, results.courses, wanted.home, today)
        hints = relaxations(connection, wanted, today) if not results.count else []
    names = {
        "municipality": {code: each.name for code, each in municipalities.items()},
        "art_form": {key: name.in_language(context.language) for key, name in art_forms.items()},
        "term": {term_id: term.name.in_language(context.language) for term_id, term in terms.items()},
    }
    named = {name: _said(context, name, getattr(wanted, name), names) for name in wanted.filters}
    response = context.render(
        "courses.html",
        wanted=wanted,
        errors=errors,
        results=results,
        cards=cards(results.courses, closed),
        home=municipalities[wanted.home].name if wanted.home else "",
        art_forms=list(names["art_form"].items()),
        hosts=municipality_options(municipalities, with_school=True),
        municipalities=municipality_options(municipalities),
        terms=list(names["term"].items()),
        filters=[(named[name], _address(context, wanted.without(name))) for name in wanted.filters],
        hints=[(named[name], _address(context, wanted.without(name)), count) for name, count in hints],
        without_home=f"/courses?{urlencode({**wanted.without('home').parameters(), 'home': ''})}",
        page_address=lambda page: _address(context, wanted, page=page),
    )
    # htmx would put every empty field of the form into the address bar.
    response.headers["HX-Push-Url"] = _address(context, wanted)
    return response


def _wanted(context: Context) -> tuple[Search, dict[str, str]]:
    """The search of the address, and what of it cannot be understood; that is left out."""
    given, errors = _load_leniently(context, CourseSearch(unknown=marshmallow.EXCLUDE))
    if "home" not in context.request.args:
        given["home"] = home_of_visitor(context)
    messages = {}
    if "age" in errors:
        messages["age"] = context.texts.gettext(N_("Write the age as a whole number of years."))
    return Search(**given), messages


def _load_leniently(context: Context, schema: marshmallow.Schema) -> tuple[dict[str, Any], Mapping[str, Any]]:
    try:
        return context.load_query(schema), {}
    except marshmallow.ValidationError as error:
        valid = error.valid_data if isinstance(error.valid_data, dict) else {}
        return dict(valid), error.messages_dict


def _address(context: Context, wanted: Search, page: int | None = None) -> str:
    """The same search as a link; a family's own municipality is left out only on purpose."""
    parameters = wanted.parameters()
    if page is not None:
        parameters["page"] = str(page)
    if wanted.home is None and home_of_visitor(context) is not None:
        parameters["home"] = ""
    elif wanted.home == home_of_visitor(context):
        parameters.pop("home", None)
    return f"/courses?{urlencode(parameters)}" if parameters else "/courses"


def _closed(
    connection: sa.Connection, found: list[CourseView], home: str | None, today: date
) -> frozenset[str] | None:
    return None if home is None else eligibility.closed_to(connection, found, home, today)


def _said(context: Context, name: str, value: Any, names: dict[str, dict[str, str]]) -> str:
    """An active filter in the words of the form."""
    if name == "words":
        return context.texts.gettext(N_("“%(words)s”")) % {"words": value}
    if name == "age":
        return context.texts.ngettext("%(num)s year", "%(num)s years", value) % {"num": value}
    if name == "free":
        return context.texts.gettext(N_("Free places"))
    return names[name].get(value, str(value))


@routes.page("/courses/<course_id>", access=PUBLIC)
def show_course(context: Context, course_id: str) -> Response:
    today = local_date(context.parts.clock.now())
    question, errors = _question(context)
    with context.parts.storage.reading() as connection:
        view = courses.course(connection, course_id)
        rule_book = eligibility.rule_book_of(connection, view)
        municipalities = reference.municipalities(connection)
        answer: Answer | None = None
        if question.keys() >= {"home", "age"} and not errors:
            answer = _answer(context, connection, view, question, errors)
        others = courses.alternatives(connection, view, today, ALTERNATIVES_SHOWN)
    say = context.texts.gettext
    return context.render(
        "course.html",
        view=view,
        sign=art_sign(view.course.art_form),
        rule_book=rule_book,
        lessons=lessons_between_days(view.course.first_lesson_on, view.course.last_lesson_on),
        main_admission_on=rule_book.main_admission_to_come(view.term.starts_on, today),
        order=order_in_words(rule_book.criteria, say),
        lottery=_lottery(rule_book, course_id),
        chapters=chapters(rule_book, {code: each.name for code, each in municipalities.items()}),
        question=question,
        errors=errors,
        answer=answer,
        reason=reason_of(context, answer) if answer else "",
        rule=rule_in_words(answer.rule, say) if answer else "",
        municipalities=municipality_options(municipalities),
        others=cards(others),
        is_over=view.term.ends_on < today,
        may_cancel=_may_cancel(context, view),
    )


def _lottery(rule_book: RuleBook, course_id: str) -> dict[str, str] | None:
    """What one needs to draw the course's lots again; None where the rule book draws none."""
    if "lottery" not in rule_book.order:
        return None
    seed = lottery.seed_of(rule_book)
    return {"seed": seed, "command": lottery.command(seed, course_id, "CHILD")}


def _question(context: Context) -> tuple[dict[str, Any], dict[str, str]]:
    """What the family asks: where the child lives and its age; asked only when the form was sent."""
    asked = "home" in context.request.args or "age" in context.request.args
    if not asked:
        home = home_of_visitor(context)
        return ({"home": home} if home else {}), {}
    given, errors = _load_leniently(context, EligibilityQuery(unknown=marshmallow.EXCLUDE))
    say = context.texts.gettext
    messages = {
        "home": N_("Choose where the child lives."),
        "age": N_("Write the age as a whole number of years."),
    }
    return given, {name: say(text) for name, text in messages.items() if name in errors}


def _answer(
    context: Context,
    connection: sa.Connection,
    view: CourseView,
    question: dict[str, Any],
    errors: dict[str, str],
) -> Answer | None:
    today = local_date(context.parts.clock.now())
    try:
        return eligibility.answer(connection, view, question["home"], question["age"], today)
    except Refused as refused:
        errors["home"] = context.refusal_text(refused.refusal)
        return None


def reason_of(context: Context, answer: Answer) -> str:
    """Why, in the reader's language: what refuses, or under which rule the pupil may."""
    if answer.refusal is not None:
        return context.refusal_text(answer.refusal)
    basis = answer.basis
    return context.texts.gettext(basis.reason) % basis.facts if basis is not None else ""


def _may_cancel(context: Context, view: CourseView) -> bool:
    """Only whether to show the link; the page behind it is guarded by its route."""
    actor = context.actor
    return (
        actor is not None
        and actor.role == "staff"
        and covers(actor.municipality, view.course.municipality_code)
        and not view.is_cancelled
    )
