"""Enrolment's own settings, from the environment."""

from __future__ import annotations

from dataclasses import dataclass

from services.chassis.settings import Settings, SettingsError

MOST_BATCH = 2000


@dataclass(frozen=True, slots=True)
class EnrolmentSettings:
    """`admission_batch` is how many applications one transaction decides at most; 1 turns batching off."""

    admission_batch: int


def enrolment_settings(settings: Settings) -> EnrolmentSettings:
    """Raises SettingsError."""
    text = settings.environment.get("ADMISSION_BATCH") or "256"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_BATCH:
        raise SettingsError(f"ADMISSION_BATCH is {text!r}: write a number from 1 to {MOST_BATCH}.")
    return EnrolmentSettings(int(text))
