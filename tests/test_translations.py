"""Every text a person can meet has a Swedish translation, with the same places for figures and names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from services.contracts.registry import SERVICES

ROOT = Path(__file__).parents[1] / "services"
CHASSIS = [ROOT / "chassis", ROOT / "contracts"]
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
PLACES = re.compile(r"%\((\w+)\)[sd]")


def texts_in(folder: Path) -> Iterator[str]:
    """The English texts in a folder's templates and Python files."""
    for file in sorted(folder.rglob("*")):
        if file.suffix in (".html", ".txt"):
            found = extract_from_file(
                "jinja2", file, keywords=KEYWORDS, options={"trim_blocks": "true", "silent": "false"}
            )
        elif file.suffix == ".py":
            found = extract_from_file("python", file, keywords=KEYWORDS)
        else:
            continue
        for _line, message, _comments, _context in found:
            yield from [message] if isinstance(message, str) else [text for text in message if text]


def translated(folder: Path) -> dict[str, str]:
    """English -> Swedish of a catalogue; of a plural both forms."""
    file = folder / "locale" / "sv.po"
    if not file.exists():
        return {}
    known: dict[str, str] = {}
    with file.open("rb") as handle:
        for message in read_po(handle, locale="sv"):
            english = message.id if isinstance(message.id, tuple) else (message.id,)
            swedish = message.string if isinstance(message.string, tuple) else (message.string,)
            known.update({e: s for e, s in zip(english, swedish, strict=True) if e and s})
    return known


def missing(folders: list[Path], catalogues: list[Path]) -> list[str]:
    known = {key: value for folder in catalogues for key, value in translated(folder).items()}
    return sorted({text for folder in folders for text in texts_in(folder)} - set(known))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_speaks_swedish(service: str) -> None:
    assert missing([ROOT / service], [ROOT / service, ROOT / "chassis" / "web"]) == []


def test_the_chassis_speaks_swedish() -> None:
    assert missing(CHASSIS, [ROOT / "chassis" / "web"]) == []


@pytest.mark.parametrize("folder", [*SERVICES, "chassis/web"])
def test_translations_keep_their_places(folder: str) -> None:
    for english, swedish in translated(ROOT / folder).items():
        assert set(PLACES.findall(english)) >= set(PLACES.findall(swedish)), english
