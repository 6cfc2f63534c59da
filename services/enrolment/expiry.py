"""What a new day in Sweden brings: offers that nobody answered pass on, who turned 18 decides itself.

And the pupils of a municipality that became a part of another one follow it.
"""

from __future__ import annotations

from services.chassis.storage.engine import Storage
from services.enrolment import commands, life, successors

AT_A_TIME = 20
REST_SECONDS = 30.0


class OfferExpiry:
    """Passes on what is due, a few offers a transaction: the courses they lock are soon free again."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def run_once(self) -> float:
        """Seconds to rest, 0 while more may be due."""
        with self._storage.unit() as unit:
            passed_on = commands.expire_offers(unit, AT_A_TIME)
        with self._storage.unit() as unit:
            of_age = life.come_of_age(unit, AT_A_TIME)
        with self._storage.unit() as unit:
            merged = successors.follow_successors(unit, AT_A_TIME)
        return 0.0 if AT_A_TIME in (passed_on, of_age, merged) else REST_SECONDS
