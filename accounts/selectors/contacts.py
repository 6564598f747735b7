from django.db.models import QuerySet

from accounts.models import Contact
from accounts.sql.expressions import ContactDecides


def with_decides(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """Each with `decides`: whether it may cancel, keep or change the contracts of its account."""
    return contacts.annotate(decides=ContactDecides())
