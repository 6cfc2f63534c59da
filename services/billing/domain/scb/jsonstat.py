"""JSON-stat 2 as PX-Web answers it (json-stat.org, version 2.0; class dataset)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from services.billing.domain.populations import Figure
from services.billing.domain.scb.common import (
    MOST_CELLS,
    Taken,
    missing,
    municipality_of,
    not_whole,
    reference_date,
    refused,
)
from services.chassis.refusals import N_, Refused

LAYOUT = "json-stat2"
_TIMES = ("tid", "time", "år", "year", "månad", "month")
_REGIONS = ("region", "kommun", "municipality")
_SEXES = ("kon", "kön", "sex")
_CONTENTS = ("contentscode", "tabellinnehåll", "observations")


@dataclass(frozen=True, slots=True)
class _Dimension:
    """`codes` in the order of the cells, `labels` by code."""

    name: str
    codes: tuple[str, ...]
    labels: Mapping[str, str]


def read(content: bytes, source: str) -> Taken:
    dataset = _dataset(content)
    dimensions = [_dimension(dataset, name, size) for name, size in _shape(dataset)]
    region = _only(dimensions, _REGIONS, _roles(dataset, "geo"), "region")
    time = _only(dimensions, _TIMES, _roles(dataset, "time"), "time")
    for each in dimensions:
        if each not in (region, time):
            _refuse_split(each)
    values = _values(dataset, dimensions)
    people: dict[tuple[str, str], int] = {}
    for position, codes in enumerate(_cells(dimensions)):
        key = (codes[dimensions.index(region)], codes[dimensions.index(time)])
        where = f"{region.labels[key[0]]}, {key[1]}"
        if municipality_of(key[0], where) is not None:
            people[key] = people.get(key, 0) + _number(values[position], where)
    said = _source(dataset, source)
    figures = tuple(
        Figure(code, reference_date(moment, f"{code}, {moment}"), count, said)
        for (code, moment), count in people.items()
    )
    skipped = tuple(code for code in region.codes if municipality_of(code, region.name) is None)
    return Taken(figures, LAYOUT, skipped)


def _dataset(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise refused(
            "scb_file_unreadable", N_("The file begins as JSON and cannot be read as such.")
        ) from error
    if isinstance(document, dict) and isinstance(document.get("dataset"), dict):
        document = document["dataset"]  # version 1 wraps the dataset, and PX-Web can still answer it
    if not isinstance(document, dict) or not isinstance(document.get("dimension"), dict):
        raise _unknown_layout("dimension")
    return document


def _unknown_layout(what: str) -> Refused:
    return refused(
        "scb_layout_unknown",
        N_("The file is JSON, but not JSON-stat 2 as Statistics Sweden's tables give it: %(what)s is wrong."),
        what=what,
    )


def _shape(dataset: Mapping[str, Any]) -> list[tuple[str, int]]:
    holder = dataset if "id" in dataset else dataset["dimension"]
    names, sizes = holder.get("id"), holder.get("size")
    if not isinstance(names, list) or not isinstance(sizes, list) or len(names) != len(sizes) or not names:
        raise _unknown_layout("id")
    cells = 1
    for name, size in zip(names, sizes, strict=True):
        if not isinstance(name, str) or type(size) is not int or size < 1:
            raise _unknown_layout("size")
        cells *= size
        if cells > MOST_CELLS:
            raise refused(
                "scb_too_many_figures",
                N_("The file has more than %(most)s figures. Choose fewer dates or municipalities."),
                most=MOST_CELLS,
            )
    return list(zip(names, sizes, strict=True))


def _dimension(dataset: Mapping[str, Any], name: str, size: int) -> _Dimension:
    described = dataset["dimension"].get(name)
    category = described.get("category") if isinstance(described, dict) else None
    if not isinstance(category, dict):
        raise _unknown_layout(name)
    codes = _codes(category.get("index", category.get("label")), name)
    labels = category.get("label")
    known = labels if isinstance(labels, dict) else {}
    if len(codes) != size or len(set(codes)) != size:
        raise _unknown_layout(name)
    return _Dimension(name, codes, {code: str(known.get(code, code)) for code in codes})


def _codes(index: Any, name: str) -> tuple[str, ...]:
    """The standard has two ways: a list in order, or an object from code to position."""
    if isinstance(index, list) and all(isinstance(code, str) for code in index):
        return tuple(index)
    if isinstance(index, dict):
        positions = list(index.values())
        if all(type(position) is int for position in positions) and sorted(positions) == [
            *range(len(positions))
        ]:
            return tuple(sorted(index, key=lambda code: index[code]))
        if len(index) == 1:
            return tuple(index)  # one category, given by its label alone
    raise _unknown_layout(name)


def _roles(dataset: Mapping[str, Any], role: str) -> tuple[str, ...]:
    holder = dataset.get("role", dataset["dimension"].get("role"))
    names = holder.get(role) if isinstance(holder, dict) else None
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def _only(
    dimensions: Sequence[_Dimension], names: Sequence[str], roles: Sequence[str], what: str
) -> _Dimension:
    found = [each for each in dimensions if each.name in roles] or [
        each for each in dimensions if each.name.lower() in names
    ]
    if len(found) != 1:
        raise _unknown_layout(what)
    return found[0]


def _refuse_split(dimension: _Dimension) -> None:
    """Fine is one category, or the two sexes to be summed. Anything else could be counted twice."""
    name = dimension.name.lower()
    if name in _SEXES and set(dimension.codes) == {"1", "2"}:
        return
    if len(dimension.codes) == 1:
        label = dimension.labels[dimension.codes[0]].lower()
        if name in _CONTENTS and not label.startswith(("folkmängd", "population", "antal", "number")):
            raise refused(
                "scb_dimension_not_single",
                N_("The table is about %(label)s and not about population."),
                dimension=dimension.name,
                label=dimension.labels[dimension.codes[0]][:60],
            )
        return
    raise refused(
        "scb_dimension_not_single",
        N_("The table splits the figures by %(dimension)s. Choose only the total there, and fetch it again."),
        dimension=dimension.name,
    )


def _values(dataset: Mapping[str, Any], dimensions: Sequence[_Dimension]) -> list[Any]:
    cells = 1
    for each in dimensions:
        cells *= len(each.codes)
    given = dataset.get("value")
    if isinstance(given, dict):
        given = [given.get(str(position)) for position in range(cells)]
    if not isinstance(given, list) or len(given) != cells:
        raise _unknown_layout("value")
    return given


def _cells(dimensions: Sequence[_Dimension]) -> Iterator[tuple[str, ...]]:
    """The codes of each cell: the last dimension runs fastest."""
    return product(*(each.codes for each in dimensions))


def _number(value: Any, where: str) -> int:
    if value is None or value in ("", ".."):
        raise missing(where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise not_whole(where, str(value))
    if not math.isfinite(value) or value != int(value):
        raise not_whole(where, str(value))
    return int(value)


def _source(dataset: Mapping[str, Any], source: str) -> str:
    """Where the file says it is from, with the table's name; the one who uploads may say it better."""
    if source.strip():
        return source.strip()
    parts = [dataset.get("source"), dataset.get("label"), dataset.get("updated")]
    return ", ".join(str(part) for part in parts if isinstance(part, str) and part.strip())[:300]
