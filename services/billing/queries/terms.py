"""Terms as the catalogue opened them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from services.billing.copy_tables import terms
from services.billing.domain.refusals import TERM_NOT_KNOWN
from services.chassis.refusals import Refused


def term_row(connection: sa.Connection, term_id: str) -> sa.Row[Any]:
    """Raises Refused: term_not_known."""
    row = connection.execute(sa.select(terms).where(terms.c.term_id == term_id)).first()
    if row is None:
        raise Refused(TERM_NOT_KNOWN)
    return row
