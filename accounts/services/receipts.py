"""What customers are told of their cancellations: stored as it was said, mailed or posted."""

from datetime import date, datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts.enums import CancellationKind, TaskOrigin, TaskPool
from accounts.models import Cancellation, Contract, Task
from accounts.services.brands import brand_facts
from accounts.services.contracts import zone_of
from accounts.services.receipt_texts import (
    DECIDED_TEXTS,
    RECEIVED_TEXTS,
    decided_examples,
    receipt_placeholders,
    received_examples,
)
from accounts.services.renewals import LOOK_BACK
from accounts.services.tasks import open_tasks
from accounts.sql.receipts import UndeliveredReceipt, undelivered_receipts
from accounts.sql.recipients import Recipient, recipient_of
from cxcrm.outbox.enums import MailClass
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import (
    MailKind,
    MailRequest,
    RenderedMail,
    queue_mails,
    register_mail_kind,
    render_mail,
    wording_in_force,
)

# The first confirms what was received, the second tells the day that an agent decided later.
CANCELLATION_RECEIPT = "cancellation_receipt"
CANCELLATION_DECISION = "cancellation_decision"

RECEIVED = "received"
DECIDED = "decided"
PARTS = {RECEIVED: CANCELLATION_RECEIPT, DECIDED: CANCELLATION_DECISION}
_PART_OF = {kind: part for part, kind in PARTS.items()}

_LABELS = {
    RECEIVED: _("Receipt of a cancellation"),
    DECIDED: _("Decision on a cancellation"),
}
_TEXTS = {RECEIVED: RECEIVED_TEXTS, DECIDED: DECIDED_TEXTS}
_EXAMPLES = {RECEIVED: received_examples, DECIDED: decided_examples}
_BY_LETTER = {
    RECEIVED: _("Send the receipt of the cancellation by letter: %(contract)s"),
    DECIDED: _("Tell the decided last day by letter: %(contract)s"),
}


def save_with_receipt(cancellation: Cancellation, *, part: str, due_on: date, at: datetime) -> None:
    """Save a cancellation with what its customer is told of it now, and queue the mail, in the
    caller's transaction.

    The mail goes to whoever gets the contract's renewal mails; where there is nobody, a task asks
    for a letter. The contract comes with account, brand and product.
    """
    contract = cancellation.contract
    recipient = recipient_of(account_id=contract.account_id)
    cancellation.receipt |= {part: _facts(cancellation, contract, recipient, part=part)}
    cancellation.save()
    if recipient is None:
        open_tasks(
            [
                _letter(
                    UndeliveredReceipt(
                        cancellation_id=cancellation.pk,
                        mail_kind=PARTS[part],
                        contract_id=contract.pk,
                        contract_number=contract.external_id,
                        account_id=contract.account_id,
                        day=due_on,
                    ),
                    at,
                )
            ]
        )
        return
    queue_mails(
        kind=PARTS[part],
        requests=[
            MailRequest(
                subject_id=cancellation.pk,
                address_id=recipient.address_id,
                language=recipient.language,
                account_id=contract.account_id,
            )
        ],
        at=at,
    )


def open_tasks_for_undelivered_receipts(*, at: datetime) -> int:
    """Ask for a letter where the mail of a receipt failed or was stopped although the
    cancellation stands. Each once; answers how many."""
    with transaction.atomic():
        undelivered = undelivered_receipts(since=at - LOOK_BACK, at=at)
        open_tasks([_letter(receipt, at) for receipt in undelivered])
    return len(undelivered)


def letter_key(cancellation_id: int, part: str) -> str:
    """The `origin_key` of the task that asks for a part of a receipt by letter."""
    return f"{cancellation_id}:{part}"


def render_receipt(cancellation: Cancellation, *, part: str) -> RenderedMail | None:
    """A stored receipt as the customer reads it; None where there is none of this part."""
    facts = cancellation.receipt.get(part)
    if facts is None:
        return None
    return render_mail(OutgoingMail(kind=PARTS[part], facts=facts, language=facts["language"]))


def register_mail_kinds() -> None:
    for part, kind in PARTS.items():
        register_mail_kind(
            MailKind(
                name=kind,
                label=_LABELS[part],
                mail_class=MailClass.SERVICE,
                template="accounts/mail/cancellation_receipt",
                facts=partial(receipt_facts, part=part),
                refusal=receipt_refusal,
                texts=_TEXTS[part],
                placeholders=receipt_placeholders,
                examples=_EXAMPLES[part],
                at_any_hour=True,
            )
        )


def receipt_facts(cancellation_id: int, at: datetime, *, part: str) -> dict[str, Any]:
    """What a receipt says: nothing but what was stored when it was given."""
    return Cancellation.objects.values_list("receipt", flat=True).get(pk=cancellation_id)[part]


def receipt_refusal(cancellation_id: int, at: datetime) -> str | None:
    """Why a receipt must not go any more, asked again when a worker is about to send it."""
    if Cancellation.objects.filter(pk=cancellation_id, taken_back_at__isnull=False).exists():
        return str(_("The cancellation was taken back."))
    return None


def _facts(
    cancellation: Cancellation,
    contract: Contract,
    recipient: Recipient | None,
    *,
    part: str,
) -> dict[str, Any]:
    """In the words of the reader: kind, reason and texts may read otherwise one day."""
    account = contract.account
    zone = zone_of(account)
    language = recipient.language if recipient else account.language
    with translation.override(language):
        return {
            "brand": brand_facts(contract.brand),
            "language": language,
            "recipient_name": recipient.name if recipient else account.name,
            "is_decision": part == DECIDED,
            "is_withdrawal": cancellation.kind == CancellationKind.WITHDRAWAL,
            "kind": str(CancellationKind(cancellation.kind).label),
            "customer": account.name,
            "customer_number": account.external_id,
            "product": contract.product.name,
            "contract_number": contract.external_id,
            "received_at": cancellation.received_at.astimezone(zone).isoformat(),
            "time_zone": zone.key,
            "wished_on": _iso(cancellation.wished_on),
            "effective_on": _iso(cancellation.effective_on),
            "reason": str(cancellation.reason or ""),
            "wording": wording_in_force(
                kind=PARTS[part], language=language, brand_code=contract.brand.code
            ),
        }


def _letter(receipt: UndeliveredReceipt, at: datetime) -> Task:
    part = _PART_OF[receipt.mail_kind]
    return Task(
        account_id=receipt.account_id,
        contract_id=receipt.contract_id,
        title=str(_BY_LETTER[part]) % {"contract": receipt.contract_number},
        due_on=receipt.day,
        pool=TaskPool.RETENTION,
        origin=TaskOrigin.RECEIPT_BY_LETTER,
        origin_key=letter_key(receipt.cancellation_id, part),
        created_at=at,
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
