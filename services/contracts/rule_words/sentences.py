"""All sentences of a rule book, in the order in which a family meets the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.chassis.refusals import N_
from services.contracts.fact import LocalText
from services.contracts.rule_book import RuleBook
from services.contracts.rule_words import admission, money, next_term
from services.contracts.rule_words.parts import municipality


@dataclass(frozen=True, slots=True)
class Chapter:
    """`title` is an English text of the catalogue of translations."""

    title: str
    sentences: Sequence[LocalText]


_CHAPTERS: tuple[tuple[str, Callable[[RuleBook], Iterator[LocalText]]], ...] = (
    (N_("Who may apply"), admission.who),
    (N_("When"), admission.when),
    (N_("In which order"), admission.order),
    (N_("How many"), admission.how_many),
    (N_("Answering an offer"), admission.answering),
    (N_("The next term"), next_term.carrying),
    (N_("What it costs"), money.prices),
    (N_("Trying"), money.trials),
    (N_("Giving up a place"), money.leaving),
)


def chapters(rule_book: RuleBook, names: Mapping[str, str]) -> tuple[Chapter, ...]:
    """What Samklang goes by, as a family reads it; a chapter that says nothing is left out.

    `names` are those of municipalities by their codes.
    """
    return tuple(
        Chapter(chapter.title, [_named(sentence, names) for sentence in chapter.sentences])
        for chapter in _chapters(rule_book)
    )


def _named(sentence: LocalText, names: Mapping[str, str]) -> LocalText:
    sv, en = sentence.sv, sentence.en
    for code, name in names.items():
        by_code = municipality(code)
        sv, en = sv.replace(by_code.sv, name), en.replace(by_code.en, name)
    return LocalText(sv, en)


@lru_cache(maxsize=256)
def _chapters(rule_book: RuleBook) -> tuple[Chapter, ...]:
    said = [(title, tuple(sentences(rule_book))) for title, sentences in _CHAPTERS]
    return tuple(Chapter(title, found) for title, found in said if found)
