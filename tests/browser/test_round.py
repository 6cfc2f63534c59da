"""An admission round in the browser, from the ranking until everybody has read what became of it."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import walk
from tests.browser.preparing import prepare_round
from tests.journeys.product import Product


def test_a_round_is_ranked_run_and_read(product: Product, tmp_path: Path) -> None:
    prepare_round(product, tmp_path)
    walk("round", product, "walk_round")
