from __future__ import annotations

from dataclasses import replace

import pytest

from services.billing.domain.payers import PayerDetails, read_details, read_peppol_id
from services.chassis.refusals import Refused

NORBERG = PayerDetails(
    "1962",
    " Norbergs kommun ",
    "2120002072",
    "1962-EK",
    "Box 25",
    "73821",
    "Norberg",
    "",
    "ekonomi@norberg.se",
)


def test_each_detail_gets_its_one_spelling() -> None:
    read = read_details(NORBERG)
    assert (read.legal_name, read.organisation_number) == ("Norbergs kommun", "212000-2072")
    assert read.postal_code == "738 21"
    assert read_details(read) == read


@pytest.mark.parametrize("text", ["0007:2120002072", "0088:7350000001266", "9955:SE212000207201", "", " "])
def test_peppol_ids_that_are(text: str) -> None:
    assert read_peppol_id(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["0007:2120002073", "0007:212000-2072", "0088:7350000001267", "7:1", "0007", "0007:", "=1+1", "0088:å"],
)
def test_peppol_ids_that_are_none(text: str) -> None:
    with pytest.raises(Refused) as caught:
        read_peppol_id(text)
    assert caught.value.refusal.name == "peppol_id_invalid"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"legal_name": "  "}, "payer_name_missing"),
        ({"organisation_number": "212000-2073"}, "organisation_number_invalid"),
        ({"postal_code": "7382"}, "postal_code_invalid"),
        ({"postal_code": "073 82"}, "postal_code_invalid"),
    ],
)
def test_what_cannot_be_is_refused_by_name(change: dict[str, str], name: str) -> None:
    with pytest.raises(Refused) as caught:
        read_details(replace(NORBERG, **change))
    assert caught.value.refusal.name == name
