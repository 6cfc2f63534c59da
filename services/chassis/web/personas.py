"""Demo personas: the embedded login. Production mode refuses to start with them.

OpenID Connect will be another source of actors; the rest of the product sees only the Actor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import marshmallow_dataclass
import yaml
from marshmallow import EXCLUDE, ValidationError

from services.chassis.ids import derived_id
from services.chassis.settings import SettingsError
from services.chassis.web.access import ROLES, Actor
from services.contracts.fact import LocalText


@dataclass(frozen=True, slots=True)
class Persona:
    """`person_key` is the key of the guardian or pupil in the county's demo files."""

    id: str
    name: str
    role: str
    municipality_code: str
    person_key: str | None
    email: str | None
    language: str
    about: LocalText

    @property
    def person_id(self) -> str:
        """The id enrolment knows the person by; colleagues have one too, so that mail can reach them."""
        if self.person_key is None:
            return derived_id("persona", self.id)
        return derived_id("pupil" if self.role == "pupil" else "guardian", self.person_key)

    def as_actor(self, municipality_name: str) -> Actor:
        return Actor(self.name, self.role, self.municipality_code, municipality_name, self.person_id)


@lru_cache(maxsize=4)
def read_personas(file: Path) -> tuple[Persona, ...]:
    """Raises SettingsError for a file that is not there or does not fit."""
    schema = marshmallow_dataclass.class_schema(Persona)()
    try:
        personas: list[Persona] = schema.load(yaml.safe_load(file.read_text()), many=True, unknown=EXCLUDE)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SettingsError(f"DEMO_PERSONAS: {file} cannot be used: {error}") from error
    unknown = {persona.role for persona in personas} - set(ROLES)
    if unknown:
        raise SettingsError(f"DEMO_PERSONAS: {file} has unknown roles: {', '.join(sorted(unknown))}")
    return tuple(personas)
