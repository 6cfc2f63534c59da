"""How a payer wants its invoices, and which of it cannot be."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from stdnum import ean
from stdnum.exceptions import ValidationError

from services.billing.domain.references import (
    is_organisation_number,
    read_organisation_number,
    written_organisation_number,
)
from services.chassis.refusals import N_, Refusal, Refused

# The schemes of Swedish payers (Peppol's code list EAS); others are let through by their form alone.
ORGANISATION, GLN = "0007", "0088"
_PEPPOL_ID = re.compile(r"([0-9]{4}):([A-Za-z0-9._\-]{1,50})")
_POSTAL_CODE = re.compile(r"[1-9][0-9]{4}")


@dataclass(frozen=True, slots=True)
class PayerDetails:
    """`order_reference` is what the buyer calls its order; `peppol_id` is empty where its organisation number
    is its address; `contact` is a function's mail or name."""

    payer_code: str
    legal_name: str
    organisation_number: str
    order_reference: str
    street: str
    postal_code: str
    town: str
    peppol_id: str = ""
    contact: str = ""


def read_details(details: PayerDetails) -> PayerDetails:
    """The details in their one spelling.

    Raises Refused: payer_name_missing, organisation_number_invalid, postal_code_invalid, peppol_id_invalid.
    """
    if not details.legal_name.strip():
        raise Refused(Refusal("payer_name_missing", N_("A payer needs its legal name."), status=422))
    return replace(
        details,
        legal_name=details.legal_name.strip(),
        organisation_number=written_organisation_number(
            read_organisation_number(details.organisation_number)
        ),
        order_reference=details.order_reference.strip(),
        street=details.street.strip(),
        postal_code=_postal_code(details.postal_code),
        town=details.town.strip(),
        peppol_id=read_peppol_id(details.peppol_id),
        contact=details.contact.strip(),
    )


def _postal_code(text: str) -> str:
    compact = "".join(text.split())
    if not compact:
        return ""
    if _POSTAL_CODE.fullmatch(compact) is None:
        raise Refused(
            Refusal(
                "postal_code_invalid", N_("A postal code has five figures, for instance 738 00."), status=422
            )
        )
    return f"{compact[:3]} {compact[3:]}"


def read_peppol_id(text: str) -> str:
    """`0007:2120002072` as it is written, or nothing. Raises Refused: peppol_id_invalid."""
    compact = "".join(text.split())
    if not compact:
        return ""
    found = _PEPPOL_ID.fullmatch(compact)
    if found is None or not _address_fits(found[1], found[2]):
        raise Refused(
            Refusal(
                "peppol_id_invalid",
                N_(
                    "A Peppol id is a scheme, a colon and an address with a right check digit, for instance "
                    "0007:2120002072 or 0088 with a GLN."
                ),
                status=422,
            )
        )
    return compact


def _address_fits(scheme: str, address: str) -> bool:
    if scheme == ORGANISATION:
        return len(address) == 10 and is_organisation_number(address)
    if scheme == GLN:
        try:
            return bool(len(address) == 13 and ean.validate(address))
        except ValidationError:
            return False
    return True
