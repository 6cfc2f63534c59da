"""Back-off grows, is bounded, and comes to an end."""

from datetime import timedelta

from services.notifications.domain.retries import MOST_ATTEMPTS, back_off, is_given_up


def test_back_off_doubles_up_to_six_hours() -> None:
    rests = [back_off(attempts) for attempts in range(1, MOST_ATTEMPTS)]
    assert rests[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert rests == sorted(rests)
    assert max(rests) <= timedelta(hours=6)


def test_a_mail_is_tried_overnight_before_it_is_given_up() -> None:
    total = sum((back_off(attempts) for attempts in range(1, MOST_ATTEMPTS)), timedelta())
    assert timedelta(hours=12) < total < timedelta(days=2)
    assert not is_given_up(MOST_ATTEMPTS - 1)
    assert is_given_up(MOST_ATTEMPTS)
