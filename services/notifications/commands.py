"""What one can ask of notifications: one function an intention."""

from __future__ import annotations

import sqlalchemy as sa

from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.unit import Unit
from services.chassis.web.languages import LANGUAGES
from services.notifications.tables import preferences

LANGUAGE_UNKNOWN = Refusal(
    "language_unknown", N_("Samklang does not write mail in that language."), status=422
)


def choose_language(unit: Unit, person_id: str, language: str) -> None:
    """From now on the person's mail is written in `language`, whatever its contact says. Raises Refused."""
    if language not in LANGUAGES:
        raise Refused(LANGUAGE_UNKNOWN)
    values = {"language": language, "changed_at": unit.now}
    unit.execute(insert_ignoring(unit.connection, preferences), {"person_id": person_id, **values})
    unit.execute(sa.update(preferences).where(preferences.c.person_id == person_id).values(values))
