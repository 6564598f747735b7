"""Renewal reminders as integrations see them: what was decided, and the proof of what went."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from accounts.api.references import BrandFilter
from accounts.enums import ReminderState
from accounts.models import RenewalReminder
from cxcrm.base.rest.filters import DayFilter, IdFilter, ResourceFilterSet, SearchFilter
from cxcrm.base.rest.serializers import Expandable, ResourceSerializer
from cxcrm.base.rest.views import ResourceViewSet
from cxcrm.base.scopes import ResourceGroup


class RenewalReminderSerializer(ResourceSerializer):
    contract_external_id = serializers.CharField(
        source="contract.external_id", help_text="Number of the contract."
    )
    is_late = serializers.BooleanField(help_text="It was decided after the day that it was due.")
    policy = serializers.CharField(
        source="policy.name", allow_null=True, help_text="Name of the reminder policy."
    )

    expandable = {
        "contract": Expandable("contract", "accounts.api.contracts.PlainContractSerializer"),
    }

    class Meta:
        model = RenewalReminder
        fields = (
            "id",
            "contract",
            "contract_external_id",
            "renewal_date",
            "step",
            "state",
            "due_on",
            "decided_on",
            "decided_at",
            "is_late",
            "is_clash",
            "latest_on",
            "contact",
            "policy",
            "accepted_at",
            "accepted_by",
            "bounced_at",
            "kept_at",
        )
        read_only_fields = fields


class RenewalReminderFilters(ResourceFilterSet):
    search = SearchFilter(help_text="Number of the contract or of its customer.")
    brand = BrandFilter("contract__brand")
    account = IdFilter("contract__account_id")
    contract = IdFilter("contract_id")
    state = filters.ChoiceFilter(choices=ReminderState.choices)
    renewal_date_from = DayFilter("renewal_date", "gte")
    renewal_date_until = DayFilter("renewal_date", "lte", help_text="Inclusive.")
    decided_on_from = DayFilter("decided_on", "gte")
    decided_on_until = DayFilter("decided_on", "lte", help_text="Inclusive.")

    class Meta:
        model = RenewalReminder
        fields = ("is_clash",)


class RenewalReminderViewSet(ResourceViewSet):
    """Each decision about telling a customer of a renewal; kept for good."""

    group = ResourceGroup.CONTRACTS
    brand_path = "contract__brand"
    serializer_class = RenewalReminderSerializer
    filterset_class = RenewalReminderFilters

    def get_queryset(self) -> QuerySet[RenewalReminder]:
        return RenewalReminder.objects.select_related(
            "policy", "contract__account__brand", "contract__product"
        )
