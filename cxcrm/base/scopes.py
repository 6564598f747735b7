"""What a key may do: read, write or import, per group of resources, for some brands or all."""

from typing import Protocol

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ResourceGroup(TextChoices):
    CUSTOMERS = "customers", _("Customers")
    PRODUCTS = "products", _("Products")
    CONTRACTS = "contracts", _("Contracts")
    TASKS = "tasks", _("Tasks")
    MAILS = "mails", _("Mails")


class Verb(TextChoices):
    READ = "read", _("read")
    WRITE = "write", _("write")
    IMPORT = "import", _("import")


class Credential(Protocol):
    """Whoever calls the API, as `request.auth`; `request.user` is who it acts as."""

    @property
    def name_in_limits(self) -> str:
        """What tells it apart from all other credentials, for good."""

    def may(self, verb: Verb, group: ResourceGroup) -> bool: ...

    @property
    def brand_ids(self) -> list[int] | None:
        """The brands that it is limited to; None: all, also those to come."""
