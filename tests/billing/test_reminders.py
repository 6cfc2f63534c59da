"""Late invoices are reminded of once a level, after somebody looked; what is settled or contested never."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date, timedelta

import eventlet
import pytest
import sqlalchemy as sa
from pypdf import PdfReader
from werkzeug.test import Client

from services.billing.checks import check
from services.billing.commands import agreements, invoicing
from services.billing.commands.reminders import dispute, remind
from services.billing.domain.agreements import terms_document, terms_from
from services.billing.queries import basis
from services.billing.queries import reminders as queries
from services.billing.queries.invoices import Invoice
from services.billing.queries.reminders import ReminderPreview
from services.billing.reminder_tables import reminders
from services.chassis.clock import FixedClock
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from tests.billing import booking
from tests.billing.bank_files import bank_file
from tests.billing.booking import BY, CHART, YEAR
from tests.billing.test_invoicing import revise
from tests.billing.test_pages import words
from tests.billing.test_payments import paying, take
from tests.web import bearer, client_of, sign_in

TODAY = date(2026, 11, 24)
ISSUED = date(2026, 10, 10)  # due 30 days later, on 9 November: 15 days late today


def late_invoices(storage: Storage) -> list[Invoice]:
    booking.open_year(storage)
    run = booking.newest(storage)
    with storage.unit() as unit:
        invoicing.issue_instalment(unit, YEAR, 1, CHART, BY, run_id=run.run_id, issued_on=ISSUED)
    return booking.issued(storage)


def seen(storage: Storage, today: date = TODAY) -> ReminderPreview:
    with storage.reading() as connection:
        return queries.preview(connection, today)


def send(storage: Storage, batch_id: str = "", *invoice_ids: str) -> list[str]:
    found = seen(storage, storage.clock.now().date())
    chosen = invoice_ids or tuple(each.overdue.invoice_id for each in found.due)
    with storage.unit() as unit:
        return remind(unit, batch_id or new_id(), chosen, BY, fingerprint=found.fingerprint)


def facts(storage: Storage) -> int:
    with storage.reading() as connection:
        where = outbox.c.type.like("%invoice_reminded%")
        return connection.scalar(sa.select(sa.func.count()).where(where)) or 0


def name_of(caught: pytest.ExceptionInfo[Refused]) -> str:
    return caught.value.refusal.name


def test_every_late_invoice_is_reminded_of_once(storage: Storage) -> None:
    late_invoices(storage)
    found = seen(storage)
    assert [(each.days_late, each.next_level) for each in found.due] == [(15, 1)] * 10
    batch_id = new_id()
    ids = send(storage, batch_id)
    again = remind_again(storage, batch_id, found)
    assert ids == again
    assert (len(set(ids)), facts(storage)) == (10, 10)
    with storage.reading() as connection:
        sent = [queries.reminder(connection, each) for each in ids]
        assert check(connection) == []
    assert sorted(each.number for each in sent) == [f"P2026-{n:04d}" for n in range(1, 11)]
    assert {each.pay_by for each in sent} == {TODAY + timedelta(days=10)}
    assert seen(storage).due == ()
    with pytest.raises(Refused) as caught:
        send(storage)
    assert name_of(caught) == "nothing_to_remind"


def remind_again(storage: Storage, batch_id: str, found: ReminderPreview) -> list[str]:
    chosen = [each.overdue.invoice_id for each in found.due]
    with storage.unit() as unit:
        return remind(unit, batch_id, chosen, BY, fingerprint=found.fingerprint)


def test_the_next_level_comes_on_its_day(storage: Storage, clock: FixedClock) -> None:
    late_invoices(storage)
    send(storage)
    assert seen(storage, TODAY + timedelta(days=14)).due == ()
    clock.time += timedelta(days=15)
    assert [each.next_level for each in seen(storage, TODAY + timedelta(days=15)).due] == [2] * 10
    send(storage)
    assert {each.why_not for each in seen(storage, TODAY + timedelta(days=90)).standings} == {"all_sent"}


def test_paid_credited_and_contested_invoices_are_never_reminded_of(storage: Storage) -> None:
    paid, *rest = late_invoices(storage)
    contested = next(each for each in rest if each.payer_code == "1962")
    take(storage, bank_file([paying(paid)]))
    with storage.unit() as unit:
        dispute(unit, new_id(), contested.invoice_id, "the figure is wrong", BY, disputed=True)
    found = seen(storage)
    assert len(found.standings) == 9
    assert [each.overdue.number for each in found.standings if each.why_not == "disputed"] == [
        contested.number
    ]
    revise(storage, "1981", 22_900)
    booking.correct(storage)  # all members' invoices are credited; their replacements are not late
    assert [each.overdue.payer_code for each in seen(storage).standings] == (
        ["19"] if paid.payer_code != "19" else []
    )
    ids = [each.invoice_id for each in (paid, contested)]
    with pytest.raises(Refused) as caught:
        send(storage, "", *ids)
    assert name_of(caught) == "nothing_to_remind"
    assert facts(storage) == 0


def test_what_was_paid_after_the_look_is_not_reminded_of(storage: Storage) -> None:
    paid, *_ = late_invoices(storage)
    found = seen(storage)
    take(storage, bank_file([paying(paid)]))
    with pytest.raises(Refused) as caught:
        remind_again(storage, new_id(), found)
    assert name_of(caught) == "preview_stale"
    assert facts(storage) == 0


def test_many_who_send_at_once_remind_once(storage: Storage) -> None:
    """Six colleagues look at the same list and press the button together."""
    late_invoices(storage)
    found = seen(storage)

    def press() -> str:
        try:
            return str(len(remind_again(storage, new_id(), found)))
        except Refused as error:
            return error.refusal.name

    pool = eventlet.GreenPool(6)
    ends = sorted(thread.wait() for thread in [pool.spawn(press) for _ in range(6)])
    assert ends == ["10", *["preview_stale"] * 5]
    assert facts(storage) == 10
    with storage.reading() as connection:
        assert check(connection) == []


def test_the_database_itself_keeps_one_reminder_a_level_and_never_changes_it(storage: Storage) -> None:
    late_invoices(storage)
    send(storage)
    with pytest.raises(sa.exc.DBAPIError), storage.unit() as unit:
        unit.execute(sa.update(reminders).values(level=7))
    with storage.reading() as connection:
        row = dict(connection.execute(sa.select(reminders)).mappings().first() or {})
    with pytest.raises(sa.exc.IntegrityError), storage.unit() as unit:
        unit.execute(sa.insert(reminders), {**row, "reminder_id": new_id(), "number": 99})


def test_a_dispute_is_noted_once_with_its_reason_and_can_be_settled(storage: Storage) -> None:
    invoice = late_invoices(storage)[0]
    name = new_id()
    for _ in range(2):
        with storage.unit() as unit:
            dispute(unit, name, invoice.invoice_id, "the figure is wrong", BY, disputed=True)
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        dispute(unit, new_id(), invoice.invoice_id, "the figure is wrong", BY, disputed=True)
    assert name_of(caught) == "dispute_unchanged"
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        dispute(unit, new_id(), invoice.invoice_id, " ", BY, disputed=False)
    assert name_of(caught) == "reason_missing"
    with storage.unit() as unit:
        dispute(unit, new_id(), invoice.invoice_id, "it was right", BY, disputed=False)
    with storage.reading() as connection:
        told = queries.disputes_of(connection, invoice.invoice_id)
    assert [(each.disputed, each.reason) for each in told] == [
        (False, "it was right"),
        (True, "the figure is wrong"),
    ]
    assert len(seen(storage).due) == 10
    take(storage, bank_file([paying(invoice)]))
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        dispute(unit, new_id(), invoice.invoice_id, "the figure is wrong", BY, disputed=True)
    assert name_of(caught) == "invoice_not_open"


def test_the_agreement_says_the_days_and_old_ones_keep_their_bytes(storage: Storage) -> None:
    late_invoices(storage)
    with storage.reading() as connection:
        agreement = basis.every_agreement(connection)[0]
    assert agreement.terms is not None
    assert "reminder_days" not in terms_document(agreement.terms)
    slower = replace(agreement.terms, reminder_days=(20, 40, 60))
    assert terms_from(terms_document(slower)) == slower
    with storage.unit() as unit:
        agreements.record_agreement(unit, replace(agreement, version=2, terms=slower), BY)
    found = seen(storage)
    assert (found.days, found.due) == ((20, 40, 60), ())
    assert {each.from_day for each in found.standings} == {date(2026, 11, 29)}
    for days in ((0,), (10, 10), (1, 2, 3, 4, 5, 6), (366,)):
        with pytest.raises(Refused) as caught, storage.unit() as unit:
            wrong = replace(slower, reminder_days=days)
            agreements.record_agreement(unit, replace(agreement, version=3, terms=wrong), BY)
        assert name_of(caught) == "reminder_days_impossible"


@pytest.fixture
def client(composition: Composition) -> Client:
    late_invoices(composition.parts.storage)
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(batch_id|fingerprint)" value="([^"]+)"', page))


def test_seen_chosen_sent_and_printed(client: Client, composition: Composition) -> None:
    storage = composition.parts.storage
    token = sign_in(client, composition, role="finance", municipality="19", name="Anders")
    page = client.get("/finance/reminders").text
    assert "1–30 days late" in page
    norberg = next(each for each in booking.issued(storage) if each.payer_code == "1962")
    form = {**hidden(page), "csrf_token": token, "invoice_id": [norberg.invoice_id]}
    for _ in range(2):
        assert client.post("/finance/reminders", data=form).status_code == 303
    with storage.reading() as connection:
        (sent,) = queries.every_reminder(connection)
    assert (sent.invoice_id, facts(storage)) == (norberg.invoice_id, 1)
    told = words(client.get(f"/finance/reminders/{sent.reminder_id}"))
    assert "Reminder P2026-0001" in told
    assert "At the latest on 4 December 2026" in told
    assert norberg.reference in told
    sign_in(client, composition, role="finance", municipality="1962")
    paper = client.get(f"/finance/reminders/{sent.reminder_id}/reminder.pdf")
    text = " ".join(PdfReader(io.BytesIO(paper.data)).pages[0].extract_text().split())
    for said in ("Reminder P2026-0001", "Demogatan 62", "2,511.86", norberg.reference, "2026-12-04", "15"):
        assert said in text
    assert "Reminder P2026-0001" in client.get(f"/finance/invoices/{norberg.invoice_id}").text


def test_a_municipality_reads_contests_its_own_and_sends_nothing(
    client: Client, composition: Composition
) -> None:
    token = sign_in(client, composition, role="finance", municipality="1962", name="Birgitta")
    page = client.get("/finance/reminders").text
    assert 'type="checkbox"' not in page
    form = {**hidden(page), "csrf_token": token}
    assert client.post("/finance/reminders", data=form).status_code == 403
    by_payer = {each.payer_code: each.invoice_id for each in booking.issued(composition.parts.storage)}
    contest = {"csrf_token": token, "dispute_id": new_id(), "disputed": "true", "reason": "wrong figure"}
    assert client.post(f"/finance/invoices/{by_payer['1980']}/dispute", data=contest).status_code == 403
    assert client.post(f"/finance/invoices/{by_payer['1962']}/dispute", data=contest).status_code == 303
    told = words(client.get(f"/finance/invoices/{by_payer['1962']}"))
    assert "Contested: wrong figure Birgitta, Norberg" in told
    assert "contested" in words(client.get("/finance/reminders"))
    sign_in(client, composition, role="staff", municipality="1962")
    assert client.get("/finance/reminders").status_code == 403


def test_the_api_does_the_same(client: Client, composition: Composition) -> None:
    county = bearer(composition, role="finance", municipality="19")
    norberg = bearer(composition, role="finance", municipality="1962")
    told = client.get("/api/billing/reminders", headers=county).get_json()
    ids = [each["invoice_id"] for each in told["late"] if each["next_level"] == 1]
    assert len(ids) == 10
    mine = next(each["invoice_id"] for each in told["late"] if each["payer_code"] == "1962")
    contest = {"dispute_id": new_id(), "disputed": True, "reason": "wrong figure"}
    assert (
        client.post(f"/api/billing/invoices/{mine}/dispute", json=contest, headers=norberg).status_code == 200
    )
    body = {"batch_id": new_id(), "fingerprint": told["fingerprint"], "invoice_ids": ids}
    assert client.post("/api/billing/reminders", json=body, headers=norberg).status_code == 403
    stale = client.post("/api/billing/reminders", json=body, headers=county)
    assert (stale.status_code, stale.get_json()["name"]) == (409, "preview_stale")
    body["fingerprint"] = client.get("/api/billing/reminders", headers=county).get_json()["fingerprint"]
    done = client.post("/api/billing/reminders", json=body, headers=county).get_json()
    assert len(done["reminder_ids"]) == 9
    assert client.post("/api/billing/reminders", json=body, headers=county).get_json() == done
    sent = client.get("/api/billing/reminders", headers=county).get_json()["sent"]
    assert mine not in {each["invoice_id"] for each in sent}
