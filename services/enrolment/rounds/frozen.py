"""A run's input as one text: whoever has it, and nothing else, comes to the same result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.enrolment.domain.round import Choice, Party, RoundCourse


@dataclass(frozen=True, slots=True)
class Problem:
    """`criteria` names, by course, what each part of a key there stands for.

    `refused` holds wishes that rules had excluded by the time of the run: (pupil, course) -> the refusal.
    """

    courses: Mapping[str, RoundCourse]
    parties: Sequence[Party]
    criteria: Mapping[str, Sequence[str]]
    refused: Mapping[tuple[str, str], str]


def freeze(problem: Problem) -> str:
    document = {
        "courses": [[c.course_id, c.seats, dict(c.reserved)] for c in problem.courses.values()],
        "criteria": {name: list(order) for name, order in problem.criteria.items()},
        "parties": [
            [party.pupils, party.municipality, [[c.course_id, c.key] for c in party.choices]]
            for party in problem.parties
        ],
        "refused": [[*who, why] for who, why in sorted(problem.refused.items())],
    }
    return json.dumps(document, separators=(",", ":"))


def thaw(text: str) -> Problem:
    document = json.loads(text)
    return Problem(
        {name: RoundCourse(name, seats, reserved) for name, seats, reserved in document["courses"]},
        [
            Party(tuple(pupils), home, tuple(Choice(name, tuple(key)) for name, key in choices))
            for pupils, home, choices in document["parties"]
        ],
        document["criteria"],
        {(pupil, course): why for pupil, course, why in document["refused"]},
    )


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
