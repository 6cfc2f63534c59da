"""Where all of billing's tables are known."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()
