"""Contracts as integrations see them, and what they may do to one."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.validators import RegexValidator
from django.db.models import FilteredRelation, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.bulk import BulkUpsert
from accounts.api.cancelling import Cancel, CancellationSerializer, Keep
from accounts.api.references import BrandFilter, OfAccount, not_found
from accounts.enums import ContractState, ImportKind
from accounts.models import Cancellation, Contract, Product
from accounts.rules.ends import end_if_cancelled
from accounts.services.contracts import add_contract, day_of, lock_contract
from accounts.services.imports.api_rows import CONTRACT_TERMS
from accounts.services.integrations import (
    cancel_for_customer,
    keep_for_customer,
    withdraw_cancellation,
)
from cxcrm.base.rest.fields import TextField
from cxcrm.base.rest.filters import (
    DayFilter,
    IdFilter,
    ResourceFilterSet,
    SearchFilter,
    YesNoFilter,
)
from cxcrm.base.rest.paging import BY_ID, Order
from cxcrm.base.rest.serializers import BodySerializer, Expandable, ResourceSerializer
from cxcrm.base.rest.views import ResourceViewSet
from cxcrm.base.scopes import ResourceGroup

# What an expanded reference shows of further things.
_EXPANDED = {"account": "account__account_manager", "product": "product__brand"}


class PlainContractSerializer(ResourceSerializer):
    """A contract without its cancellation, as other resources expand it."""

    brand = serializers.CharField(source="account.brand.code", help_text="Code of the brand.")
    account_external_id = serializers.CharField(
        source="account.external_id", help_text="Number of the customer."
    )
    product_code = serializers.CharField(source="product.code")
    yearly_value = serializers.DecimalField(max_digits=16, decimal_places=4)
    notice_deadline = serializers.DateField(
        allow_null=True, help_text="Last day of notice, inclusive; null: there is no renewal."
    )
    earliest_end = serializers.SerializerMethodField(
        help_text=(
            "Last day of the contract if ordinary notice came in today; null where it is over, "
            "cancelled, or ended by a feed."
        )
    )

    class Meta:
        model = Contract
        fields = (
            "id",
            "brand",
            "external_id",
            "account",
            "account_external_id",
            "product",
            "product_code",
            "state",
            *CONTRACT_TERMS,
            "yearly_value",
            "renewal_date",
            "notice_deadline",
            "remind_on",
            "awaits_decision",
            "earliest_end",
        )
        read_only_fields = fields

    def get_earliest_end(self, contract: Contract) -> date | None:
        return end_if_cancelled(contract, on=day_of(contract.account, self.context["at"]))


class ContractSerializer(PlainContractSerializer):
    cancellation = CancellationSerializer(
        source="standing",
        read_only=True,
        allow_null=True,
        help_text="The one that stands. Null: there is none.",
    )

    expandable = {
        "brand": Expandable(
            "account.brand", "accounts.api.customers.BrandSerializer", ResourceGroup.CUSTOMERS
        ),
        "account": Expandable(
            "account", "accounts.api.customers.AccountSerializer", ResourceGroup.CUSTOMERS
        ),
        "product": Expandable(
            "product", "accounts.api.products.ProductSerializer", ResourceGroup.PRODUCTS
        ),
    }

    class Meta(PlainContractSerializer.Meta):
        fields = (*PlainContractSerializer.Meta.fields, "cancellation")
        read_only_fields = fields


class NewContract(OfAccount, BodySerializer):
    """A contract as it was concluded. What it becomes from then on, bulk upsert brings."""

    product_code = TextField(max_length=64, help_text="Code of a product of the customer's brand.")

    class Meta:
        model = Contract
        fields = ("brand", "account_external_id", "product_code", "external_id", *CONTRACT_TERMS)
        extra_kwargs = {
            "concluded_on": {"required": False, "help_text": "Left out: the first day."},
            "first_term_months": {"min_value": 1, "max_value": 120},
            "renewal_term_months": {"min_value": 1, "max_value": 120},
            "notice_months": {"max_value": 24},
            "notice_days": {"max_value": 366},
            "price": {"min_value": Decimal(0)},
            "renewal_price": {"min_value": Decimal(0)},
            "tax_rate": {"min_value": Decimal(0), "max_value": Decimal("99.99")},
            "currency": {
                "max_length": None,
                "validators": [
                    RegexValidator(r"^[A-Z]{3}\Z", _("Write three capital letters, like EUR."))
                ],
            },
            "billing_period_months": {"min_value": 1, "max_value": 60},
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        product = Product.objects.filter(
            brand_id=attrs["account"].brand_id, code=attrs.pop("product_code")
        ).first()
        if product is None:
            raise not_found("product_code", _("There is no such product."))
        return attrs | {"product": product}


class ContractFilters(ResourceFilterSet):
    search = SearchFilter(help_text="Number of the contract or of its customer.")
    brand = BrandFilter()
    account = IdFilter("account_id")
    account_external_id = filters.CharFilter("account__external_id")
    product_code = filters.CharFilter("product__code")
    family = filters.CharFilter("product__family", help_text="Family of the product.")
    state = filters.ChoiceFilter(choices=ContractState.choices)
    renewal_date_from = DayFilter(
        "renewal_date", "gte", help_text="Quickest in the order `renewal_date`."
    )
    renewal_date_until = DayFilter("renewal_date", "lte", help_text="Inclusive.")
    ends_on_from = DayFilter("ends_on", "gte", help_text="Quickest with `state=running`.")
    ends_on_until = DayFilter("ends_on", "lte", help_text="Inclusive.")
    is_cancelled = YesNoFilter(method="filter_cancelled", help_text="A cancellation stands.")
    awaits_decision = YesNoFilter(
        method="filter_awaiting", help_text="It is cancelled, and its last day is to be decided."
    )

    class Meta:
        model = Contract
        fields = ("external_id",)

    def filter_cancelled(self, contracts: QuerySet[Contract], name, value) -> QuerySet[Contract]:
        return contracts.filter(standing__isnull=not value)

    def filter_awaiting(self, contracts: QuerySet[Contract], name, value) -> QuerySet[Contract]:
        """By the few cancellations that wait, which have an index of their own."""
        if not value:
            return contracts.filter(awaits_decision=False)
        waiting = Cancellation.objects.to_decide()
        return contracts.filter(pk__in=waiting.values("contract_id"))


class ContractViewSet(BulkUpsert, ResourceViewSet):
    """Contracts with their terms, dates and cancellation.

    A contract is added once and never changed here: its terms change by bulk upsert, its end by
    `cancel` and `withdraw-cancellation`. The order `renewal_date` has the running contracts that
    have such a date, and no others.
    """

    group = ResourceGroup.CONTRACTS
    bulk_kind = ImportKind.CONTRACTS
    brand_path = "brand"
    serializer_class = ContractSerializer
    filterset_class = ContractFilters
    orders = {
        **BY_ID,
        "renewal_date": Order(
            ("renewal_date", "id"),
            among=Q(state=ContractState.RUNNING, renewal_date__isnull=False),
        ),
    }

    def get_queryset(self) -> QuerySet[Contract]:
        # No others: the more joins, the worse the plans of searches.
        expanded = [_EXPANDED[name] for name in self.shape.expand & _EXPANDED.keys()]
        return (
            Contract.objects.annotate(
                standing=FilteredRelation(
                    "cancellations", condition=Q(cancellations__taken_back_at=None)
                )
            )
            .select_related("account__brand", "product", "standing__reason", *expanded)
            .defer("standing__receipt")
        )

    @extend_schema(request=NewContract, responses={201: ContractSerializer})
    def create(self, request: Request) -> Response:
        """Add a contract.

        It is ordered, or runs where its first day has come. Its renewal date, last day of notice
        and reminder follow from its terms.
        """
        new = self.checked(NewContract)
        return self.created(add_contract(**new, at=self.at, actor=request.user))

    @extend_schema(request=Cancel, responses={200: ContractSerializer})
    @action(methods=["post"], detail=True)
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel a contract as its customer declared it.

        The customer gets a receipt. Who decides the last day: the terms of the contract decide
        that of ordinary notice and of a withdrawal, `effective_on` or an agent that of the rest.
        """
        declared = {"received_at": self.at} | self.checked(Cancel)
        return self._do(cancel_for_customer, **declared)

    @extend_schema(request=None, responses={200: ContractSerializer})
    @action(methods=["post"], detail=True, url_path="withdraw-cancellation")
    def withdraw_cancellation(self, request: Request, pk: str) -> Response:
        """Take back the cancellation that stands.

        The contract runs on as if nothing had been said. That is possible until its last day. An
        end that came with a feed changes there.
        """
        self.checked(serializers.Serializer)
        return self._do(withdraw_cancellation)

    @extend_schema(request=Keep, responses={200: ContractSerializer})
    @action(methods=["post"], detail=True)
    def keep(self, request: Request, pk: str) -> Response:
        """Note that the customer stays beyond the next renewal date.

        It is noted once per renewal, on the timeline and on the reminders that went. Tasks to tell
        the customer of the renewal are done with it. Whoever kept may still cancel.
        """
        return self._do(keep_for_customer, **self.checked(Keep))

    def _do(self, deed: Callable[..., Any], **said: Any) -> Response:
        actor = self.request.user
        return self.change(
            lambda contract: deed(contract_id=contract.pk, **said, at=self.at, actor=actor),
            lock=lock_contract,
        )
