"""What the schools have in common and where they differ, told from their rule books and offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.contracts.fact import LocalText
from services.contracts.rule_book import RuleBook


@dataclass(frozen=True, slots=True)
class Offers:
    """Art forms by how many of the schools teach them: all, or a single one (with its code)."""

    in_all: tuple[str, ...]
    in_one: tuple[tuple[str, str], ...]


def compare_offers(art_forms: Iterable[str], offered: Mapping[str, Iterable[str]]) -> Offers:
    """`offered` are the art forms by school; schools that offer nothing are left out of the count."""
    teaching = {code: set(keys) for code, keys in offered.items() if keys}
    in_all: list[str] = []
    in_one: list[tuple[str, str]] = []
    for art_form in art_forms:
        schools = [code for code, keys in teaching.items() if art_form in keys]
        if len(schools) == 1 and len(teaching) > 1:
            in_one.append((art_form, schools[0]))
        elif schools and len(schools) == len(teaching):
            in_all.append(art_form)
    return Offers(tuple(in_all), tuple(in_one))


@dataclass(frozen=True, slots=True)
class SameFee:
    """What one kind of course costs at each school that has it, in öre a term, by municipality code."""

    kind: str
    name: LocalText
    fees_ore: Mapping[str, int]


def commonest_fee(books: Iterable[RuleBook]) -> SameFee | None:
    """The kind of course that most of the schools put a price on; None where no two share one.

    Its name is the shortest that a school gives it: the longer ones say what is special there.
    """
    books = list(books)
    # A school with two books that have the kind counts once, with the one that comes first: the newer.
    kinds = Counter(
        kind for _, kind in {(book.municipality_code, fee.kind) for book in books for fee in book.fees}
    )
    if not kinds or max(kinds.values()) < 2:
        return None
    kind = min(kinds, key=lambda name: (-kinds[name], name))
    fees = {
        book.municipality_code: fee for book in reversed(books) if (fee := book.fee_for(kind)) is not None
    }
    name = min((fee.text for fee in fees.values()), key=lambda text: (len(text.sv), text.sv))
    return SameFee(kind, name, {code: fee.fee_ore for code, fee in fees.items()})


def queue_orders(books: Iterable[RuleBook]) -> dict[tuple[str, ...], list[str]]:
    """The municipality codes by how their schools order the queue, the most usual order first."""
    orders: dict[tuple[str, ...], list[str]] = {}
    for book in books:
        codes = orders.setdefault(book.order, [])
        if book.municipality_code not in codes:
            codes.append(book.municipality_code)
    return dict(sorted(orders.items(), key=lambda item: (-len(item[1]), item[0])))
