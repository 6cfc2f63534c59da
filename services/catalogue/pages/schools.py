"""The schools beside each other, and one school with its rules and courses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from werkzeug.wrappers import Response

from services.catalogue.domain.comparison import SameFee, commonest_fee, compare_offers, queue_orders
from services.catalogue.pages.common import cards
from services.catalogue.queries import reference
from services.catalogue.queries.schools import School, courses_of_school, school, schools
from services.catalogue.speaking import art_sign, order_in_words
from services.chassis.clock import local_date
from services.chassis.web.access import PUBLIC
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.contracts.rule_book import RuleBook
from services.contracts.rule_words.sentences import chapters

COURSES_SHOWN = 60

routes = Routes()


@routes.page("/schools", access=PUBLIC)
def compare_schools(context: Context) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        compared = schools(connection, today)
        art_forms = reference.art_forms(connection)
        municipalities = reference.municipalities(connection)
    books = [book for each in compared for book in each.rule_books]
    names = {code: each.name for code, each in municipalities.items()}
    offered = {each.code: list(each.art_forms) for each in compared}
    by_size = sorted((each for each in compared if each.courses), key=lambda each: each.courses)
    same_fee = commonest_fee(books)
    return context.render(
        "schools.html",
        schools=compared,
        art_forms=[(key, name, art_sign(key)) for key, name in art_forms.items()],
        offers=compare_offers(art_forms, offered),
        art_names={key: name.in_language(context.language) for key, name in art_forms.items()},
        names=names,
        orders=[
            (order_in_words(order, context.texts.gettext), [names[code] for code in codes])
            for order, codes in queue_orders(books).items()
        ],
        same_fee=same_fee,
        fee_rows=_fee_rows(same_fee, names),
        smallest=by_size[0] if by_size else None,
        largest=by_size[-1] if by_size else None,
        free_of_charge=[each for each in compared if each.highest_fee_ore == 0],
        not_members=_not_members(municipalities.values(), today),
    )


def _fee_rows(same: SameFee | None, names: dict[str, str]) -> list[tuple[str, int]]:
    """Municipality and fee in öre, the lowest first."""
    if same is None:
        return []
    rows = [(names[code], fee) for code, fee in same.fees_ore.items()]
    return sorted(rows, key=lambda row: (row[1], row[0]))


def _not_members(municipalities: Any, today: date) -> list[str]:
    return [each.name for each in municipalities if not reference.as_member(each).is_member_on(today)]


@routes.page("/schools/<code>", access=PUBLIC)
def show_school(context: Context, code: str) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        found: School = school(connection, code, today)
        books = list(reference.rule_books(connection, code).values())
        offered = courses_of_school(connection, code, today, COURSES_SHOWN)
        art_forms = reference.art_forms(connection)
        names = {key: each.name for key, each in reference.municipalities(connection).items()}
    return context.render(
        "school.html",
        school=found,
        art_forms=[
            (key, name, art_sign(key), found.art_forms[key])
            for key, name in art_forms.items()
            if key in found.art_forms
        ],
        books=[_book(context, book, today, names) for book in books],
        cards=cards(offered),
    )


def _book(context: Context, book: RuleBook, today: date, names: Mapping[str, str]) -> dict[str, Any]:
    """A rule book with when it holds seen from today: now, earlier or later."""
    not_now = "later" if book.valid_from > today else "earlier"
    when = "now" if book.is_valid_on(today) else not_now
    order = order_in_words(book.criteria, context.texts.gettext)
    return {
        "book": book,
        "when": when,
        "order": order,
        "chapters": chapters(book, names),
    }
