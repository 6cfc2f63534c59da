"""Billing's copy of what places cost families, line by line: the basis from which hosts bill guardians."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.metadata import metadata
from services.chassis.storage.types import UtcDateTime

# The newest price of a place, by the number of the fact that said it. No pupil.
place_fees = sa.Table(
    "place_fees",
    metadata,
    sa.Column("application_id", sa.String(64), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("guardian_id", sa.String(64)),  # None: a protected identity
    sa.Column("rule_book_id", sa.String(64), nullable=False),
    sa.Column("total_ore", sa.BigInteger, nullable=False),
    sa.Column("child_number", sa.Integer, nullable=False),
    sa.Column("course_number", sa.Integer, nullable=False),
    sa.Column("rents", sa.String(64)),
    sa.Column("rental_ore", sa.BigInteger, nullable=False),
    sa.Column("voucher_ore", sa.BigInteger, nullable=False),
    # What it is made of, as JSON: rule, text in both languages, amount; they sum to the total.
    sa.Column("lines", sa.Text, nullable=False),
    sa.Column("priced_at", UtcDateTime, nullable=False),
)
