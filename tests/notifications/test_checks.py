"""The checks find what they look for, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.notifications.checks import check
from services.notifications.tables import messages
from tests.notifications.doubles import RememberingPost, make_sender, send_all
from tests.notifications.story import ALMA, FIDDLE, MARIA, NOW, place, tell

Make = Callable[[str], Storage]
LATER = NOW + timedelta(hours=2)


def findings(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return check(connection, LATER)


def test_all_is_well_after_sending(make_storage: Make) -> None:
    storage = make_storage("notifications")
    tell(storage, FIDDLE, MARIA, ALMA, place())
    send_all(make_sender(storage, RememberingPost()))
    assert findings(storage) == []


def test_a_message_that_could_be_sent_and_is_not_is_found(make_storage: Make) -> None:
    storage = make_storage("notifications")
    tell(storage, FIDDLE, MARIA, ALMA, place())
    assert findings(storage) == ["1 messages that could be sent have waited for over an hour"]


def test_a_message_whose_reader_is_not_known_yet_is_nobody_s_fault(make_storage: Make) -> None:
    storage = make_storage("notifications")
    tell(storage, FIDDLE, ALMA, place())
    assert findings(storage) == []


def test_a_place_without_its_message_is_found(make_storage: Make) -> None:
    storage = make_storage("notifications")
    tell(storage, FIDDLE, MARIA, ALMA, place())
    with storage.unit() as unit:
        unit.execute(sa.delete(messages))
    assert findings(storage) == ["1 places have no message to their guardian"]


def test_a_fact_told_twice_is_found(make_storage: Make) -> None:
    """The database refuses it; the check is for one whose constraint went missing."""
    storage = make_storage("notifications")
    tell(storage, FIDDLE, MARIA, ALMA, place())
    with storage.unit() as unit:
        unit.execute(sa.text("CREATE TABLE kept AS SELECT * FROM messages"))
        unit.execute(sa.text("DROP TABLE messages"))
        unit.execute(sa.text("ALTER TABLE kept RENAME TO messages"))
        unit.execute(sa.text("INSERT INTO messages SELECT * FROM messages"))
    assert "1 facts were told to one person more than once" in findings(storage)
