"""What customers declare about a contract, as it is passed on and as it is shown."""

from rest_framework import serializers

from accounts.enums import CancellationKind
from accounts.models import Cancellation
from cxcrm.base.rest.fields import (
    ChoiceField,
    DayField,
    LinesField,
    MomentField,
    NumberField,
    TextField,
)

LARGEST_ID = 2**63 - 1
LONGEST_COMMENT = 5_000


class CancellationSerializer(serializers.ModelSerializer):
    reason = serializers.CharField(
        source="reason.code", allow_null=True, help_text="Code of the reason; null: none was said."
    )

    class Meta:
        model = Cancellation
        fields = (
            "id",
            "kind",
            "origin",
            "received_at",
            "wished_on",
            "effective_on",
            "reason",
            "entered_at",
            "taken_back_at",
        )
        read_only_fields = fields
        extra_kwargs = {
            "effective_on": {"help_text": "Last day of the contract; null: still to be decided."},
        }


class Keep(serializers.Serializer):
    """A customer stays beyond the next renewal date."""

    contact = NumberField(
        source="contact_id",
        min_value=1,
        max_value=LARGEST_ID,
        allow_null=True,
        required=False,
        help_text=(
            "Id of the contact who declared it, who has to be one of this customer who may "
            "decide. Leave it out where nobody is known: then it comes from the integration."
        ),
    )


class Cancel(Keep):
    kind = ChoiceField(choices=CancellationKind.choices)
    received_at = MomentField(
        required=False, help_text="When the customer's declaration came in. Left out: now."
    )
    wished_on = DayField(
        allow_null=True,
        required=False,
        help_text="The last day that the customer wishes. Left out: as soon as possible.",
    )
    effective_on = DayField(
        allow_null=True,
        required=False,
        help_text=(
            "The last day as it has been decided, of `extraordinary` and `switch` alone. Left "
            "out: an agent decides it. Of other kinds the terms of the contract do."
        ),
    )
    reason = TextField(
        source="reason_code",
        max_length=50,
        allow_null=True,
        required=False,
        help_text="Code of a cancellation reason.",
    )
    comment = LinesField(
        max_length=LONGEST_COMMENT,
        allow_blank=True,
        required=False,
        help_text="For the company's own people; the customer does not see it.",
    )
