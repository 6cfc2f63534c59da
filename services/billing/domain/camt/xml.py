"""Reads XML that strangers made: no document type, so no entity of any kind; limits on size and depth."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # for its types; the parsing is defusedxml's
from collections.abc import Iterator

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from services.chassis.refusals import N_, Refusal, Refused

MOST_BYTES = 1_000_000
MOST_ELEMENTS = 100_000
MOST_DEPTH = 40
RULE = "iso-20022-camt"

Element = ET.Element


def refused(name: str, reason: str, rule: str = RULE, **facts: object) -> Refused:
    return Refused(Refusal(name, reason, facts, rule=rule, status=422))


def parse(content: bytes) -> Element:
    """The document's root. Raises Refused: statement_too_large, statement_unsafe, statement_unreadable."""
    if len(content) > MOST_BYTES:
        raise refused(
            "statement_too_large",
            N_("The file is larger than %(most)s kilobytes. Ask the bank for a shorter time."),
            most=MOST_BYTES // 1000,
        )
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(content)
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise refused(
            "statement_unsafe",
            N_("The file declares a document type or entities, which a bank's file never does. Not read."),
            rule="xml-no-document-type",
        ) from error
    except (ET.ParseError, ValueError, LookupError) as error:
        raise refused("statement_unreadable", N_("The file is not whole XML.")) from error
    return root


class _Bounded(ET.TreeBuilder):
    """Stops at the limits while it reads, not after."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._elements += 1
        self._depth += 1
        if self._elements > MOST_ELEMENTS or self._depth > MOST_DEPTH:
            raise refused("statement_too_large", N_("The file has more parts than a bank's statement has."))
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def space_of(root: Element) -> str:
    """The namespace of the root element."""
    return root.tag[1:].partition("}")[0] if root.tag.startswith("{") else ""


class Node:
    """An element whose children are found by local names, within the document's one namespace."""

    def __init__(self, element: Element, space: str) -> None:
        self._element, self._space = element, space

    def _path(self, path: str) -> str:
        return "/".join(f"{{{self._space}}}{name}" for name in path.split("/"))

    def all(self, path: str) -> Iterator[Node]:
        for element in self._element.findall(self._path(path)):
            yield Node(element, self._space)

    def first(self, path: str) -> Node | None:
        element = self._element.find(self._path(path))
        return None if element is None else Node(element, self._space)

    def text(self, *paths: str) -> str:
        """The text at the first of the paths that has one; "" where none has."""
        for path in paths:
            for element in self._element.findall(self._path(path)):
                text = " ".join((element.text or "").split())
                if text:
                    return text
        return ""

    @property
    def own_text(self) -> str:
        return " ".join((self._element.text or "").split())

    def attribute(self, name: str) -> str:
        return self._element.get(name, "").strip()
