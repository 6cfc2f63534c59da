"""The lottery between those who are equal: anybody who knows the published seed can draw it again."""

from __future__ import annotations

import hashlib

from services.contracts.rule_book import RuleBook

# What joins the three texts, so that no two draws read the same.
BETWEEN = "\x1f"


def seed_of(rule_book: RuleBook) -> str:
    """Published with the rule book before anybody applies; the book's own name where it gives none."""
    return rule_book.ordering.lottery_seed or rule_book.rule_book_id


def lot(seed: str, course_id: str, pupil_id: str) -> str:
    """A pupil's lot for a course, smallest first: SHA-256 in hexadecimal, the same on every machine.

    It is drawn over the pupil and not over the application, whose id the applicant makes and could choose.
    """
    return hashlib.sha256(BETWEEN.join((seed, course_id, pupil_id)).encode()).hexdigest()


def command(seed: str, course_id: str, pupil_id: str) -> str:
    """How to draw it again in a terminal."""
    quoted = [text.replace("'", "'\\''") for text in (seed, course_id, pupil_id)]
    return "printf '%s\\037%s\\037%s' " + " ".join(f"'{text}'" for text in quoted) + " | sha256sum"
