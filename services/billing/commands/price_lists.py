"""The price list of places taken in another municipality: a new version of the agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.billing.commands.agreements import record_agreement
from services.billing.domain.agreements import Price
from services.billing.queries import basis as queries
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit


def set_prices(unit: Unit, prices: Sequence[Price], by: str) -> int:
    """The version of the agreement that has these prices; the one before it stays as it was.

    The same prices again give the version that has them. Raises Refused: agreement_without_terms,
    price_list_impossible.
    """
    newest = next(iter(queries.every_agreement(unit.connection)), None)
    if newest is None or newest.terms is None:
        raise Refused(
            Refusal("agreement_without_terms", N_("Record an agreement with its terms before it changes."))
        )
    listed = tuple(sorted(prices, key=lambda price: price.kind))
    if tuple(sorted(newest.terms.prices, key=lambda price: price.kind)) == listed:
        return newest.version
    version = newest.version + 1
    record_agreement(unit, replace(newest, version=version, terms=replace(newest.terms, prices=listed)), by)
    return version
