from datetime import datetime

from django.db.models import Q, QuerySet


class ApiKeyQuerySet(QuerySet):
    def live(self, at: datetime) -> "ApiKeyQuerySet":
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=at), revoked_at=None)

    def expired(self, at: datetime) -> "ApiKeyQuerySet":
        return self.filter(expires_at__lte=at, revoked_at=None)

    def revoked(self) -> "ApiKeyQuerySet":
        return self.exclude(revoked_at=None)

    def for_brand(self, code: str) -> "ApiKeyQuerySet":
        """Those that see the brand."""
        return self.filter(Q(covers_all_brands=True) | Q(brands__code=code)).distinct()

    def search(self, text: str) -> "ApiKeyQuerySet":
        """By a part of the name, or by how the key begins, as far as somebody copied it."""
        prefix = text.removeprefix("cx_").partition("_")[0]
        return self.filter(Q(name__icontains=text) | Q(prefix__startswith=prefix))
