from typing import Self

from django.db.models import QuerySet


class OutgoingMailQuerySet(QuerySet):
    def search(self, text: str) -> Self:
        """Mails to this address, exactly."""
        return self.filter(address__address=text.lower())
