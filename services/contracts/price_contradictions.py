"""What a rule book says of money that cannot be meant: it is refused before it is published.

A book that was published is read as it is: readers never judge a fact that has been sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from services.chassis.refusals import N_
from services.contracts.rule_book import RuleBook
from services.contracts.rule_prices import PriceRule

Said = tuple[str, dict[str, object]]


def of_prices(book: RuleBook) -> Iterator[Said]:
    """(reason, its facts) each."""
    for kind, times in Counter(fee.kind for fee in book.fees).items():
        if times > 1:
            yield N_("%(book)s has two fees for the kind %(kind)s."), {"kind": kind}
    yield from _unknown_kinds(book)
    for rule in book.pricing.rules:
        yield from _of_rule(book, rule)
    yield from _of_rental(book)
    yield from _of_steps(book)


def kinds_of(book: RuleBook) -> set[str]:
    """The kinds of course that the book has: those with a fee, and those for which a rule sets one."""
    by_rule = {kind for rule in book.pricing.rules if rule.sets_the_fee for kind in rule.kinds}
    return by_rule | {fee.kind for fee in book.fees}


def _unknown_kinds(book: RuleBook) -> Iterator[Said]:
    known = kinds_of(book)
    for where, kinds in _named_kinds(book):
        for kind in kinds:
            if kind not in known:
                reason = N_("%(book)s names the kind %(kind)s in %(where)s, but has no fee for such a kind.")
                yield reason, {"kind": kind, "where": where}


def _named_kinds(book: RuleBook) -> Iterator[tuple[str, Iterable[str]]]:
    for rule in book.pricing.rules:
        yield f"pricing/{rule.name}", (*rule.kinds, *rule.not_kinds, *rule.another_not_of)
    yield "pricing/not_counted_kinds", book.pricing.not_counted_kinds
    for step in book.withdrawal.steps:
        yield f"withdrawal/{step.name}", step.kinds


def _of_rule(book: RuleBook, rule: PriceRule) -> Iterator[Said]:
    """Adults may pay more than the fee by a percentage; who gets a discount, or pays for a part, may not."""
    lowers = rule.effect == "lessons_left" or rule.is_step or rule.with_relief
    if rule.effect in ("percent", "lessons_left") and rule.amount > 100 and lowers:
        reason = N_("%(book)s asks for %(percent)s percent of the fee in %(where)s, which lowers it.")
        yield reason, {"percent": rule.amount, "where": f"pricing/{rule.name}"}
    if rule.with_relief is not None and book.pricing.relief is None:
        reason = N_("%(book)s has a price with relief in %(where)s, but does not say that there is relief.")
        yield reason, {"where": f"pricing/{rule.name}"}


def _of_rental(book: RuleBook) -> Iterator[Said]:
    rental = book.pricing.rental
    if rental is None:
        return
    if kinds_of(book).isdisjoint(rental.kinds):
        reason = N_("%(book)s rents out instruments for %(kinds)s, and has no such kind of course.")
        yield reason, {"kinds": ", ".join(rental.kinds)}
    for instrument, times in Counter(fee.instrument for fee in rental.fees).items():
        if times > 1:
            yield N_("%(book)s has two rents for %(instrument)s."), {"instrument": instrument}


def _of_steps(book: RuleBook) -> Iterator[Said]:
    ended_by = None
    for step in book.withdrawal.steps:
        if ended_by is not None:
            reason = N_("%(book)s has a step %(step)s of giving up a place after %(end)s, which is the last.")
            yield reason, {"step": step.name, "end": ended_by}
        if step.until == "end" and not step.kinds:
            ended_by = step.name
        if step.cost_ore is not None and step.cost_percent is not None:
            reason = N_("%(book)s says in öre and in percent what it costs to give up a place in %(step)s.")
            yield reason, {"step": step.name}
