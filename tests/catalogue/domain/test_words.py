"""Words are compared without case and accents, and titles sorted as Swedish sorts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalogue.domain.words import MOST_WORDS, fold, like_pattern, sort_key, words_of


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Västerås", "vasteras"),
        ("VA\u0308STERA\u030aS", "vasteras"),  # the same letters, written as letter and sign
        ("  Dans\tför \n alla ", "dans for alla"),
        ("Straße", "strasse"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_again_changes_nothing_a_search_would_see(text: str) -> None:
    assert words_of(fold(text)) == words_of(text)


@given(st.text(alphabet="abcåäöéABCÅÄÖÉ ", min_size=1))
def test_case_does_not_matter(text: str) -> None:
    assert fold(text.upper()) == fold(text.lower())


def test_words_are_few_and_each_once() -> None:
    assert words_of("Dans dans DANS fiol") == ("dans", "fiol")
    assert len(words_of(" ".join(f"w{n}" for n in range(50)))) == MOST_WORDS


@pytest.mark.parametrize(
    ("word", "pattern"), [("dans", "%dans%"), ("100%", "%100\\%%"), ("a_b", "%a\\_b%"), ("\\", "%\\\\%")]
)
def test_signs_of_like_are_ordinary_signs(word: str, pattern: str) -> None:
    assert like_pattern(word) == pattern


def test_swedish_letters_come_last_and_case_does_not_count() -> None:
    titles = ["Ömt", "zebra", "Ärla", "Åska", "Alt", "”Bas”", "cello", "ålder"]
    assert sorted(titles, key=sort_key) == ["Alt", "”Bas”", "cello", "zebra", "ålder", "Åska", "Ärla", "Ömt"]
