"""The pages of a family whose child got its place in a round."""

from __future__ import annotations

from services.chassis.storage.engine import Storage
from tests.enrolment.pages.visitor import Visitor
from tests.enrolment.rounds.story import open_round, publish, rank, run, schools_give_places_in_rounds
from tests.enrolment.story import MARIA, rows_of


def test_the_family_reads_its_pages(storage: Storage, maria: Visitor) -> None:
    schools_give_places_in_rounds(storage)
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["fiddle"])
    run(storage)
    publish(storage)
    (application_id,) = rows_of(storage)
    assert "Saturday fiddle" in maria.reads("/my")
    assert "0 of 2 seats were taken" in maria.reads(f"/my/applications/{application_id}")
