"""Mails to customers as integrations see them: what became of each, not what it says."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from accounts.models import Account
from cxcrm.base.rest.filters import IdFilter, MomentFilter, ResourceFilterSet
from cxcrm.base.rest.paging import BY_ID, Order
from cxcrm.base.rest.serializers import ResourceSerializer
from cxcrm.base.rest.views import ResourceViewSet
from cxcrm.base.scopes import ResourceGroup
from cxcrm.outbox.enums import MailReason, MailState
from cxcrm.outbox.models import OutgoingMail


class OutgoingMailSerializer(ResourceSerializer):
    account = serializers.IntegerField(
        source="account_id", allow_null=True, help_text="Id of the customer, where it is for one."
    )
    address = serializers.EmailField(source="address.address")

    class Meta:
        model = OutgoingMail
        fields = (
            "id",
            "kind",
            "account",
            "address",
            "language",
            "mail_class",
            "state",
            "reason",
            "outcome",
            "planned_at",
            "due_at",
            "finished_at",
            "relay",
            "bounced_at",
            "attempt",
            "subject_line",
        )
        read_only_fields = fields


class OutgoingMailFilters(ResourceFilterSet):
    account = IdFilter("account_id")
    address = filters.CharFilter("address__address", help_text="In lower case.")
    state = filters.ChoiceFilter(choices=MailState.choices)
    reason = filters.ChoiceFilter(choices=MailReason.choices)
    finished_after = MomentFilter(
        "finished_at", "gte", help_text="Inclusive. Quickest in the order `finished_at`."
    )
    finished_before = MomentFilter("finished_at", "lt")

    class Meta:
        model = OutgoingMail
        fields = ("kind",)


class OutgoingMailViewSet(ResourceViewSet):
    """Every mail to a customer and what became of it. Its text is shown at the desk alone.

    The order `finished_at` has the mails of which nothing more will become, and no others.
    """

    group = ResourceGroup.MAILS
    brand_path = None
    serializer_class = OutgoingMailSerializer
    filterset_class = OutgoingMailFilters
    orders = {
        **BY_ID,
        "finished_at": Order(("finished_at", "id"), among=Q(finished_at__isnull=False)),
    }

    def get_queryset(self) -> QuerySet[OutgoingMail]:
        return OutgoingMail.objects.select_related("address").defer("facts")

    def visible(self, rows: QuerySet[OutgoingMail]) -> QuerySet[OutgoingMail]:
        """Mails know no brand but that of their account; those of none are for keys of all."""
        brand_ids = self.request.auth.brand_ids
        if brand_ids is None:
            return rows
        theirs = Account.objects.filter(pk=OuterRef("account_id"), brand__in=brand_ids)
        return rows.filter(Exists(theirs))
