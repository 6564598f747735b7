"""What customers are told of their cancellations: stored as said, mailed once, or posted."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.enums import CancellationKind, TaskOrigin
from accounts.models import Brand, Cancellation, CancellationReason, Product, Task
from accounts.services.cancellations import (
    cancel_contract,
    decide_cancellation,
    take_back_cancellation,
)
from accounts.services.due_work import run_due_work
from accounts.services.receipts import (
    CANCELLATION_DECISION,
    CANCELLATION_RECEIPT,
    DECIDED,
    RECEIVED,
    receipt_facts,
    receipt_refusal,
    render_receipt,
)
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import render_mail
from tests.factories import NOW, AccountFactory, ContactFactory, ContractFactory, ProductFactory

pytestmark = pytest.mark.django_db

RECEIVED_AT = datetime(2026, 6, 1, 9, 30, tzinfo=ZoneInfo("America/Los_Angeles"))


@pytest.fixture
def contract():
    account = AccountFactory(
        name="Bakery & Sons",
        external_id="K7",
        language="en",
        time_zone="America/Los_Angeles",
        customer_kind="consumer",
    )
    ContactFactory(account=account, name="Rosa Morgenrot", address="rosa@morgenrot.example")
    product = ProductFactory(brand=account.brand, name="Webhosting Pro")
    return ContractFactory(
        account=account, product=product, external_id="V7", concluded_on=date(2026, 5, 30)
    )


def receive(contract, kind=CancellationKind.ORDINARY, **details) -> Cancellation:
    return cancel_contract(
        contract_id=contract.pk, kind=kind, received_at=RECEIVED_AT, at=RECEIVED_AT, **details
    )


def test_receipt_says_what_was_received_and_when_on_the_customers_clock(contract):
    reason = CancellationReason.objects.get(code="competitor")

    cancellation = receive(contract, reason_id=reason.pk, wished_on=date(2026, 8, 1))

    facts = receipt_facts(cancellation.pk, NOW, part=RECEIVED)
    brand = facts.pop("brand")
    assert brand["name"] == contract.brand.name
    assert facts == {
        "language": "en",
        "recipient_name": "Rosa Morgenrot",
        "is_decision": False,
        "is_withdrawal": False,
        "kind": "Ordinary notice",
        "customer": "Bakery & Sons",
        "customer_number": "K7",
        "product": "Webhosting Pro",
        "contract_number": "V7",
        "received_at": "2026-06-01T09:30:00-07:00",
        "time_zone": "America/Los_Angeles",
        "wished_on": "2026-08-01",
        "effective_on": "2027-01-14",
        "reason": "Market, competitor",
        "wording": {},
    }
    [mail] = OutgoingMail.objects.all()
    assert (mail.kind, mail.subject_id, mail.address.address, mail.account_id) == (
        CANCELLATION_RECEIPT,
        cancellation.pk,
        "rosa@morgenrot.example",
        contract.account_id,
    )
    rendered = render_mail(mail)
    assert rendered.subject == "Webhosting Pro: we received your cancellation"
    for said in (
        "Dear Rosa Morgenrot,",
        "Customer – Bakery & Sons (K7)",
        "Product – Webhosting Pro (V7)",
        "Received – June 1, 2026, 9:30\u202fAM (Pacific Daylight Time)",
        "Requested last day – August 1, 2026",
        "Last day – January 14, 2027",
        "Reason – Market, competitor",
    ):
        assert said in rendered.text
    assert "Bakery &amp; Sons (K7)" in rendered.html


def test_receipt_stays_as_it_was_whatever_changes_later(contract):
    cancellation = receive(contract)
    before = render_receipt(cancellation, part=RECEIVED)

    Product.objects.update(name="Renamed")
    Brand.objects.update(legal_name="Sold Ltd")
    contract.account.contacts.update(name="Somebody else")

    cancellation.refresh_from_db()
    assert render_receipt(cancellation, part=RECEIVED) == before
    assert render_mail(OutgoingMail.objects.get()) == before


def test_decision_is_told_in_a_second_mail(contract):
    cancellation = receive(contract, CancellationKind.SWITCH)
    first = render_receipt(cancellation, part=RECEIVED)
    assert "Last day – will be decided" in first.text
    assert render_receipt(cancellation, part=DECIDED) is None

    decide_cancellation(
        cancellation_id=cancellation.pk, effective_on=date(2026, 7, 15), at=RECEIVED_AT
    )

    cancellation.refresh_from_db()
    assert render_receipt(cancellation, part=RECEIVED) == first
    second = render_receipt(cancellation, part=DECIDED)
    assert second.subject == "Webhosting Pro: your contract ends on July 15, 2026"
    assert "Last day – July 15, 2026" in second.text
    kinds = list(OutgoingMail.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == [CANCELLATION_RECEIPT, CANCELLATION_DECISION]


def test_withdrawal_is_called_one(contract):
    rendered = render_receipt(receive(contract, CancellationKind.WITHDRAWAL), part=RECEIVED)

    assert rendered.subject == "Webhosting Pro: we received your withdrawal"
    assert "Last day" not in rendered.text


@pytest.mark.parametrize(
    ("language", "reason"),
    [
        ("en", "Price"),
        ("de", "Preis"),
        ("fr", "Prix"),
        ("es", "Precio"),
    ],
)
@pytest.mark.parametrize("customer_kind", ["consumer", "business"])
@pytest.mark.parametrize("kind", [CancellationKind.ORDINARY, CancellationKind.EXTRAORDINARY])
def test_receipt_is_in_the_readers_language(contract, language, reason, customer_kind, kind):
    contract.account.contacts.update(language=language)
    contract.account.customer_kind = customer_kind
    contract.account.save()

    cancellation = receive(
        contract, kind, reason_id=CancellationReason.objects.get(code="price").pk
    )

    [mail] = OutgoingMail.objects.all()
    assert mail.language == language
    rendered = render_receipt(cancellation, part=RECEIVED)
    assert f" – {reason}\n" in rendered.text
    assert f">{reason}</td>" in rendered.html


def test_nobody_to_write_to_gets_a_letter_and_the_receipt_is_stored():
    contract = ContractFactory(external_id="V9", account__name="Bakery")

    cancellation = receive(contract, CancellationKind.EXTRAORDINARY)
    decide_cancellation(
        cancellation_id=cancellation.pk, effective_on=date(2026, 7, 1), at=RECEIVED_AT
    )

    assert not OutgoingMail.objects.exists()
    letters = Task.objects.filter(origin=TaskOrigin.RECEIPT_BY_LETTER).order_by("id")
    assert list(letters.values_list("title", "due_on", "contract")) == [
        ("Send the receipt of the cancellation by letter: V9", date(2026, 6, 1), contract.pk),
        ("Tell the decided last day by letter: V9", date(2026, 6, 1), contract.pk),
    ]
    cancellation.refresh_from_db()
    assert "Dear Bakery," in render_receipt(cancellation, part=RECEIVED).text


def letters() -> list[tuple]:
    tasks = Task.objects.filter(origin=TaskOrigin.RECEIPT_BY_LETTER).order_by("id")
    return list(tasks.values_list("title", "due_on", "state"))


@pytest.mark.parametrize("state", ["failed", "suppressed"])
def test_customer_whose_receipt_did_not_arrive_by_mail_gets_each_part_by_letter_once(
    contract, state
):
    cancellation = receive(contract, CancellationKind.EXTRAORDINARY)
    decide_cancellation(
        cancellation_id=cancellation.pk, effective_on=date(2026, 7, 1), at=RECEIVED_AT
    )
    OutgoingMail.objects.update(state=state, finished_at=RECEIVED_AT)

    counts = [run_due_work(at=RECEIVED_AT + timedelta(days=day))["letters"] for day in (1, 2)]
    Task.objects.update(state="done", result="Posted.", done_at=RECEIVED_AT)
    counts.append(run_due_work(at=RECEIVED_AT + timedelta(days=3))["letters"])

    assert counts == [2, 0, 0]
    assert letters() == [
        ("Send the receipt of the cancellation by letter: V7", date(2026, 6, 2), "done"),
        ("Tell the decided last day by letter: V7", date(2026, 6, 2), "done"),
    ]


def test_no_letter_about_what_was_taken_back(contract):
    cancellation = receive(contract)
    take_back_cancellation(cancellation_id=cancellation.pk, at=RECEIVED_AT)
    OutgoingMail.objects.update(state="suppressed", finished_at=RECEIVED_AT)

    assert run_due_work(at=RECEIVED_AT + timedelta(days=1))["letters"] == 0
    assert letters() == []


def test_nobody_posts_the_receipt_of_what_was_taken_back():
    cancellation = receive(ContractFactory(external_id="V9"))

    take_back_cancellation(cancellation_id=cancellation.pk, at=RECEIVED_AT)

    assert letters() == [
        ("Send the receipt of the cancellation by letter: V9", date(2026, 6, 1), "done")
    ]
    assert Task.objects.get().result == "The cancellation was taken back."


def test_receipt_of_what_was_taken_back_meanwhile_does_not_go(contract):
    cancellation = receive(contract)
    assert receipt_refusal(cancellation.pk, NOW) is None

    take_back_cancellation(cancellation_id=cancellation.pk, at=RECEIVED_AT + timedelta(minutes=1))

    assert receipt_refusal(cancellation.pk, NOW) == "The cancellation was taken back."
