"""Brands, accounts and contacts as integrations see them."""

from functools import partial
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.bulk import BulkUpsert
from accounts.api.references import BrandField, BrandFilter, OfAccount
from accounts.enums import ContactRole, CustomerKind, ImportKind, Segment
from accounts.models import Account, Brand, Contact
from accounts.selectors.contacts import with_decides
from accounts.services.customers import (
    add_account,
    add_contact,
    keep_account,
    keep_contact,
    lock_account,
    lock_contact,
)
from cxcrm.base.rest.fields import TextField, TimeZoneField
from cxcrm.base.rest.filters import (
    IdFilter,
    MomentFilter,
    ResourceFilterSet,
    SearchFilter,
    YesNoFilter,
)
from cxcrm.base.rest.paging import BY_ID, Order
from cxcrm.base.rest.serializers import BodySerializer, Expandable, ResourceSerializer, fill
from cxcrm.base.rest.views import ResourceViewSet
from cxcrm.base.scopes import ResourceGroup


class BrandSerializer(ResourceSerializer):
    class Meta:
        model = Brand
        fields = ("id", "code", "name", "legal_name", "base_url", "service_address")


class BrandFilters(ResourceFilterSet):
    class Meta:
        model = Brand
        fields = ("code",)


class BrandViewSet(ResourceViewSet):
    """The businesses that customers belong to. They are added and changed at the desk."""

    group = ResourceGroup.CUSTOMERS
    brand_path = "pk"
    serializer_class = BrandSerializer
    filterset_class = BrandFilters

    def get_queryset(self) -> QuerySet[Brand]:
        return Brand.objects.all()


class AccountSerializer(ResourceSerializer):
    brand = serializers.CharField(source="brand.code", help_text="Code of the brand.")
    account_manager = serializers.EmailField(
        source="account_manager.email",
        allow_null=True,
        help_text="Mail address of the member of staff who looks after it.",
    )

    expandable = {
        "brand": Expandable("brand", "accounts.api.customers.BrandSerializer"),
    }

    class Meta:
        model = Account
        fields = (
            "id",
            "brand",
            "external_id",
            "name",
            "customer_kind",
            "segment",
            "country",
            "region",
            "language",
            "time_zone",
            "account_manager",
            "arr",
            "is_high_value",
            "lost_on",
            "created_at",
        )
        read_only_fields = fields


class AccountChanges(BodySerializer):
    """What of an account may be changed."""

    time_zone = TimeZoneField()

    class Meta:
        model = Account
        fields: tuple[str, ...] = (
            "name",
            "customer_kind",
            "segment",
            "country",
            "region",
            "language",
            "time_zone",
        )


class NewAccount(AccountChanges):
    brand = BrandField(help_text="Code of the brand.")

    class Meta:
        model = Account
        fields = ("brand", "external_id", *AccountChanges.Meta.fields)


class AccountFilters(ResourceFilterSet):
    search = SearchFilter(
        help_text="Number, that of a contract, mail address, or part of the name: of 1,000 at most."
    )
    brand = BrandFilter()
    customer_kind = filters.ChoiceFilter(choices=CustomerKind.choices)
    segment = filters.ChoiceFilter(choices=Segment.choices)
    is_lost = YesNoFilter("lost_on", "isnull", exclude=True, help_text="No contract is left.")
    created_after = MomentFilter("created_at", "gte", help_text="From then on.")
    created_before = MomentFilter("created_at", "lt")

    class Meta:
        model = Account
        fields = ("external_id", "country", "is_high_value")


class AccountViewSet(BulkUpsert, ResourceViewSet):
    """Customers: companies or persons that hold contracts with one brand."""

    group = ResourceGroup.CUSTOMERS
    bulk_kind = ImportKind.ACCOUNTS
    brand_path = "brand"
    serializer_class = AccountSerializer
    filterset_class = AccountFilters

    def get_queryset(self) -> QuerySet[Account]:
        return Account.objects.select_related("brand", "account_manager")

    @extend_schema(request=NewAccount, responses={201: AccountSerializer})
    def create(self, request: Request) -> Response:
        return self.created(self._add())

    @extend_schema(request=AccountChanges, responses={200: AccountSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        changes = self.checked(AccountChanges, partial=True)
        return self.change(lambda account: self._keep(account, changes), lock=lock_account)

    @extend_schema(
        request=NewAccount(partial=True), responses={200: AccountSerializer, 201: AccountSerializer}
    )
    def upsert(self, request: Request) -> Response:
        said = self.checked(NewAccount, partial=True, needed=("brand", "external_id"))
        return self.upsert_by(
            brand=said["brand"],
            external_id=said["external_id"],
            add=self._add,
            act=lambda account: self._keep(account, said),
            lock=lock_account,
        )

    def _add(self) -> Account:
        return add_account(**self.checked(NewAccount), at=self.at, actor=self.request.user)

    def _keep(self, account: Account, said: dict[str, Any]) -> None:
        fill(account, said)
        keep_account(account=account, at=self.at)


class ContactSerializer(ResourceSerializer):
    account_external_id = serializers.CharField(source="account.external_id")
    brand = serializers.CharField(source="account.brand.code", help_text="Code of the brand.")
    address = serializers.EmailField(
        source="address.address", allow_null=True, help_text="Mail address, in lower case."
    )
    address_bounced_at = serializers.DateTimeField(
        source="address.bounced_at",
        allow_null=True,
        help_text="Since when nothing is sent there, as mail came back; null: it is sent.",
    )
    decides = serializers.BooleanField(
        help_text="Whether it may cancel, keep or change contracts: as `may_decide` says, else "
        "decision makers and billing, else the only contact of the account."
    )

    expandable = {
        "account": Expandable("account", "accounts.api.customers.AccountSerializer"),
        "brand": Expandable("account.brand", "accounts.api.customers.BrandSerializer"),
    }

    class Meta:
        model = Contact
        fields = (
            "id",
            "account",
            "account_external_id",
            "brand",
            "external_id",
            "name",
            "role",
            "address",
            "address_bounced_at",
            "phone",
            "language",
            "may_decide",
            "decides",
        )
        read_only_fields = fields


class ContactChanges(BodySerializer):
    """What of a contact may be changed."""

    address = TextField(
        max_length=254, allow_null=True, required=False, help_text="Mail address; null: none."
    )

    class Meta:
        model = Contact
        fields: tuple[str, ...] = (
            "external_id",
            "name",
            "role",
            "address",
            "phone",
            "language",
            "may_decide",
        )


class NewContact(OfAccount, ContactChanges):
    class Meta:
        model = Contact
        fields = ("brand", "account_external_id", *ContactChanges.Meta.fields)


class ContactFilters(ResourceFilterSet):
    search = SearchFilter(
        help_text="Mail address, number of the account, or a part of the name: of 1,000 at most."
    )
    brand = BrandFilter("account__brand")
    account = IdFilter("account_id")
    account_external_id = filters.CharFilter("account__external_id")
    address = filters.CharFilter("address__address", method="with_address")
    role = filters.ChoiceFilter(choices=ContactRole.choices)

    class Meta:
        model = Contact
        fields = ("external_id",)

    def with_address(self, rows: QuerySet, name: str, address: str) -> QuerySet:
        return rows.filter(**{name: address.lower()})


class ContactViewSet(BulkUpsert, ResourceViewSet):
    """Persons at accounts. Mails go to contacts."""

    group = ResourceGroup.CUSTOMERS
    bulk_kind = ImportKind.CONTACTS
    brand_path = "account__brand"
    serializer_class = ContactSerializer
    filterset_class = ContactFilters
    # By account: the contacts of one brand are found through its accounts, page by page.
    orders = {
        "account": Order(("account_id", "id")),
        "-account": Order(("account_id", "id"), descending=True),
        **BY_ID,
    }
    order = "account"

    def get_queryset(self) -> QuerySet[Contact]:
        return with_decides(
            Contact.objects.select_related("account__brand", "account__account_manager", "address")
        )

    @extend_schema(request=NewContact, responses={201: ContactSerializer})
    def create(self, request: Request) -> Response:
        return self.created(self._add())

    @extend_schema(request=ContactChanges, responses={200: ContactSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        changes = self.checked(ContactChanges, partial=True)
        return self.change(
            lambda contact: self._keep(contact, changes),
            lock=partial(lock_contact, address=changes.get("address")),
        )

    @extend_schema(
        request=NewContact(partial=True), responses={200: ContactSerializer, 201: ContactSerializer}
    )
    def upsert(self, request: Request) -> Response:
        key = ("brand", "account_external_id", "external_id")
        said = self.checked(NewContact, partial=True, needed=key)
        return self.upsert_by(
            account=said["account"],
            external_id=said["external_id"],
            add=self._add,
            act=lambda contact: self._keep(contact, said),
            lock=partial(lock_contact, address=said.get("address")),
        )

    def _add(self) -> Contact:
        return add_contact(**{"address": None} | self.checked(NewContact))

    def _keep(self, contact: Contact, said: dict[str, Any]) -> None:
        known = contact.address.address if contact.address else None
        address = said.get("address", known)
        fill(contact, {name: value for name, value in said.items() if name != "address"})
        keep_contact(contact=contact, address=address)
