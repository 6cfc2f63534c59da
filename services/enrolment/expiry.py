"""What a new day in Sweden brings: offers and queue positions that nobody answered for pass on, schools give
their places, who turned 18 decides itself and is seen by no guardian, and the pupils of a municipality that
became a part of another one follow it."""

from __future__ import annotations

import time
from datetime import date

from services.chassis.clock import local_date
from services.chassis.storage.engine import Storage
from services.enrolment import commands, life, next_term, seats, successors
from services.enrolment.readers import tell_guardianships

AT_A_TIME = 20
GUARDIANSHIPS_AT_A_TIME = 200  # they lock no course
REST_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 600.0


class OfferExpiry:
    """Passes on what is due, a few offers a transaction: the courses they lock are soon free again."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._looked_on: date | None = None
        self._looked_at = -LOOK_AGAIN_SECONDS

    def run_once(self) -> float:
        """Seconds to rest, 0 while more may be due."""
        with self._storage.unit() as unit:
            passed_on = commands.expire_offers(unit, AT_A_TIME)
        with self._storage.unit() as unit:
            lapsed = next_term.expire_renewals(unit, AT_A_TIME)
        with self._storage.unit() as unit:
            of_age = life.come_of_age(unit, AT_A_TIME)
        with self._storage.unit() as unit:
            told = tell_guardianships(unit, most=GUARDIANSHIPS_AT_A_TIME)
        with self._storage.unit() as unit:
            merged = successors.follow_successors(unit, AT_A_TIME)
        self._offer_free_seats()
        more = AT_A_TIME in (passed_on, lapsed, of_age, merged) or told == GUARDIANSHIPS_AT_A_TIME
        return 0.0 if more else REST_SECONDS

    def _offer_free_seats(self) -> None:
        """On each new day and now and then: who could not have a seat that is free may have it by now. Doing
        it again offers nothing that has been offered."""
        today, now = local_date(self._storage.clock.now()), time.monotonic()
        if self._looked_on == today and now - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        with self._storage.reading() as connection:
            found = seats.courses_with_free_seats(connection, today)
        for course_id in found:
            with self._storage.unit() as unit:
                seats.offer_to_who_waits(unit, course_id)
        self._looked_on, self._looked_at = today, now
