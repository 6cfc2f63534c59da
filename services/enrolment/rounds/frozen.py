"""A run's input as one text: whoever has it, and nothing else, comes to the same result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.enrolment.domain.round import Choice, Party, RoundCeiling, RoundCourse


@dataclass(frozen=True, slots=True)
class Problem:
    """`criteria` names, by course, what each part of a key there stands for.

    `refused` holds wishes that rules had excluded by the time of the run: (pupil, course) -> the refusal.
    `ceilings` are by home municipality, and `homes` the homes of the pupils whom one concerns.
    """

    courses: Mapping[str, RoundCourse]
    parties: Sequence[Party]
    criteria: Mapping[str, Sequence[str]]
    refused: Mapping[tuple[str, str], str]
    ceilings: Mapping[str, RoundCeiling] = field(default_factory=dict)
    homes: Mapping[str, str] = field(default_factory=dict)


def freeze(problem: Problem) -> str:
    document: dict[str, Any] = {
        "courses": [[c.course_id, c.seats, dict(c.reserved)] for c in problem.courses.values()],
        "criteria": {name: list(order) for name, order in problem.criteria.items()},
        "parties": problem.parties,  # tuples all the way down
        "refused": [[*who, why] for who, why in sorted(problem.refused.items())],
    }
    if problem.ceilings:
        document["ceilings"] = {home: [c.places, c.ore] for home, c in sorted(problem.ceilings.items())}
        document["homes"] = dict(sorted(problem.homes.items()))
        document["fees"] = {c.course_id: [c.host, c.fee_ore] for c in problem.courses.values()}
    return json.dumps(document, separators=(",", ":"))


def thaw(text: str) -> Problem:
    document = json.loads(text)
    fees = document.get("fees", {})
    return Problem(
        {
            name: RoundCourse(name, seats, reserved, *fees.get(name, ()))
            for name, seats, reserved in document["courses"]
        },
        [
            Party(tuple(pupils), home, tuple(Choice(name, tuple(key)) for name, key in choices))
            for pupils, home, choices in document["parties"]
        ],
        document["criteria"],
        {(pupil, course): why for pupil, course, why in document["refused"]},
        {home: RoundCeiling(*left) for home, left in document.get("ceilings", {}).items()},
        document.get("homes", {}),
    )


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
