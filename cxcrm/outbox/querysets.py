from typing import Self

from django.db.models import Exists, OuterRef, QuerySet


class OutgoingMailQuerySet(QuerySet):
    def search(self, text: str) -> Self:
        """Mails to this address, exactly."""
        return self.filter(address__address=text.lower())


class MailAddressQuerySet(QuerySet):
    def objected(self) -> Self:
        """Whose owners want no mail of some class."""
        objections = self.model._meta.get_field("permissions").related_model.objects
        return self.filter(
            Exists(objections.filter(address=OuterRef("pk"), objected_at__isnull=False))
        )
