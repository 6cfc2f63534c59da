"""Each journey of walk.py, against the product as `make run` starts it."""

from __future__ import annotations

import pytest

from tests.browser.conftest import walk
from tests.browser.preparing import prepare
from tests.journeys.product import Product, next_term

JOURNEYS = ("story", "without_javascript_on_a_phone", "refusals")
# These need something to have happened before; after those, whose figures they would change.
PREPARED = (
    *("rank_and_answer", "rank_and_answer_on_a_phone"),
    *("offer_seats", "offer_seats_on_a_phone"),
)


@pytest.fixture(scope="module")
def prepared(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Product:
    prepare(product, tmp_path_factory.mktemp("prepared"))
    return product


@pytest.mark.parametrize("journey", JOURNEYS)
def test_journey(journey: str, product: Product) -> None:
    walk(journey, product)


@pytest.mark.parametrize("journey", PREPARED)
def test_prepared_journey(journey: str, prepared: Product) -> None:
    walk(journey, prepared)


def test_the_change_of_term(prepared: Product) -> None:
    """Last: it changes what the others look at."""
    open_next_term(prepared)
    walk("terms", prepared)


def open_next_term(product: Product) -> None:
    """With the same courses, which continue those of the term one applies for; enrolment has heard of it."""
    (term,) = product.call("GET", "/api/catalogue/terms").json()["terms"]
    product.command("load", "--term", next_term(term["term_id"]))
    product.wait_until_quiet()
