from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.ids import derived_id, is_id, new_id


def test_new_ids_are_ids_and_differ() -> None:
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(map(is_id, ids))


def test_a_derived_id_is_the_same_on_every_machine() -> None:
    # Written down, since ids of loaded data must not change with a release.
    assert derived_id("guardian", "g-norberg") == "4faa8784-2496-578d-9c1a-ce16a3fb5257"
    assert is_id(derived_id("guardian", "g-norberg"))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x1f")), min_size=1, max_size=3))
def test_parts_do_not_run_together(parts: list[str]) -> None:
    assert derived_id(*parts) == derived_id(*parts)
    assert derived_id(*parts) != derived_id(*parts, "")
    if len(parts) > 1:
        assert derived_id(*parts) != derived_id("".join(parts))


@given(st.uuids())
def test_one_spelling_only(value: uuid.UUID) -> None:
    assert is_id(str(value))
    for other in (value.hex, f"{{{value}}}", value.urn, f"{value} ", f"{value}\n"):
        assert not is_id(other)
    assert is_id(str(value).upper()) == (str(value).upper() == str(value))


@pytest.mark.parametrize("text", ["", "x", "0", "0" * 32, "../../etc/passwd", "\x00"])
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)
