"""Languages: gettext catalogues, and how dates and money are written in each."""

from __future__ import annotations

import gettext as gnu_gettext
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.dates import format_date, format_datetime, get_day_names
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup

from services.chassis.clock import STOCKHOLM
from services.chassis.money import format_kronor
from services.chassis.refusals import Refusal

LANGUAGES: Mapping[str, str] = {"sv": "Svenska", "en": "English"}
DEFAULT_LANGUAGE = "sv"

CHASSIS_LOCALE = Path(__file__).parent / "locale"
SITE_MAP_LOCALE = CHASSIS_LOCALE

_language: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)


def current_language() -> str:
    return _language.get()


def speak(language: str) -> None:
    """From here on, in this request or message, texts are in `language`."""
    _language.set(language if language in LANGUAGES else DEFAULT_LANGUAGE)


def choose(cookie: str | None, accepted: Sequence[str]) -> str:
    """The language the visitor chose, else the first one the browser accepts that we speak."""
    for candidate in (cookie, *accepted):
        language = (candidate or "").partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return DEFAULT_LANGUAGE


class Texts:
    """The translations of one service: its own catalogue before the chassis'. English is the source."""

    def __init__(self, *folders: Path) -> None:
        self._swedish = gnu_gettext.NullTranslations()
        for folder in (*folders, CHASSIS_LOCALE):
            file = folder / "sv.po"
            if file.exists():
                self._swedish.add_fallback(gnu_gettext.GNUTranslations(BytesIO(_compiled(file))))

    def gettext(self, text: str) -> str:
        return self._swedish.gettext(text) if current_language() == "sv" else text

    def ngettext(self, one: str, many: str, number: int) -> str:
        if current_language() == "sv":
            return self._swedish.ngettext(one, many, number)
        return one if number == 1 else many

    def reason(self, refusal: Refusal) -> str:
        """Why, in the reader's language."""
        return self.gettext(refusal.reason) % {key: speakable(value) for key, value in refusal.facts.items()}


@cache
def _compiled(file: Path) -> bytes:
    """A .po read as it is: there is no compiled file that could be stale.

    Bytes, since a chain of catalogues changes each of its links and so none may be shared.
    """
    with file.open("rb") as handle:
        catalogue = read_po(handle, locale="sv")
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    return compiled.getvalue()


def speakable(value: Any) -> str:
    """A date, an amount, a local text or anything else as the reader writes it."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    if hasattr(value, "in_language"):
        return str(value.in_language(current_language()))
    return str(value)


def day(value: date) -> str:
    """`13 januari 2027`."""
    return format_date(value, format="long", locale=_locale())


def moment(value: datetime) -> str:
    """Local time in Sweden: `24 nov. 2026 16:30`."""
    return format_datetime(value.astimezone(STOCKHOLM), "d MMM y HH:mm", locale=_locale())


def weekday(number: int) -> str:
    """The day's name; Monday is 1."""
    return str(get_day_names("wide", locale=_locale())[number - 1])


def kronor(ore: int) -> str:
    """An amount with its unit: `850,00 kr`."""
    amount = format_kronor(ore, current_language())
    return f"SEK {amount}" if current_language() == "en" else f"{amount}\N{NO-BREAK SPACE}kr"


def number(value: int) -> str:
    """A whole number with grouped digits."""
    grouped = f"{value:,}"
    return grouped if current_language() == "en" else grouped.replace(",", "\N{NO-BREAK SPACE}")


def _locale() -> str:
    return "en_GB" if current_language() == "en" else "sv_SE"


FILTERS = {
    "day": day,
    "moment": moment,
    "weekday": weekday,
    "kronor": kronor,
    "number": number,
    "said": lambda value: Markup.escape(speakable(value)),
}
