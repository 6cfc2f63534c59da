from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import services.billing
from services.chassis.web.languages import CHASSIS_LOCALE

FOLDER = Path(services.billing.__file__).parent
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
PLACE = re.compile(r"%\((\w+)\)s")


def _texts() -> set[str | tuple[str, ...]]:
    options = {"**.html": {"newstyle_gettext": "true", "trimmed": "false"}}
    found = extract_from_dir(FOLDER, METHODS, keywords=KEYWORDS, options_map=options)
    return {message for _file, _line, message, _comments, _context in found}


def _swedish() -> dict[str, tuple[str, ...]]:
    swedish: dict[str, tuple[str, ...]] = {}
    for file in (CHASSIS_LOCALE / "sv.po", FOLDER / "locale" / "sv.po"):
        with file.open("rb") as handle:
            for message in read_po(handle, locale="sv"):
                key = message.id if isinstance(message.id, str) else message.id[0]
                texts = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
                if key:
                    swedish[key] = tuple(texts)
    return swedish


def test_every_text_is_found() -> None:
    assert len(_texts()) > 100


@pytest.mark.parametrize("text", sorted(_texts(), key=str), ids=lambda text: str(text)[:40])
def test_every_text_has_its_swedish_with_the_same_places(text: str | tuple[str, ...]) -> None:
    forms = (text,) if isinstance(text, str) else text
    swedish = _swedish().get(forms[0], ())
    assert len(swedish) == len(forms)
    assert all(swedish)
    for english, translated in zip(forms, swedish, strict=True):
        assert set(PLACE.findall(english)) == set(PLACE.findall(translated))


def test_no_swedish_is_left_over() -> None:
    with (FOLDER / "locale" / "sv.po").open("rb") as handle:
        kept = {m.id if isinstance(m.id, str) else m.id[0] for m in read_po(handle, locale="sv") if m.id}
    used = {text if isinstance(text, str) else text[0] for text in _texts()}
    assert kept <= used
