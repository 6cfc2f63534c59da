"""What is told of a school: by its rule books, some priced by rules and some two at once."""

from __future__ import annotations

from datetime import date

import pytest

from services.catalogue import commands
from services.catalogue.queries.schools import School, schools
from services.catalogue.repository import RULE_BOOK
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from tests.catalogue.small_county import NORRBY, priced_by_rules, rule_book

TODAY = date(2026, 11, 24)


def norrby(storage: Storage) -> School:
    with storage.reading() as connection:
        return next(each for each in schools(connection, TODAY) if each.code == NORRBY)


def publish(storage: Storage, document: dict[str, object]) -> None:
    with storage.unit() as unit:
        commands.publish_rule_book(unit, RULE_BOOK.load(document))


def test_fees_that_rules_set_are_among_the_lowest_and_highest(storage: Storage) -> None:
    publish(storage, priced_by_rules())
    found = norrby(storage)
    assert (found.lowest_fee_ore, found.highest_fee_ore) == (40000, 90000)


def test_all_books_of_today_the_newest_first(storage: Storage) -> None:
    publish(storage, rule_book("lines", NORRBY, "Norrby kulturskola", valid_from="2026-07-01"))
    publish(storage, rule_book("to-come", NORRBY, "Norrby kulturskola", valid_from="2027-07-01"))
    assert [book.rule_book_id for book in norrby(storage).rule_books] == ["lines", "norrby"]


def test_a_book_that_contradicts_itself_is_not_published(storage: Storage) -> None:
    text = {"sv": "Dans", "en": "Dance"}
    twice = [{"kind": "dance", "fee_ore": ore, "text": text} for ore in (1, 2)]
    with pytest.raises(Refused) as raised:
        publish(storage, rule_book("norrby", NORRBY, "Norrby kulturskola", fees=twice))
    assert raised.value.refusal.facts["kind"] == "dance"
    assert norrby(storage).rule_books[0].fee_for("instrument") is not None
