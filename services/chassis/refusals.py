"""A refusal is a value of the domain: a name, a reason a family can read, and the rule that said no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def N_(text: str) -> str:
    """Marks a text for the translators' catalogue."""
    return text


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reason` is an English text of the translation catalogue with %(name)s places for `facts`.

    `rule` names the rule that said no, where one did; `status` is the HTTP status that fits.
    """

    name: str
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    rule: str | None = None
    status: int = 409


class Refused(Exception):
    """Carries a refusal out of a command. Nothing of the command has happened."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal
