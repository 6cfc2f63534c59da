"""SIE 4i: the vouchers a pre-system hands to accounting (the SIE group's format, type 4, import).

Text in code page 437 (`#FORMAT PC8`), a record a line, texts in quotes. What the code page cannot hold is
replaced visibly: by its plain cousin where it has one, else by a question mark; each replacement is told.
The file is trusted only after it was read back: `verify` reads the bytes with the reader below and compares
every voucher and the sums. `#KSUMMA` is left out: the standard has it optional, programs that read SIE differ
in which bytes it covers and in its sign, and one that reckons it another way would refuse a good file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from services.chassis.refusals import N_, Refusal, Refused

ENCODING = "cp437"
UNKNOWN = "?"
# What finance staff write and the code page lacks, with what a reader takes for the same.
_COUSINS = {
    "–": "-", "—": "-", "−": "-", "‑": "-", "’": "'", "‘": "'", "”": '"', "“": '"', "…": "...", "€": "EUR",
    "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\t": " ", "\n": " ", "\r": " ",
}  # fmt: skip
_LABEL = re.compile(r"#[A-Z]+")
_ACCOUNT = re.compile(r"[0-9]{1,10}")
_SERIES = re.compile(r"[A-Za-z0-9]{1,10}")
_FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\{[^{}]*\})|([^\s"{}]+)')
MOST_ORE = 10**15


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a voucher; debit is positive."""

    account: str
    amount_ore: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Voucher:
    series: str
    number: int
    day: date
    text: str
    rows: tuple[Row, ...]

    @property
    def balance_ore(self) -> int:
        return sum(row.amount_ore for row in self.rows)


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    organisation_number: str
    year_from: date
    year_to: date


@dataclass(frozen=True, slots=True)
class Sums:
    """Control sums of a file: how many vouchers and rows, and the debit and credit they add up to."""

    vouchers: int
    rows: int
    debit_ore: int
    credit_ore: int


@dataclass(frozen=True, slots=True)
class Written:
    """`replaced` has the texts that the code page could not hold, as they were."""

    content: bytes
    sums: Sums
    replaced: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What a SIE file says. Labels that this reader has no use for are kept in `others`, unread."""

    flag: str
    sie_type: str
    company: Company
    generated_on: date
    accounts: Mapping[str, str]
    vouchers: tuple[Voucher, ...]
    others: tuple[str, ...] = field(default=())


def sums_of(vouchers: Sequence[Voucher]) -> Sums:
    rows = [row.amount_ore for voucher in vouchers for row in voucher.rows]
    return Sums(
        len(vouchers),
        len(rows),
        sum(ore for ore in rows if ore > 0),
        -sum(ore for ore in rows if ore < 0),
    )


def write(
    company: Company,
    accounts: Mapping[str, str],
    vouchers: Sequence[Voucher],
    *,
    generated_on: date,
    program_version: str,
) -> Written:
    """The file of `vouchers`, read back before it is handed out.

    Raises Refused: sie_voucher_unbalanced, sie_account_unknown, sie_voucher_outside_year, sie_nothing,
    sie_voucher_malformed.
    """
    _refuse_bad(company, accounts, vouchers)
    text = _Text()
    used = sorted({row.account for voucher in vouchers for row in voucher.rows})
    lines = [
        "#FLAGGA 0",
        f"#PROGRAM {text.quoted('Samklang')} {text.quoted(program_version)}",
        "#FORMAT PC8",
        f"#GEN {_day(generated_on)}",
        "#SIETYP 4",
        f"#ORGNR {company.organisation_number[:6]}-{company.organisation_number[6:]}",
        f"#FNAMN {text.quoted(company.name)}",
        f"#RAR 0 {_day(company.year_from)} {_day(company.year_to)}",
        *(f"#KONTO {account} {text.quoted(accounts[account])}" for account in used),
    ]
    for voucher in vouchers:
        head = f"#VER {voucher.series} {voucher.number} {_day(voucher.day)} {text.quoted(voucher.text)}"
        lines += [head, "{"]
        lines += [_row(row, voucher.day, text) for row in voucher.rows]
        lines.append("}")
    content = ("\r\n".join(lines) + "\r\n").encode(ENCODING)
    written = Written(content, sums_of(vouchers), tuple(text.replaced))
    problems = verify(written, company, vouchers)
    if problems:
        raise AssertionError(f"the SIE file does not say what it should: {problems[0]}")
    return written


def verify(written: Written, company: Company, vouchers: Sequence[Voucher]) -> list[str]:
    """What the file, read back, says otherwise than it should; empty when all is well."""
    back = read(written.content)
    problems = []
    if sums_of(back.vouchers) != written.sums:
        problems.append(f"sums {sums_of(back.vouchers)} instead of {written.sums}")
    if back.company.organisation_number != company.organisation_number:
        problems.append("another organisation number")
    for voucher, found in zip(vouchers, back.vouchers, strict=False):
        given = (
            voucher.series,
            voucher.number,
            voucher.day,
            [(r.account, r.amount_ore) for r in voucher.rows],
        )
        got = (found.series, found.number, found.day, [(r.account, r.amount_ore) for r in found.rows])
        if given != got or found.text != plain(voucher.text):
            problems.append(f"voucher {voucher.series} {voucher.number} differs")
    return problems


def plain(text: str) -> str:
    """`text` as the file holds it."""
    return _Text().kept(text)


class _Text:
    """Brings texts into the code page and remembers which lost something."""

    def __init__(self) -> None:
        self.replaced: dict[str, None] = {}

    def kept(self, text: str) -> str:
        kept = "".join(_character(_COUSINS.get(character, character)) for character in text)
        if kept != text:
            self.replaced[text] = None
        return kept

    def quoted(self, text: str) -> str:
        escaped = self.kept(text).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'


def _character(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        return UNKNOWN
    try:
        text.encode(ENCODING)
    except UnicodeEncodeError:
        return UNKNOWN
    return text


def _row(row: Row, day: date, text: _Text) -> str:
    record = f"\t#TRANS {row.account} {{}} {_amount(row.amount_ore)} {_day(day)}"
    return f"{record} {text.quoted(row.text)}" if row.text else record


def _amount(ore: int) -> str:
    whole, rest = divmod(abs(ore), 100)
    return f"{'-' if ore < 0 else ''}{whole}.{rest:02d}"


def _day(day: date) -> str:
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"


def _refuse_bad(company: Company, accounts: Mapping[str, str], vouchers: Sequence[Voucher]) -> None:
    if not vouchers:
        raise Refused(
            Refusal("sie_nothing", N_("There are no vouchers to hand over for this period."), status=409)
        )
    for voucher in vouchers:
        refusal = _refusal_for(voucher, company, accounts)
        if refusal is not None:
            raise Refused(refusal)


def _refusal_for(voucher: Voucher, company: Company, accounts: Mapping[str, str]) -> Refusal | None:
    facts = {"voucher": f"{voucher.series} {voucher.number}"}
    if _SERIES.fullmatch(voucher.series) is None or voucher.number < 1 or not voucher.rows:
        return Refusal(
            "sie_voucher_malformed", N_("Voucher %(voucher)s has no rows, or no proper series."), facts
        )
    if voucher.balance_ore:
        return Refusal(
            "sie_voucher_unbalanced",
            N_(
                "Voucher %(voucher)s differs by %(ore)s öre between debit and credit. Nothing is handed over."
            ),
            {**facts, "ore": voucher.balance_ore},
            rule="sie-4i-voucher-balance",
        )
    unknown = [row.account for row in voucher.rows if row.account not in accounts]
    if unknown:
        return Refusal(
            "sie_account_unknown",
            N_("Voucher %(voucher)s uses account %(account)s, which is not in the chart of accounts."),
            {**facts, "account": unknown[0]},
        )
    if not company.year_from <= voucher.day <= company.year_to:
        return Refusal(
            "sie_voucher_outside_year",
            N_("Voucher %(voucher)s is dated %(day)s, outside the accounting year."),
            {**facts, "day": voucher.day},
        )
    return None


def read(content: bytes) -> Read:
    """Read a SIE 4 file strictly. Raises Refused: sie_file_broken, naming the line."""
    reader = _Reader()
    for number, line in enumerate(content.decode(ENCODING).split("\r\n"), start=1):
        try:
            reader.take(line.strip(), number)
        except (ValueError, IndexError, KeyError) as error:
            raise _broken(number, str(error)) from error
    return reader.finished()


def _broken(line: int, reason: str) -> Refused:
    return Refused(
        Refusal(
            "sie_file_broken",
            N_("Line %(line)s of the SIE file: %(reason)s"),
            {"line": line, "reason": reason[:200]},
            rule="sie-4",
            status=422,
        )
    )


class _Reader:
    def __init__(self) -> None:
        self._heads: dict[str, list[str]] = {}
        self._accounts: dict[str, str] = {}
        self._vouchers: list[Voucher] = []
        self._others: list[str] = []
        self._open: tuple[list[str], list[Row]] | None = None
        self._inside = False
        self._line = 0

    def take(self, line: str, number: int) -> None:
        self._line = number
        if not line:
            return
        if line == "{":
            if self._open is None or self._inside:
                raise ValueError("a brace opens nothing")
            self._inside = True
        elif line == "}":
            self._close()
        else:
            self._record(line)

    def _record(self, line: str) -> None:
        label, fields = _fields(line)
        if self._open is not None and not self._inside:
            raise ValueError("a voucher's rows stand in braces")
        if label == "#TRANS":
            if self._open is None:
                raise ValueError("a row stands outside a voucher")
            self._open[1].append(_read_row(fields))
        elif self._inside:
            raise ValueError(f"{label} stands inside a voucher")
        elif label == "#VER":
            self._open = (fields, [])
        elif label == "#KONTO":
            self._accounts[fields[0]] = fields[1]
        elif label in _HEADS:
            self._heads[label] = fields
        else:
            self._others.append(label)

    def _close(self) -> None:
        if self._open is None or not self._inside:
            raise ValueError("a brace closes nothing")
        fields, rows = self._open
        voucher = Voucher(fields[0], int(fields[1]), _read_day(fields[2]), fields[3], tuple(rows))
        if voucher.balance_ore:
            raise ValueError(
                f"voucher {voucher.series} {voucher.number} differs by {voucher.balance_ore} öre"
            )
        missing = [row.account for row in rows if row.account not in self._accounts]
        if missing:
            raise ValueError(f"account {missing[0]} is not declared")
        self._vouchers.append(voucher)
        self._open, self._inside = None, False

    def finished(self) -> Read:
        if self._open is not None:
            raise _broken(self._line, "the last voucher is not closed")
        missing = [label for label in _HEADS if label not in self._heads]
        if missing:
            raise _broken(self._line, f"{missing[0]} is missing")
        if self._heads["#FORMAT"] != ["PC8"]:
            raise _broken(self._line, "#FORMAT must be PC8")
        head = {label: fields[0] for label, fields in self._heads.items()}
        _year, year_from, year_to = self._heads["#RAR"]
        try:
            company = Company(
                head["#FNAMN"], head["#ORGNR"].replace("-", ""), _read_day(year_from), _read_day(year_to)
            )
            generated_on = _read_day(head["#GEN"])
        except ValueError as error:
            raise _broken(self._line, str(error)) from error
        return Read(
            head["#FLAGGA"],
            head["#SIETYP"],
            company,
            generated_on,
            self._accounts,
            tuple(self._vouchers),
            tuple(self._others),
        )


_HEADS = ("#FLAGGA", "#PROGRAM", "#FORMAT", "#GEN", "#SIETYP", "#ORGNR", "#FNAMN", "#RAR")


def _fields(line: str) -> tuple[str, list[str]]:
    label = _LABEL.match(line)
    if label is None:
        raise ValueError("a record begins with a label")
    fields, at = [], label.end()
    while at < len(line):
        if line[at] in " \t":
            at += 1
            continue
        found = _FIELD.match(line, at)
        if found is None:
            raise ValueError("a quote or a brace is not closed")
        quoted, braces, word = found.groups()
        fields.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else braces or word)
        at = found.end()
    return label[0], fields


def _read_row(fields: Sequence[str]) -> Row:
    account, objects, amount = fields[:3]
    if _ACCOUNT.fullmatch(account) is None or not objects.startswith("{"):
        raise ValueError("a row is an account, objects in braces and an amount")
    if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,2})?", amount) is None:
        raise ValueError(f"{amount} is no amount")
    return Row(account, int(Decimal(amount) * 100), fields[4] if len(fields) > 4 else "")


def _read_day(text: str) -> date:
    if re.fullmatch(r"[0-9]{8}", text) is None:
        raise ValueError(f"{text} is no date")
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))
