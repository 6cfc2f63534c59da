"""Money is whole öre. A split returns parts that sum exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping

ORE_PER_KRONA = 100

_SIGNS = "-\N{MINUS SIGN}"
_AMOUNT = re.compile(rf"([{_SIGNS}]?)([0-9]{{1,13}})(?:[.,]([0-9]+))?")
# Commas between thousands are read only where decimals follow: `1,000` could be 1 or 1 000.
_ENGLISH = re.compile(rf"[{_SIGNS}]?[0-9]{{1,3}}(?:,[0-9]{{3}})+\.[0-9]{{2}}")


def split_by_largest_remainder(total_ore: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`total_ore` in proportion to `weights`, whole öre that sum exactly to it.

    Each part is within one öre of the exact share: what rounding down leaves goes one öre each to the
    largest remainders, ties to the lowest key (for municipalities: the code). The order of `weights` does
    not matter. A negative total is split as its opposite, negated, so that a credit mirrors its bill.

    Raises ValueError where there is nothing to split by: no weights, a negative one, or only zeros.
    """
    total_weight = sum(weights.values())
    if total_weight <= 0 or min(weights.values()) < 0:
        raise ValueError("a split needs weights of at least zero and a sum above zero")
    if total_ore < 0:
        return {key: -part for key, part in split_by_largest_remainder(-total_ore, weights).items()}
    parts = {key: total_ore * weight // total_weight for key, weight in weights.items()}
    remainders = {key: total_ore * weight % total_weight for key, weight in weights.items()}
    left = total_ore - sum(parts.values())
    for key in sorted(weights, key=lambda key: (-remainders[key], key))[:left]:
        parts[key] += 1
    return parts


def format_kronor(ore: int, language: str = "sv") -> str:
    """Kronor with two decimals: `25 763,60` in Swedish and `25,763.60` in English, without a unit."""
    sign = "\N{MINUS SIGN}" if ore < 0 else ""
    kronor, rest = divmod(abs(ore), ORE_PER_KRONA)
    grouped = f"{kronor:,}"
    if language == "en":
        return f"{sign}{grouped}.{rest:02d}"
    return f"{sign}{grouped.replace(',', chr(0xA0))},{rest:02d}"


def parse_kronor(text: str) -> int:
    """Öre from what a person writes: `1 000 000`, `1000000,50`, `12.5`, or what `format_kronor` wrote.

    Raises ValueError with a reason. Figures and signs only: neither `1e6` nor `1_000` is an amount.
    """
    compact = "".join(text.split())
    if _ENGLISH.fullmatch(compact):
        compact = compact.replace(",", "")
    amount = _AMOUNT.fullmatch(compact)
    if amount is None:
        raise ValueError("not an amount in kronor")
    sign, kronor, decimals = amount[1], int(amount[2]), amount[3] or ""
    if len(decimals) > 2:
        raise ValueError("an öre is the smallest part of a krona: at most two decimals")
    if kronor > 10**12:
        raise ValueError("not an amount in kronor")
    ore = kronor * ORE_PER_KRONA + int(decimals.ljust(2, "0"))
    return -ore if sign else ore
