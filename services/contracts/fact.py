"""What every fact is: past tense, complete, versioned, and about one subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

import marshmallow
import marshmallow_dataclass

FactT = TypeVar("FactT", bound="Fact")


class Fact:
    """Base of the frozen dataclasses that carry a fact's data.

    SOURCE is the stream the fact belongs to: the publishing service's name, or `<service>.<stream>` where
    a part of its facts may be read by fewer services (personal contacts, for instance). SUBJECT names the
    field that says what the fact is about; facts of one subject are handled in order.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[int]
    SOURCE: ClassVar[str]
    SUBJECT: ClassVar[str]

    @property
    def subject(self) -> str:
        return str(getattr(self, self.SUBJECT))

    @classmethod
    def type_name(cls) -> str:
        """The CloudEvents type, for instance `se.samklang.catalogue.course_published.v1`."""
        return f"se.samklang.{cls.SOURCE}.{cls.NAME}.v{cls.VERSION}"

    @classmethod
    def schema(cls) -> marshmallow.Schema:
        if cls not in _SCHEMAS:
            _SCHEMAS[cls] = marshmallow_dataclass.class_schema(cls)()
        return _SCHEMAS[cls]

    def dump(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.schema().dump(self))

    @classmethod
    def load(cls: type[FactT], data: Any) -> FactT:
        """The fact in `data`. Raises marshmallow.ValidationError naming each field that does not fit."""
        return cast(FactT, cls.schema().load(data))


# Making a schema costs milliseconds, loading a fact with it microseconds.
_SCHEMAS: dict[type[Fact], marshmallow.Schema] = {}


@dataclass(frozen=True, slots=True)
class LocalText:
    """A text that a reader meets, in the languages the product speaks."""

    sv: str
    en: str

    def in_language(self, language: str) -> str:
        return self.en if language == "en" else self.sv
