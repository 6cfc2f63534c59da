"""The decider: applications that arrive together are decided together, and each caller gets its answer.

Thousands press "apply" in the minute a period opens. One transaction for all who wait costs about as much
as one for a single application; see docs/decisions/0001.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

import eventlet
import structlog
from eventlet.event import Event

from services.chassis.messaging.entrypoints import Bells
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.engine import Storage
from services.enrolment.admission import decide_applications
from services.enrolment.domain.requests import Answer, ApplicationRequest, Outcome

ANSWER_SECONDS = 20
MOST_WAITING = 5000
# From this many in a batch on it is a rush; it is over when no such batch came for a moment.
RUSH_BATCH = 8
RUSH_ENDS_SECONDS = 0.5

TOO_BUSY = Refusal(
    "too_busy",
    N_(
        "Very many apply at this moment. Nothing is lost: press apply again in a minute. "
        "Who applied twice has one application."
    ),
    status=503,
)

log = structlog.get_logger("decider")


class Decider:
    """`most` applications at a time; 1 is the ordinary way of one transaction each."""

    def __init__(self, storage: Storage, bells: Bells, most: int = 256) -> None:
        self.storage = storage
        self._bells = bells
        self._most = most
        self._waiting: deque[tuple[ApplicationRequest, Event]] = deque()
        self._rush_seen = -RUSH_ENDS_SECONDS

    def decide(self, request: ApplicationRequest) -> Outcome:
        """The answer, once it is committed. Raises Refused."""
        if len(self._waiting) >= MOST_WAITING:
            raise Refused(TOO_BUSY)
        answered: Event = Event()
        self._waiting.append((request, answered))
        self._bells.ring("applications")
        timeout = eventlet.Timeout(ANSWER_SECONDS, False)
        with timeout:
            answer: Answer = answered.wait()
            if isinstance(answer, Refusal):
                raise Refused(answer)
            return answer
        # It may yet be decided; the same application id will find what was.
        raise Refused(TOO_BUSY)

    def run_once(self) -> float:
        """Decide a batch; seconds to rest, 0 while more wait."""
        batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        if not batch:
            return 1.0
        if len(batch) >= RUSH_BATCH:
            self._rush_seen = time.monotonic()
        try:
            answers = self._decide([request for request, _ in batch])
        except Exception as error:
            # One of them may have taken the others' transaction with it: each alone, then.
            log.warning("batch_failed", size=len(batch), error=type(error).__name__)
            for request, answered in batch:
                self._decide_alone(request, answered)
            return 0.0
        for (_, answered), answer in zip(batch, answers, strict=True):
            answered.send(answer)
        return 0.0

    def is_rush(self, now: float) -> bool:
        """Whether many apply right now. `now` is of the monotonic clock."""
        return now - self._rush_seen <= RUSH_ENDS_SECONDS

    def _decide(self, requests: Sequence[ApplicationRequest]) -> list[Answer]:
        with self.storage.unit() as unit:
            return decide_applications(unit, requests)

    def _decide_alone(self, request: ApplicationRequest, answered: Event) -> None:
        try:
            answered.send(self._decide([request])[0])
        except Exception as error:
            answered.send_exception(error)
