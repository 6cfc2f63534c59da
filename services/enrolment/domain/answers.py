"""What the answers of a child's guardians to an offer come to.

A yes gives the place at once, since the seat is held for the child and nobody else loses by it. A no lets
the seat go, and is not to be undone, so it waits for the other guardian until the answer time is over. A yes
and a no, in whatever order, are a case for the school: the first answer does not win, and the seat is held.
"""

from __future__ import annotations

from collections.abc import Collection

YES, NO = "yes", "no"
ANSWERS = (YES, NO)

ACCEPTED = "accepted"
DECLINED = "declined"
HELD = "held"
DISPUTED = "disputed"


def standing(answers: Collection[str], silent: int) -> str:
    """`answers` are those given, one a guardian, at least one; `silent` guardians have not answered yet."""
    if YES in answers and NO in answers:
        return DISPUTED
    if YES in answers:
        return ACCEPTED
    return HELD if silent else DECLINED
