from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.settings import SettingsError, read_settings
from services.enrolment.settings import MOST_BATCH, EnrolmentSettings, enrolment_settings


def read(tmp_path: Path, **environment: str) -> EnrolmentSettings:
    return enrolment_settings(read_settings("enrolment", {"SAMKLANG_VAR": str(tmp_path), **environment}))


def test_the_batch_has_a_default(tmp_path: Path) -> None:
    assert read(tmp_path).admission_batch == 256
    assert read(tmp_path, ADMISSION_BATCH="").admission_batch == 256


@pytest.mark.parametrize("text", ["1", "2", str(MOST_BATCH)])
def test_the_batch_is_what_was_said(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, ADMISSION_BATCH=text).admission_batch == int(text)


@pytest.mark.parametrize("text", ["0", "-1", str(MOST_BATCH + 1), "many", "1.5", " 5", "٣", "1e3"])
def test_anything_else_is_said_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, ADMISSION_BATCH=text)
    assert "ADMISSION_BATCH" in str(caught.value)
    assert f"1 to {MOST_BATCH}" in str(caught.value)
