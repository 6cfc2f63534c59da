"""Codes of municipalities and counties, as Statistics Sweden gives them."""

from __future__ import annotations

import re

# Actors of the region, or of the whole cooperation, are bound to the county's two digits.
_MUNICIPALITY = re.compile(r"[0-9]{4}")
_COUNTY = re.compile(r"[0-9]{2}")


def is_municipality_code(text: str) -> bool:
    return _MUNICIPALITY.fullmatch(text) is not None


def is_county_code(text: str) -> bool:
    return _COUNTY.fullmatch(text) is not None


def covers(scope: str, municipality_code: str) -> bool:
    """Whether who is bound to `scope` may act for the municipality: itself, or its county."""
    return scope == municipality_code or (is_county_code(scope) and municipality_code.startswith(scope))
