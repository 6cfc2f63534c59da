"""Of everything that could be done about a course, the one thing that goes first."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.enrolment.domain.next_action import CourseNow, Round, next_action

TODAY = date(2026, 11, 24)
TOMORROW, LATER = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
HERE = "/staff/courses/c"


@pytest.mark.parametrize(
    ("course", "name", "count", "path"),
    [
        (CourseNow("c"), "nothing", 0, HERE),
        (CourseNow("c", free=3), "nothing", 0, HERE),
        (CourseNow("c", waiting=7), "nothing", 0, HERE),
        (CourseNow("c", free=3, waiting=7, could_have_seat=7), "offer", 3, f"{HERE}/offers"),
        (CourseNow("c", free=3, waiting=7, could_have_seat=1), "offer", 1, f"{HERE}/offers"),
        (CourseNow("c", free=3, waiting=7), "nobody_may", 7, f"{HERE}/offers"),
        (CourseNow("c", answer_bys=(LATER,)), "nothing", 0, HERE),
        (CourseNow("c", answer_bys=(TOMORROW, LATER, TOMORROW)), "expires_tomorrow", 2, f"{HERE}#offers"),
        (CourseNow("c", answer_bys=(TOMORROW, TODAY, LATER)), "expires_today", 1, f"{HERE}#offers"),
        # A seat that many wait for goes before an offer that only time settles, and that before the rest.
        (CourseNow("c", free=1, waiting=2, could_have_seat=2, answer_bys=(TODAY,)), "offer", 1,
         f"{HERE}/offers"),
        (CourseNow("c", free=1, waiting=2, answer_bys=(TODAY,)), "expires_today", 1, f"{HERE}#offers"),
        (CourseNow("c", free=1, waiting=2, could_have_seat=2, to_settle=1), "settle", 1, f"{HERE}#settle"),
        (CourseNow("c", free=9, gives_in_round=True), "open_round", 9, "/staff/rounds"),
        (CourseNow("c", free=9, gives_in_round=True, round=Round("r", "open")), "rehearse_round", 9,
         "/staff/rounds/r"),
        (CourseNow("c", free=9, gives_in_round=True, round=Round("r", "run")), "publish_round", 9,
         "/staff/rounds/r"),
        (CourseNow("c", free=1, waiting=2, could_have_seat=2, round=Round("r", "run")), "offer", 1,
         f"{HERE}/offers"),
        (CourseNow("c", is_over=True, free=3, waiting=7, could_have_seat=7, to_settle=1,
                   answer_bys=(TODAY,)), "nothing", 0, HERE),
    ],
)  # fmt: skip
def test_the_next_action(course: CourseNow, name: str, count: int, path: str) -> None:
    action = next_action(course, TODAY)
    assert (action.name, action.count, action.path) == (name, count, path)
    assert action.waiting == course.waiting
