"""Whose things a request is about: the signed-in person's own, and nobody else's. Declared here only.

Every handler asks `person_of` and gives the answer to a query that is limited to it; what is another's is
not found, so that nobody learns that it exists.
"""

from __future__ import annotations

from services.chassis.web.access import NotFound, only
from services.chassis.web.context import Context

# Those whom Samklang writes to, and those who have places.
READERS = only("guardian", "pupil", "finance")
FAMILIES = only("guardian", "pupil")


def person_of(context: Context) -> str:
    """Raises NotFound for an actor that is no person, such as an API client of an organisation."""
    person_id = context.signed_in.person_id
    if person_id is None:
        raise NotFound
    return person_id
