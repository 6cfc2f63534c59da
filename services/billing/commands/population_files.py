"""Taking in a file of population figures."""

from __future__ import annotations

from services.billing.commands.basis import Recorded, record_populations
from services.billing.domain.scb.reading import read_populations
from services.chassis.storage.unit import Unit


def import_populations(unit: Unit, content: bytes, source: str, by: str) -> Recorded:
    """Every figure of the file, or none. `source` is where it is from, if the file does not say so itself.

    Raises Refused: see read_populations and record_populations.
    """
    taken = read_populations(content, source, unit.today)
    return record_populations(unit, taken.figures, by)
