"""Receipts of cancellations whose mails did not go out."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

_UNDELIVERED = """
SELECT cancellation.id, mail.kind, contract.id, contract.external_id, contract.account_id,
    (%(at)s AT TIME ZONE account.time_zone)::date
FROM outbox_outgoingmail AS mail
JOIN accounts_cancellation AS cancellation ON cancellation.id = mail.subject_id
JOIN accounts_contract AS contract ON contract.id = cancellation.contract_id
JOIN accounts_account AS account ON account.id = contract.account_id
WHERE mail.kind IN ('cancellation_receipt', 'cancellation_decision')
    AND mail.state IN ('failed', 'suppressed')
    AND mail.finished_at > %(since)s
    AND cancellation.taken_back_at IS NULL
    AND NOT EXISTS (
        SELECT FROM accounts_task AS task
        WHERE task.origin = 'receipt_by_letter'
            AND task.origin_key = concat(
                cancellation.id, CASE mail.kind WHEN 'cancellation_receipt' THEN ':received'
                    ELSE ':decided' END
            )
    )
ORDER BY mail.id
-- Whoever is taking one back is left alone; whoever comes later closes the task.
FOR SHARE OF cancellation SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class UndeliveredReceipt:
    cancellation_id: int
    mail_kind: str
    contract_id: int
    contract_number: str
    account_id: int
    day: date  # the account's own


def undelivered_receipts(*, since: datetime, at: datetime) -> list[UndeliveredReceipt]:
    """The receipts of standing cancellations whose mail failed or was stopped after `since`, and
    for which no letter was asked for yet. Locks the cancellations.

    Plan: range scans of `mail_not_sent`, look-ups by primary key and of `task_once_per_origin`.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UNDELIVERED, {"since": since, "at": at})
        return [UndeliveredReceipt(*row) for row in cursor.fetchall()]
