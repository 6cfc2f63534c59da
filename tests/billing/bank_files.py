"""Bank files as the versions of camt.053 and camt.054 write them, made from few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

ACCOUNT = "SE4550000000058398257466"
VERSIONS = ("camt.053.001.02", "camt.053.001.08", "camt.054.001.02", "camt.054.001.08")


@dataclass(frozen=True, slots=True)
class Part:
    """A payment in kronor as text. `reference` is structured, `message` is not."""

    amount: str
    reference: str = ""
    message: str = ""
    payer: str = "Norbergs kommun"
    payer_number: str = "2120001984"
    payer_account: str = ""
    end_to_end: str = "NOTPROVIDED"
    currency: str = "SEK"
    instructed: tuple[str, str] | None = None
    returned: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """An entry. `parts` empty: the bank gives no details."""

    amount: str
    parts: Sequence[Part] = ()
    credit: bool = True
    reversal: bool = False
    status: str = "BOOK"
    day: str = "2025-04-30"
    bank_reference: str = ""
    currency: str = "SEK"


def bank_file(
    lines: Sequence[Line],
    version: str = "camt.053.001.08",
    *,
    account: str = ACCOUNT,
    statement_id: str = "2025-04-30",
    balances: tuple[str, str] | None = None,
) -> bytes:
    new = version.endswith("8")
    message, part = ("BkToCstmrStmt", "Stmt") if ".053." in version else ("BkToCstmrDbtCdtNtfctn", "Ntfctn")
    codes = zip(("OPBD", "CLBD"), balances or (), strict=False)
    held = "".join(_balance(code, amount) for code, amount in codes)
    entries = "".join(_entry(line, new) for line in lines)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">'
        f"<{message}><GrpHdr><MsgId>M-{statement_id}</MsgId><CreDtTm>2025-05-01T06:00:00</CreDtTm></GrpHdr>"
        f"<{part}><Id>{statement_id}</Id><Acct><Id><IBAN>{account}</IBAN></Id><Ccy>SEK</Ccy></Acct>"
        f"{held}{entries}</{part}></{message}></Document>"
    ).encode()


def _balance(code: str, amount: str) -> str:
    sign = "DBIT" if amount.startswith("-") else "CRDT"
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="SEK">{amount.lstrip("-")}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
        "<Dt><Dt>2025-04-30</Dt></Dt></Bal>"
    )


def _entry(line: Line, new: bool) -> str:
    indicator = "CRDT" if line.credit else "DBIT"
    status = f"<Cd>{line.status}</Cd>" if new else line.status
    batch = f"<Btch><NbOfTxs>{len(line.parts)}</NbOfTxs></Btch>" if len(line.parts) > 1 else ""
    details = batch + "".join(_details(part, indicator, new) for part in line.parts)
    reference = f"<AcctSvcrRef>{line.bank_reference}</AcctSvcrRef>" if line.bank_reference else ""
    return (
        f'<Ntry><Amt Ccy="{line.currency}">{line.amount}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>'
        f"{'<RvslInd>true</RvslInd>' if line.reversal else ''}<Sts>{status}</Sts>"
        f"<BookgDt><Dt>{line.day}</Dt></BookgDt>{reference}"
        f"{f'<NtryDtls>{details}</NtryDtls>' if details else ''}</Ntry>"
    )


def _details(part: Part, indicator: str, new: bool) -> str:
    amount = f'<Amt Ccy="{part.currency}">{part.amount}</Amt>'
    foreign = ""
    if part.instructed:
        foreign = f'<InstdAmt><Amt Ccy="{part.instructed[1]}">{part.instructed[0]}</Amt></InstdAmt>'
    moved = (
        f"{amount}<CdtDbtInd>{indicator}</CdtDbtInd><AmtDtls>{foreign}</AmtDtls>"
        if new
        else f"<AmtDtls>{foreign}<TxAmt>{amount}</TxAmt></AmtDtls>"
    )
    who = f"<Nm>{escape(part.payer)}</Nm><Id><OrgId><Othr><Id>{part.payer_number}</Id></Othr></OrgId></Id>"
    debtor = f"<Dbtr>{f'<Pty>{who}</Pty>' if new else who}</Dbtr>"
    account = f"<DbtrAcct><Id><IBAN>{part.payer_account}</IBAN></Id></DbtrAcct>" if part.payer_account else ""
    said = ""
    if part.message:
        said += f"<Ustrd>{escape(part.message)}</Ustrd>"
    if part.reference:
        said += f"<Strd><CdtrRefInf><Ref>{escape(part.reference)}</Ref></CdtrRefInf></Strd>"
    return (
        f"<TxDtls><Refs><EndToEndId>{part.end_to_end}</EndToEndId></Refs>{moved}"
        f"<RltdPties>{debtor}{account}</RltdPties><RmtInf>{said}</RmtInf>"
        f"{'<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>' if part.returned else ''}</TxDtls>"
    )
