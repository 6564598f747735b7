"""Tells the apps above how their mails ended."""

from cxcrm.outbox.services.kinds import mail_kind
from cxcrm.outbox.sql.endings import Ending, mark_endings_noted


def take_endings(*, kind: str, limit: int) -> list[Ending]:
    """Take up to `limit` mails of a kind that are over, each once, and once more if it came back.

    Call it in the transaction that writes what follows from them: a rollback gives them back.
    Several may call it at the same time; each gets others. Raises UnknownMailKind.
    """
    return mark_endings_noted(kind=mail_kind(kind).name, limit=limit)
