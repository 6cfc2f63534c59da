"""Reads camt.053 and camt.054 strictly: what does not add up is refused, and nothing of the file is kept."""

from __future__ import annotations

import hashlib
import re
from datetime import date

from services.billing.domain.camt.details import amount_of, indicator_of, payments_of
from services.billing.domain.camt.statement import NOTIFICATION, STATEMENT, Entry, File, Statement, key_of
from services.billing.domain.camt.xml import Node, parse, refused, space_of
from services.chassis.refusals import N_

# Root's child, the part that repeats, and which kind it is.
_MESSAGES = {
    "camt.053.001.02": ("BkToCstmrStmt", "Stmt", STATEMENT),
    "camt.053.001.08": ("BkToCstmrStmt", "Stmt", STATEMENT),
    "camt.054.001.02": ("BkToCstmrDbtCdtNtfctn", "Ntfctn", NOTIFICATION),
    "camt.054.001.08": ("BkToCstmrDbtCdtNtfctn", "Ntfctn", NOTIFICATION),
}
_SPACE = "urn:iso:std:iso:20022:tech:xsd:"
MOST_PAYMENTS = 20_000


def read_file(content: bytes, account: str) -> File:
    """Every statement of the file, all of `account` (IBAN, or the bank's own number).

    Raises Refused: statement_too_large, statement_unsafe, statement_unreadable, statement_kind_unknown,
    statement_empty, statement_of_another_account, statement_incomplete, statement_amount_wrong,
    statement_batch_differs, statement_does_not_add_up.
    """
    root = parse(content)
    space = space_of(root)
    version = space.removeprefix(_SPACE)
    if version not in _MESSAGES:
        raise refused(
            "statement_kind_unknown",
            N_("The file is %(kind)s. Taken in are camt.053 and camt.054, versions 02 and 08."),
            kind=(version or "no camt")[:80],
        )
    message, part, kind = _MESSAGES[version]
    body = Node(root, space).first(message)
    parts = [] if body is None else list(body.all(part))
    if body is None or not parts:
        raise refused("statement_empty", N_("The file has no statement in it."))
    message_id = body.text("GrpHdr/MsgId")
    statements = tuple(_statement(each, kind, version, message_id, account) for each in parts)
    if sum(len(statement.payments) for statement in statements) > MOST_PAYMENTS:
        raise refused(
            "statement_too_large",
            N_("The file has more than %(most)s payments. Ask the bank for a shorter time."),
            most=MOST_PAYMENTS,
        )
    return File(hashlib.sha256(content).hexdigest(), statements)


def same_account(one: str, other: str) -> bool:
    """Whether two ways of writing an account mean the same: spaces, dashes and case aside."""
    return _compact(one) == _compact(other) != ""


def _compact(account: str) -> str:
    return re.sub(r"[\s\-]", "", account).upper()


def _statement(node: Node, kind: str, version: str, message_id: str, account: str) -> Statement:
    found = node.text("Acct/Id/IBAN", "Acct/Id/Othr/Id")
    if not same_account(found, account):
        raise refused(
            "statement_of_another_account",
            N_("The statement is of account %(found)s. Only those of %(account)s are taken in."),
            rule="own-account-only",
            found=(found or "?")[:40],
            account=account,
        )
    statement_id = node.text("Id")
    if not statement_id:
        raise _incomplete("Id")
    currency = node.text("Acct/Ccy")
    entries = [
        _entry(each, position, _compact(account), statement_id)
        for position, each in enumerate(node.all("Ntry"))
    ]
    statement = Statement(
        kind,
        version,
        message_id,
        statement_id,
        account,
        currency,
        _balance(node, ("OPBD", "PRCD")),
        _balance(node, ("CLBD",)),
        tuple(entry for entry in entries if entry is not None),
        sum(entry is None for entry in entries),
    )
    _refuse_imbalance(statement)
    return statement


def _incomplete(what: str) -> Exception:
    return refused("statement_incomplete", N_("The statement lacks %(what)s."), what=what)


def _balance(node: Node, codes: tuple[str, ...]) -> int | None:
    for code in codes:
        for balance in node.all("Bal"):
            if balance.text("Tp/CdOrPrtry/Cd") == code:
                ore = amount_of(balance, "Amt").hundredths
                return ore if indicator_of(balance) else -ore
    return None


def _refuse_imbalance(statement: Statement) -> None:
    if statement.opening_ore is None or statement.closing_ore is None:
        return
    moved = sum(entry.signed_ore for entry in statement.entries)
    off_ore = statement.opening_ore + moved - statement.closing_ore
    if off_ore:
        raise refused(
            "statement_does_not_add_up",
            N_("Opening balance and bookings differ from the closing balance by %(ore)s öre."),
            ore=off_ore,
        )


def _entry(node: Node, position: int, account: str, statement_id: str) -> Entry | None:
    """The entry; None where it is not booked. Statuses are words in version 02 and codes in version 08."""
    if node.text("Sts/Cd", "Sts") not in ("BOOK", ""):
        return None
    amount = amount_of(node, "Amt")
    is_credit = indicator_of(node)
    booked_on = _day(node)
    # The bank's own reference is the same in a notification and in the statement that follows it. Without
    # one an entry is known by its place in its statement.
    said = node.text("AcctSvcrRef") or f"{statement_id}#{position}"
    key = key_of(account, said, booked_on.isoformat(), str(amount.hundredths), str(is_credit))
    payments = payments_of(node, key, amount, is_credit=is_credit, booked_on=booked_on)
    return Entry(key, amount.hundredths, amount.currency, is_credit, booked_on, payments)


def _day(node: Node) -> date:
    said = node.text("BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")
    try:
        return date.fromisoformat(said[:10])
    except ValueError as error:
        raise _incomplete("BookgDt") from error
