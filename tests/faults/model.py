"""Enrolment as simply as it can be said: seats, a queue by date, and who has what. No database, no facts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Course:
    """`published` seats by the school's last word; `queue` holds application ids, next in line first."""

    published: int
    capacity: int = 0
    taken: int = 0
    queue: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.capacity = self.published


@dataclass
class Model:
    courses: dict[str, Course]
    states: dict[str, str] = field(default_factory=dict)
    about: dict[str, tuple[str, str]] = field(default_factory=dict)  # application -> course, pupil

    def active(self, course_id: str, pupil_id: str) -> str | None:
        for application, about in self.about.items():
            if about == (course_id, pupil_id) and self.states[application] != "ended":
                return application
        return None

    def apply(self, application: str, course_id: str, pupil_id: str) -> str:
        """The id of the application there is now: the new one, or the one that was there."""
        there = self.active(course_id, pupil_id)
        if there is not None:
            return there
        course = self.courses[course_id]
        self.about[application] = (course_id, pupil_id)
        if course.taken < course.capacity and not course.queue:
            course.taken += 1
            self.states[application] = "placed"
        else:
            course.queue.append(application)
            self.states[application] = "queued"
        return application

    def accept(self, application: str) -> bool:
        """Whether that was possible."""
        if self.states[application] == "offered":
            self.states[application] = "placed"
        return self.states[application] == "placed"

    def withdraw(self, application: str) -> bool:
        if self.states[application] == "ended":
            return False
        course = self.courses[self.about[application][0]]
        if self.states[application] == "queued":
            course.queue.remove(application)
        else:
            course.taken -= 1
            course.capacity = max(course.published, course.taken)
        self.states[application] = "ended"
        self._offer(course)
        return True

    def publish(self, course_id: str, seats: int) -> None:
        course = self.courses[course_id]
        course.published = seats
        course.capacity = max(seats, course.taken)
        self._offer(course)

    def _offer(self, course: Course) -> None:
        while course.queue and course.taken < course.capacity:
            self.states[course.queue.pop(0)] = "offered"
            course.taken += 1
