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
            if message.fuzzy:
                continue  # a guess of a tool: it is not spoken
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


def test_a_text_that_nobody_translated_is_found(tmp_path: Path) -> None:
    """In Python, in templates, in plurals and across lines; what is translated or no text is not."""
    (tmp_path / "pages.py").write_text(
        'TITLE = N_("A title")\nKNOWN = N_("Log in")\nPLAIN = "No text for people"\n'
        'def say(_):\n    return _(\n        "Two lines "\n        "of one text"\n    )\n'
    )
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(
        "{{ _('In a template') }} {% trans %}In a block{% endtrans %} {{ _('Log out') }}"
        "{{ ngettext('One place', '%(num)s places', n) }} <p title=\"{{ _('In a title') }}\">"
    )
    assert missing([tmp_path], [ROOT / "chassis" / "web"]) == [
        "%(num)s places",
        "A title",
        "In a block",
        "In a template",
        "In a title",
        "One place",
        "Two lines of one text",
    ]


def test_an_empty_or_a_doubtful_translation_is_none(tmp_path: Path) -> None:
    (tmp_path / "pages.py").write_text('A = N_("Empty")\nB = N_("Doubtful")\n')
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "sv.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Empty"\nmsgstr ""\n\n#, fuzzy\nmsgid "Doubtful"\nmsgstr "Tveksam"\n'
    )
    assert missing([tmp_path], [tmp_path]) == ["Doubtful", "Empty"]
