"""On the day on which municipalities merge, courses follow the successor."""

from __future__ import annotations

from services.catalogue import commands
from services.chassis.storage.engine import Storage

AT_A_TIME = 50
REST_SECONDS = 60.0


class Successors:
    """A few courses a transaction, so that nobody who publishes one waits for long."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def run_once(self) -> float:
        """Seconds to rest, 0 while more may be due."""
        with self._storage.unit() as unit:
            followed = commands.follow_successors(unit, AT_A_TIME)
        return 0.0 if followed == AT_A_TIME else REST_SECONDS
