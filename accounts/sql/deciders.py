"""Who may decide about an account's contracts."""

from collections.abc import Sequence

from django.db import connection

from accounts.sql.expressions import CONTACT_DECIDES


def contact_decides(*, contact_id: int, account_id: int) -> bool:
    """Whether this is a contact of the account, and one who may decide.

    Plan: the contact by its primary key, then whether its account has another.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT EXISTS (
                SELECT FROM accounts_contact AS contact
                WHERE contact.id = %(contact_id)s
                    AND contact.account_id = %(account_id)s
                    AND {CONTACT_DECIDES}
            )
            """,
            {"contact_id": contact_id, "account_id": account_id},
        )
        return cursor.fetchone()[0]


def any_decides(*, account_id: int, addresses: Sequence[str]) -> bool:
    """Whether one of these addresses is that of a contact of the account who may decide.

    Plan: the account's contacts by its index, their addresses by primary key.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT EXISTS (
                SELECT FROM accounts_contact AS contact
                JOIN outbox_mailaddress AS address ON address.id = contact.address_id
                WHERE contact.account_id = %(account_id)s
                    AND address.address = ANY (%(addresses)s)
                    AND {CONTACT_DECIDES}
            )
            """,
            {"account_id": account_id, "addresses": list(addresses)},
        )
        return cursor.fetchone()[0]
