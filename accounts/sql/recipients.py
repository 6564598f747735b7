"""To whom an account's mails about its contracts go: the one place that says so."""

from dataclasses import dataclass

from django.db import connection

from accounts.sql.expressions import CONTACT_DECIDES
from cxcrm.outbox.selectors import stopped_for

# By the gate's own rule: a service mail is stopped by a dead address and nothing else.
_IS_STOPPED = stopped_for(address="address", mail_class="'service'")

# The billing contact with a living address, else a decision maker, else anybody who may decide.
# A lateral subquery; `{account_id}` is the column or parameter that names the account.
RECIPIENT = f"""(
    SELECT contact.id AS contact_id, contact.address_id,
        nullif(contact.language, '') AS contact_language
    FROM accounts_contact AS contact
    JOIN outbox_mailaddress AS address ON address.id = contact.address_id
    WHERE contact.account_id = {{account_id}}
        AND {_IS_STOPPED} IS NULL
        AND (contact.role IN ('billing', 'decision_maker') OR {CONTACT_DECIDES})
    ORDER BY contact.role = 'billing' DESC, contact.role = 'decision_maker' DESC, contact.id
    LIMIT 1
)"""

_RECIPIENT_OF = f"""
SELECT recipient.contact_id, recipient.address_id, contact.name,
    coalesce(recipient.contact_language, account.language)
FROM accounts_account AS account
CROSS JOIN LATERAL {RECIPIENT.format(account_id="account.id")} AS recipient
JOIN accounts_contact AS contact ON contact.id = recipient.contact_id
WHERE account.id = %(account_id)s
"""


@dataclass(frozen=True, slots=True)
class Recipient:
    contact_id: int
    address_id: int
    name: str
    language: str


def recipient_of(*, account_id: int) -> Recipient | None:
    """Whom to write to; None where nobody has a living address and may decide.

    Plan: look-ups of the account, its contacts and their addresses.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RECIPIENT_OF, {"account_id": account_id})
        row = cursor.fetchone()
    return Recipient(*row) if row else None
