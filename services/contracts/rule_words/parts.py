"""Days, amounts and lists as a sentence has them, in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from services.contracts.fact import LocalText
from services.contracts.rule_book import RuleBook
from services.contracts.rule_dates import TermDays
from services.contracts.rule_words.names import KINDS, as_words

MONTHS_SV = (
    *("januari", "februari", "mars", "april", "maj", "juni"),
    *("juli", "augusti", "september", "oktober", "november", "december"),
)
MONTHS_EN = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def text(sv: str, en: str, **places: LocalText | str | int) -> LocalText:
    """`{name}` stands for a value of `places`, in the text's own language."""

    def filled(sentence: str, language: str) -> str:
        values = {
            name: value.in_language(language) if isinstance(value, LocalText) else value
            for name, value in places.items()
        }
        return sentence.format(**values)

    return LocalText(filled(sv, "sv"), filled(en, "en"))


def money(ore: int) -> LocalText:
    """`650 kr` and `SEK 650`; with two decimals only where there are öre."""
    kronor, rest = divmod(ore, 100)
    decimals = f"{rest:02d}" if rest else ""
    grouped = f"{kronor:,}"
    sv = grouped.replace(",", "\N{NO-BREAK SPACE}") + (f",{decimals}" if decimals else "")
    return LocalText(f"{sv}\N{NO-BREAK SPACE}kr", f"SEK {grouped}" + (f".{decimals}" if decimals else ""))


def municipality(code: str) -> LocalText:
    """By its code; who knows the names puts them in its place, see `sentences.chapters`."""
    return LocalText(f"kommun {code}", f"municipality {code}")


def counted(number: int, one: LocalText, many: LocalText) -> LocalText:
    """`1 time`, `2 times`."""
    word = one if number == 1 else many
    return LocalText(f"{number} {word.sv}", f"{number} {word.en}")


def full_day(day: date) -> LocalText:
    month = day.month - 1
    return LocalText(f"{day.day} {MONTHS_SV[month]} {day.year}", f"{day.day} {MONTHS_EN[month]} {day.year}")


def days(term_days: TermDays) -> LocalText:
    """`15 May for the autumn term and 1 December for the spring term`."""
    found = []
    if term_days.autumn is not None:
        found.append(text("{day} för höstterminen", "{day} for the autumn term", day=_day(term_days.autumn)))
    if term_days.spring is not None:
        found.append(text("{day} för vårterminen", "{day} for the spring term", day=_day(term_days.spring)))
    return listed(found)


def has_days(term_days: TermDays) -> bool:
    return term_days.autumn is not None or term_days.spring is not None


def _day(month_and_day: str) -> LocalText:
    month, day = (int(part) for part in month_and_day.split("-"))
    return LocalText(f"{day} {MONTHS_SV[month - 1]}", f"{day} {MONTHS_EN[month - 1]}")


def listed(found: Iterable[LocalText | str], sv: str = "och", en: str = "and") -> LocalText:
    """`one, two and three`."""
    texts = [each if isinstance(each, LocalText) else LocalText(each, each) for each in found]
    return LocalText(
        _joined([each.sv for each in texts], f" {sv} "), _joined([each.en for each in texts], f" {en} ")
    )


def _joined(parts: Sequence[str], last: str) -> str:
    return last.join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def kinds(rule_book: RuleBook, names: Iterable[str]) -> LocalText:
    """Kinds of course by the words that the rule book's fees have for them, or by ordinary ones."""
    fees = {fee.kind: fee.text for fee in rule_book.fees}
    return listed(fees.get(name) or KINDS.get(name) or as_words(name) for name in names)
