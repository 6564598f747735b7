"""What bodies refer to: by the code or number that the caller knows, never beyond its brands."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from django_filters.constants import EMPTY_VALUES
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.models import Account, Brand
from cxcrm.base.rest.fields import TextField


@extend_schema_field({"type": "string"})
class BrandField(serializers.Field):
    """The code of a brand that the key may use. One that it may not use does not exist for it."""

    default_error_messages = {
        "not_found": _("There is no such brand."),
        "invalid": _("Write the code of the brand as a text."),
    }

    def to_internal_value(self, data: Any) -> Brand:
        if not isinstance(data, str):
            self.fail("invalid")
        if "\0" in data:
            self.fail("not_found")
        brand_ids = self.context["request"].auth.brand_ids
        brands = Brand.objects.filter(code=data)
        brand = (brands if brand_ids is None else brands.filter(pk__in=brand_ids)).first()
        if brand is None:
            self.fail("not_found")
        return brand

    def to_representation(self, value: Brand) -> str:
        return value.code


class OfAccount(serializers.Serializer):
    """What belongs to a customer, whom the caller names by brand and number: `account`."""

    brand = BrandField(help_text="Code of the brand.")
    account_external_id = TextField(
        max_length=64, help_text="Number of the customer in the company's own systems."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = {"brand": attrs.pop("brand"), "external_id": attrs.pop("account_external_id")}
        account = Account.objects.select_related("brand").filter(**named).first()
        if account is None:
            raise not_found("account_external_id", _("There is no such account."))
        return attrs | {"account": account}


def not_found(field: str, message: str) -> serializers.ValidationError:
    """The fault of a reference to what does not exist for the caller."""
    return serializers.ValidationError({field: ErrorDetail(message, code="not_found")})


class BrandFilter(filters.CharFilter):
    """The code of a brand; the field is the one that holds the row's brand.

    It is looked up first: so the planner sees which brand it is, and how many rows that has.
    """

    def __init__(self, field_name: str = "brand") -> None:
        super().__init__(field_name, help_text="Code of the brand.")

    def filter(self, rows: QuerySet, code: str) -> QuerySet:
        if code in EMPTY_VALUES:
            return rows
        brand = Brand.objects.filter(code=code).only("pk").first()
        return rows.none() if brand is None else rows.filter(**{self.field_name: brand})
