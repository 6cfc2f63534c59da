"""What instruments and kinds of course are called where a rule book has no words of its own for them."""

from __future__ import annotations

from services.contracts.fact import LocalText

INSTRUMENTS = {
    "accordion": LocalText("dragspel", "accordion"),
    "alto_saxophone": LocalText("altsaxofon", "alto saxophone"),
    "bagpipe": LocalText("säckpipa", "bagpipe"),
    "banjo": LocalText("banjo", "banjo"),
    "baritone_horn": LocalText("baryton", "baritone horn"),
    "baritone_saxophone": LocalText("barytonsaxofon", "baritone saxophone"),
    "bass_clarinet": LocalText("basklarinett", "bass clarinet"),
    "bassoon": LocalText("fagott", "bassoon"),
    "cello": LocalText("cello", "cello"),
    "clarinet": LocalText("klarinett", "clarinet"),
    "cornet": LocalText("kornett", "cornet"),
    "double_bass": LocalText("kontrabas", "double bass"),
    "drums": LocalText("trummor", "drums"),
    "electric_bass": LocalText("elbas", "electric bass"),
    "electric_guitar": LocalText("elgitarr", "electric guitar"),
    "electric_piano": LocalText("elpiano", "electric piano"),
    "euphonium": LocalText("eufonium", "euphonium"),
    "flugelhorn": LocalText("flygelhorn", "flugelhorn"),
    "flute": LocalText("tvärflöjt", "flute"),
    "french_horn": LocalText("valthorn", "French horn"),
    "fiddle": LocalText("fiol", "fiddle"),
    "guitar": LocalText("gitarr", "guitar"),
    "harp": LocalText("harpa", "harp"),
    "horn": LocalText("valthorn", "French horn"),
    "keyboard": LocalText("keyboard", "keyboard"),
    "keyed_fiddle": LocalText("nyckelharpa", "nyckelharpa"),
    "mandolin": LocalText("mandolin", "mandolin"),
    "marimba": LocalText("marimba", "marimba"),
    "nyckelharpa": LocalText("nyckelharpa", "nyckelharpa"),
    "oboe": LocalText("oboe", "oboe"),
    "organ": LocalText("orgel", "organ"),
    "percussion": LocalText("slagverk", "percussion"),
    "piano": LocalText("piano", "piano"),
    "piccolo": LocalText("piccolaflöjt", "piccolo"),
    "recorder": LocalText("blockflöjt", "recorder"),
    "saxophone": LocalText("saxofon", "saxophone"),
    "tenor_horn": LocalText("althorn", "tenor horn"),
    "tenor_saxophone": LocalText("tenorsaxofon", "tenor saxophone"),
    "trombone": LocalText("trombon", "trombone"),
    "trumpet": LocalText("trumpet", "trumpet"),
    "tuba": LocalText("tuba", "tuba"),
    "ukulele": LocalText("ukulele", "ukulele"),
    "viola": LocalText("altfiol", "viola"),
    "violin": LocalText("fiol", "violin"),
    "xylophone": LocalText("xylofon", "xylophone"),
    "zither": LocalText("cittra", "zither"),
}

KINDS = {
    "adult": LocalText("vuxna", "adults"),
    "advanced_line": LocalText("fördjupningslinje", "advanced line"),
    "art_line": LocalText("konstlinje", "art line"),
    "ceramics": LocalText("keramik", "ceramics"),
    "choir": LocalText("kör", "choir"),
    "choir_ensemble": LocalText("kör och ensemble", "choir and ensemble"),
    "choir_orchestra": LocalText("kör och orkester", "choir and orchestra"),
    "circus": LocalText("cirkus", "circus"),
    "course": LocalText("kurs", "course"),
    "dance": LocalText("dans", "dance"),
    "ensemble": LocalText("ensemble", "ensemble"),
    "film": LocalText("film", "film"),
    "group": LocalText("grupp", "group"),
    "image": LocalText("bild och form", "art and design"),
    "instrument": LocalText("instrument", "instrument"),
    "musical": LocalText("musikal", "musical"),
    "orchestra": LocalText("orkester", "orchestra"),
    "photo": LocalText("foto", "photography"),
    "song": LocalText("sång", "voice"),
    "theatre": LocalText("teater", "theatre"),
    "writing": LocalText("skrivande", "writing"),
}


def as_words(key: str) -> LocalText:
    """A key that has no name yet, as near to words as it comes."""
    words = key.replace("_", " ")
    return LocalText(words, words)
