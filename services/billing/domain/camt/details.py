"""The payments inside an entry: a batch is split, and its parts must be the whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from services.billing.domain.camt.statement import Payment, key_of
from services.billing.domain.camt.xml import Node, refused
from services.billing.domain.references import is_organisation_number
from services.chassis.refusals import N_

_AMOUNT = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,5}))?")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Amount:
    """Hundredths of a currency: öre of a krona."""

    hundredths: int
    currency: str


def amount_of(node: Node, path: str) -> Amount:
    """The amount at `path`. Raises Refused: statement_amount_wrong."""
    found = node.first(path)
    if found is None:
        raise refused("statement_amount_wrong", N_("An amount is missing in the statement."), text="")
    return _amount(found)


def _amount(node: Node) -> Amount:
    text, currency = node.own_text, node.attribute("Ccy")
    amount = _AMOUNT.fullmatch(text)
    decimals = (amount[2] or "") if amount else ""
    if amount is None or decimals[2:].strip("0") or _CURRENCY.fullmatch(currency) is None:
        raise refused(
            "statement_amount_wrong",
            N_("%(text)s is no amount with at most two decimals and a currency."),
            text=f"{text} {currency}".strip()[:40],
        )
    return Amount(int(amount[1]) * 100 + int(decimals[:2].ljust(2, "0")), currency)


def indicator_of(node: Node) -> bool:
    """Whether it is a credit. Raises Refused: statement_incomplete."""
    said = node.text("CdtDbtInd")
    if said not in ("CRDT", "DBIT"):
        raise refused("statement_incomplete", N_("The statement lacks %(what)s."), what="CdtDbtInd")
    return said == "CRDT"


def payments_of(
    entry: Node, key: str, amount: Amount, *, is_credit: bool, booked_on: date
) -> tuple[Payment, ...]:
    """One payment a detail; the entry as a whole where the bank gives no details."""
    is_reversal = entry.text("RvslInd") == "true"
    details = list(entry.all("NtryDtls/TxDtls"))
    if not details:
        whole = _payment(
            entry, key, amount, is_credit=is_credit, is_reversal=is_reversal, booked_on=booked_on
        )
        return (whole,)
    amounts = [_amount_in(detail) for detail in details]
    if len(details) == 1 and amounts[0] is None:
        amounts = [amount]
    known = [each for each in amounts if each is not None]
    signed = [
        each.hundredths * (1 if _credit(detail, is_credit) == is_credit else -1)
        for detail, each in zip(details, known, strict=False)
    ]
    currencies = {each.currency for each in known}
    if len(known) < len(details) or currencies != {amount.currency} or sum(signed) != amount.hundredths:
        raise refused(
            "statement_batch_differs",
            N_("A batch of %(batch)s hundredths of %(currency)s has parts that are not as much together."),
            batch=amount.hundredths,
            currency=amount.currency,
        )
    return tuple(
        _payment(
            detail,
            key_of(key, detail.text("Refs/AcctSvcrRef", "Refs/EndToEndId", "Refs/TxId"), str(position)),
            each,
            is_credit=_credit(detail, is_credit),
            is_reversal=is_reversal or detail.first("RtrInf") is not None,
            booked_on=booked_on,
        )
        for position, (detail, each) in enumerate(zip(details, known, strict=True))
    )


def _credit(detail: Node, of_entry: bool) -> bool:
    """Version 08 says it of each detail; in version 02 a detail goes the entry's way."""
    return indicator_of(detail) if detail.text("CdtDbtInd") else of_entry


def _amount_in(detail: Node) -> Amount | None:
    """What the detail moved on the account: `Amt` in version 08, `AmtDtls/TxAmt` in version 02."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        found = detail.first(path)
        if found is not None:
            return _amount(found)
    return None


def _payment(
    node: Node, key: str, amount: Amount, *, is_credit: bool, is_reversal: bool, booked_on: date
) -> Payment:
    instructed = node.first("AmtDtls/InstdAmt/Amt")
    foreign = _amount(instructed) if instructed is not None else None
    if foreign is not None and foreign.currency == amount.currency:
        foreign = None
    # The payer is the debtor of what comes in; who takes a payment back was its debtor then.
    other = "RltdPties/Dbtr" if is_credit or is_reversal else "RltdPties/Cdtr"
    structured = [each.own_text for each in node.all("RmtInf/Strd/CdtrRefInf/Ref")]
    documents = [each.own_text for each in node.all("RmtInf/Strd/RfrdDocInf/Nb")]
    return Payment(
        key=key,
        amount_ore=amount.hundredths,
        currency=amount.currency,
        is_credit=is_credit,
        is_reversal=is_reversal,
        booked_on=booked_on,
        references=tuple(dict.fromkeys(each[:40] for each in (*structured, *documents) if each)),
        message=" ".join(each.own_text for each in node.all("RmtInf/Ustrd"))[:500],
        payer_name=node.text(f"{other}/Nm", f"{other}/Pty/Nm")[:140],
        payer_account=node.text(f"{other}Acct/Id/IBAN", f"{other}Acct/Id/Othr/Id")[:40],
        payer_organisation_number=_organisation(node, other),
        original_amount=_written(foreign),
        original_currency="" if foreign is None else foreign.currency,
        end_to_end=_end_to_end(node),
    )


def _end_to_end(node: Node) -> str:
    """The payer's own id of the payment; banks write NOTPROVIDED where there is none."""
    found = node.text("Refs/EndToEndId")[:40]
    return "" if found.upper() == "NOTPROVIDED" else found


def _written(amount: Amount | None) -> str:
    return "" if amount is None else f"{amount.hundredths // 100}.{amount.hundredths % 100:02d}"


def _organisation(node: Node, other: str) -> str:
    """A person's number is not kept: only an organisation's is looked for."""
    found = node.text(f"{other}/Id/OrgId/Othr/Id", f"{other}/Pty/Id/OrgId/Othr/Id")
    compact = re.sub(r"[\s\-]", "", found)
    return compact[-10:] if is_organisation_number(compact) else ""
