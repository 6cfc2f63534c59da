"""What a letter is made of, and what it has become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.contracts.fact import LocalText
from services.notifications.domain.lessons import Lessons


@dataclass(frozen=True, slots=True)
class CourseFacts:
    title: LocalText
    school: str
    weekday: int
    room: str
    lessons: Lessons
    term: LocalText | None = None
    cancelled_because: LocalText | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """What a letter is made of. `pupil_name` None where it never came: the letter then says "your child".

    `is_own` where the reader is the pupil. `facts` is what the fact said, by the message's kind.
    """

    kind: str
    language: str
    reader_name: str
    facts: Mapping[str, Any]
    is_own: bool = False
    pupil_name: str | None = None
    course: CourseFacts | None = None
    municipality_name: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """`html` is the body's content, without a document around it: the mail page shows it too."""

    language: str
    subject: str
    text: str
    html: str


@dataclass(slots=True)
class Content:
    """A letter's words before they are written out. `action` is a link: its label and where it leads."""

    subject: str
    paragraphs: list[str]
    details: list[tuple[str, str]] = field(default_factory=list)
    action: tuple[str, str] = ("", "")
