"""Each journey of walk.py, against the product as `make run` starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.product import ROOT, Product, embedded, next_term

JOURNEYS = ("story", "without_javascript_on_a_phone", "refusals", "terms")
SCREENSHOTS = ROOT / "test-artifacts" / "browser"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with embedded(tmp_path_factory.mktemp("browser")) as running:
        yield running


def open_next_term(product: Product) -> None:
    """With the same courses, which continue those of the term one applies for; enrolment has heard of it."""
    (term,) = product.call("GET", "/api/catalogue/terms").json()["terms"]
    product.command("load", "--term", next_term(term["term_id"]))
    product.wait_until_quiet()


@pytest.mark.parametrize("journey", JOURNEYS)
def test_journey(journey: str, product: Product) -> None:
    if journey == "terms":
        open_next_term(product)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    walk = [sys.executable, "-m", "tests.browser.walk", journey, product.addresses["catalogue"]]
    done = subprocess.run(
        [*walk, str(SCREENSHOTS)], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert Path(SCREENSHOTS).iterdir()
