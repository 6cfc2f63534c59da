"""What enrolment is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.chassis.refusals import Refusal


def is_readable(text: str) -> bool:
    """Whether a database can keep `text` and a person can read it: no NUL, no half a character."""
    return text != "" and text.isprintable()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a family chooses beside the course: an instrument to rent by its key, öre of a Fritidskort."""

    rents: str | None = None
    voucher_ore: int = 0


NOTHING_CHOSEN = Chosen()


@dataclass(frozen=True, slots=True)
class ApplicationRequest:
    """An application as it came in. `application_id` is the caller's: the same one twice is one application.

    `guardian_id` is the guardian who applies, or the pupil's own id where a pupil of age does; None where
    staff enter it, whose name is in `by`. `queued_at` is the true date of a paper application, else None.
    `party_id` joins siblings who apply together. `choice` is where it goes among the pupil's ranked choices,
    from 1; None is last.
    """

    application_id: str
    course_id: str
    pupil_id: str
    guardian_id: str | None
    by: str
    queued_at: datetime | None = None
    chosen: Chosen = NOTHING_CHOSEN
    party_id: str | None = None
    choice: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The immediate and final answer. `already` where the application was there before."""

    application_id: str
    course_id: str
    pupil_id: str
    state: str
    rule: str
    basis: str
    position: int | None = None
    already: bool = False


Answer = Outcome | Refusal
