from typing import Self

from django.db.models import QuerySet

# A name that more share is narrowed by more letters; all of them would have to be sorted.
NAMES_FOUND = 1_000
# Fewer letters make no trigram: the whole table would be read.
SHORTEST_NAME_PART = 3


class AccountQuerySet(QuerySet):
    def search(self, text: str) -> Self:
        """Accounts of this number, or one of whose contracts or addresses it is, or whose name
        holds the text, of the last at most `NAMES_FOUND`.

        A union of single-index look-ups: one OR over several tables would read all of them.
        """
        rows = self.order_by()
        by_number = rows.filter(external_id=text).values("pk")
        by_contract = rows.filter(contracts__external_id=text).values("pk")
        by_address = rows.filter(contacts__address__address=text.lower()).values("pk")
        by_name = rows.named(text).values("pk")[:NAMES_FOUND]
        return self.filter(pk__in=by_number.union(by_contract, by_address, by_name, all=True))

    def named(self, part: str) -> Self:
        return self.filter(name__icontains=part) if len(part) >= SHORTEST_NAME_PART else self.none()


class ContactQuerySet(QuerySet):
    def search(self, text: str) -> Self:
        """Contacts with this address or account number, or whose name holds the text, of the last
        at most `NAMES_FOUND`."""
        rows = self.order_by()
        by_address = rows.filter(address__address=text.lower()).values("pk")
        by_number = rows.filter(account__external_id=text).values("pk")
        by_name = rows.named(text).values("pk")[:NAMES_FOUND]
        return self.filter(pk__in=by_address.union(by_number, by_name, all=True))

    def named(self, part: str) -> Self:
        return self.filter(name__icontains=part) if len(part) >= SHORTEST_NAME_PART else self.none()
