"""What happened to accounts, as integrations read it."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from accounts.api.references import BrandFilter
from accounts.enums import TimelineKind
from accounts.models import TimelineEvent
from cxcrm.base.rest.filters import IdFilter, MomentFilter, ResourceFilterSet
from cxcrm.base.rest.paging import Order
from cxcrm.base.rest.serializers import Expandable, ResourceSerializer
from cxcrm.base.rest.views import ResourceViewSet
from cxcrm.base.scopes import ResourceGroup


class TimelineEventSerializer(ResourceSerializer):
    account_external_id = serializers.CharField(source="account.external_id")
    brand = serializers.CharField(source="account.brand.code", help_text="Code of the brand.")
    contract_external_id = serializers.CharField(source="contract.external_id", allow_null=True)
    actor = serializers.CharField(
        source="actor.name",
        allow_null=True,
        help_text="Name of the person or integration; null: cxcrm by itself.",
    )
    facts = serializers.DictField(help_text="What else is to be said; it depends on the kind.")

    expandable = {
        "account": Expandable("account", "accounts.api.customers.AccountSerializer"),
        "brand": Expandable("account.brand", "accounts.api.customers.BrandSerializer"),
    }

    class Meta:
        model = TimelineEvent
        fields = (
            "id",
            "account",
            "account_external_id",
            "brand",
            "contract",
            "contract_external_id",
            "kind",
            "occurred_at",
            "actor",
            "facts",
        )
        read_only_fields = fields


class TimelineFilters(ResourceFilterSet):
    account = IdFilter("account_id")
    contract = IdFilter("contract_id")
    brand = BrandFilter("account__brand")
    kind = filters.ChoiceFilter(choices=TimelineKind.choices)
    occurred_after = MomentFilter("occurred_at", "gte", help_text="From then on.")
    occurred_before = MomentFilter("occurred_at", "lt")


class TimelineViewSet(ResourceViewSet):
    """The business events of accounts, append-only; the newest first.

    Whoever asks again and again for what is new: an event is seen once its transaction has ended,
    so one may appear before others that were seen already. Ask with an `occurred_after` that
    reaches some minutes back behind the last answer, and pass over the ids that are known. What
    is made up for after an outage bears the day on which it should have happened.
    """

    group = ResourceGroup.CUSTOMERS
    brand_path = "account__brand"
    serializer_class = TimelineEventSerializer
    filterset_class = TimelineFilters
    orders = {
        "occurred_at": Order(("occurred_at", "id")),
        "-occurred_at": Order(("occurred_at", "id"), descending=True),
    }
    order = "-occurred_at"

    def get_queryset(self) -> QuerySet[TimelineEvent]:
        return TimelineEvent.objects.select_related(
            "account__brand", "account__account_manager", "contract", "actor"
        )
