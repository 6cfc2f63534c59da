"""Identifiers. The caller makes an id and reuses it when it tries again."""

from __future__ import annotations

import uuid

_SAMKLANG = uuid.uuid5(uuid.NAMESPACE_DNS, "samklang.se")


def new_id() -> str:
    return str(uuid.uuid4())


def derived_id(*parts: str) -> str:
    """The same id for the same parts, on every machine: for data that is loaded again."""
    return str(uuid.uuid5(_SAMKLANG, "\x1f".join(parts)))


def is_id(text: str) -> bool:
    """Whether `text` is an id in the one spelling that is stored."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
