"""Likenesses and differences between schools."""

from dataclasses import replace

from services.catalogue.domain.comparison import commonest_fee, compare_offers, queue_orders
from services.catalogue.repository import RULE_BOOK
from tests.catalogue.small_county import NORRBY, RULE_BOOKS, SODERBY

OLD, NORRBY_BOOK, SODERBY_BOOK = (RULE_BOOK.load(document) for document in RULE_BOOKS)


def test_what_all_teach_and_what_one_teaches() -> None:
    offers = compare_offers(
        ["dance", "music", "circus", "film"],
        {"a": ["music", "dance"], "b": ["music", "circus"], "c": ["music", "dance"], "empty": []},
    )
    assert offers.in_all == ("music",)
    assert offers.in_one == (("circus", "b"),)


def test_a_single_school_is_compared_with_nobody() -> None:
    offers = compare_offers(["dance"], {"a": ["dance"]})
    assert (offers.in_all, offers.in_one) == (("dance",), ())


def test_the_fee_that_most_schools_have() -> None:
    same = commonest_fee([NORRBY_BOOK, SODERBY_BOOK])
    assert same is not None
    assert (same.kind, same.name.sv) == ("instrument", "Gratis")  # the shortest of their names
    assert same.fees_ore == {NORRBY: 85000, SODERBY: 0}


def test_nothing_in_common_is_no_fee() -> None:
    assert commonest_fee([NORRBY_BOOK]) is None
    assert commonest_fee([]) is None


def test_orders_the_most_usual_first() -> None:
    """A school with two books that order alike counts once."""
    books = [SODERBY_BOOK, NORRBY_BOOK, OLD, replace(NORRBY_BOOK, municipality_code="1903")]
    assert list(queue_orders(books).items()) == [
        (("queue_date",), [NORRBY, "1903"]),
        (("host_residents_first", "queue_date"), [SODERBY]),
    ]


def test_a_school_with_two_books_is_one_school() -> None:
    newer = replace(NORRBY_BOOK, rule_book_id="newer", fees=(replace(NORRBY_BOOK.fees[0], fee_ore=90000),))
    both = [newer, NORRBY_BOOK]
    assert commonest_fee(both) is None
    same = commonest_fee([*both, SODERBY_BOOK])
    assert same is not None
    assert same.fees_ore == {NORRBY: 90000, SODERBY: 0}
    assert queue_orders(both) == {("queue_date",): [NORRBY]}
