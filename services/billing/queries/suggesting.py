"""What is suggested for a payment now: worked out anew, so that nobody confirms what is no longer open."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import sqlalchemy as sa

from services.billing.domain import matching
from services.billing.domain.camt.statement import HOME_CURRENCY
from services.billing.domain.matching import Allocation, Suggestion
from services.billing.queries import payments as queries
from services.billing.queries.payments import Kept
from services.chassis.refusals import N_, Refusal, Refused


@dataclass(frozen=True, slots=True)
class Offered:
    """A suggestion, and a fingerprint of it that its form carries."""

    suggestion: Suggestion
    seen: str


def suggestions_for(connection: sa.Connection, payment: Kept) -> list[Offered]:
    """For what is left of a payment in, the likeliest first. A reference decides first here too."""
    if payment.rest_ore <= 0:
        return []
    told = replace(payment.told, amount_ore=payment.rest_ore, currency=HOME_CURRENCY)
    found = matching.match(told, queries.book_now(connection))
    suggestions = list(found.suggestions)
    if found.allocations:
        suggestions.insert(0, Suggestion(found.allocations, found.because))
    return [Offered(each, fingerprint(each.allocations)) for each in suggestions]


def fingerprint(allocations: tuple[Allocation, ...]) -> str:
    said = ";".join(f"{each.invoice_id}:{each.amount_ore}" for each in allocations)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def chosen(connection: sa.Connection, payment: Kept, place: int, seen: str) -> Suggestion:
    """The suggestion that was confirmed, if it still is the same. Raises Refused: suggestion_stale."""
    offered = suggestions_for(connection, payment)
    if place < len(offered) and offered[place].seen == seen:
        return offered[place].suggestion
    raise Refused(
        Refusal(
            "suggestion_stale",
            N_("Something has changed since you looked. Look at the suggestion again before you confirm it."),
        )
    )
