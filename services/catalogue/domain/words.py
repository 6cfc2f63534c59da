"""How words are compared: without case and accents, so that `vasteras` finds Västerås."""

from __future__ import annotations

import re
import unicodedata

MOST_WORDS = 8
# After z in ASCII, in the order of the Swedish alphabet.
_SWEDISH_LAST = str.maketrans({"å": "{", "ä": "|", "æ": "|", "ö": "}", "ø": "}"})


def fold(text: str) -> str:
    """`text` in small letters without accents, its white space single."""
    # Decomposing brings out letters that have a case of their own, and folding ones to decompose.
    folded = unicodedata.normalize("NFKD", text).casefold()
    decomposed = unicodedata.normalize("NFKD", folded).casefold()
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(bare.split())


def words_of(query: str) -> tuple[str, ...]:
    """The folded words of a query, each once, the first eight of them."""
    return tuple(dict.fromkeys(fold(query).split()))[:MOST_WORDS]


def like_pattern(word: str) -> str:
    r"""A LIKE pattern for "contains `word`"; the escape character is the backslash."""
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def sort_key(title: str) -> str:
    """What to sort a title by, byte for byte: å, ä and ö after z, case and opening quotes aside."""
    swedish = unicodedata.normalize("NFC", title).casefold().translate(_SWEDISH_LAST)
    decomposed = unicodedata.normalize("NFKD", swedish)
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return re.sub(r"^[^\w{|}]+", "", bare)[:120]
