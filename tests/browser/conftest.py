"""The product as `make run` starts it, once for each file, and how a test walks through it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.product import ROOT, Product, embedded

SCREENSHOTS = ROOT / "test-artifacts" / "browser"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with embedded(tmp_path_factory.mktemp("browser")) as running:
        yield running


def walk(journey: str, product: Product, module: str = "walk") -> None:
    """The journey of that name in the module of this folder."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", f"tests.browser.{module}", journey, product.addresses["catalogue"]]
    done = subprocess.run(
        [*command, str(SCREENSHOTS)], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert Path(SCREENSHOTS).iterdir()
