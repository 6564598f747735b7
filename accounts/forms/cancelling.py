"""What agents type in about cancellations, checked."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanWidget,
)

from accounts.enums import CancellationKind, CustomerKind
from accounts.forms.desk import DayField
from accounts.rules.ends import end_if_cancelled
from accounts.selectors.cancellations import contract_to_cancel, reasons_on_offer
from accounts.services.contracts import day_of, zone_of
from cxcrm.base import clock
from cxcrm.base.admin import MINUTES, DialogForm, MomentField


class CancelForm(DialogForm):
    """Knows the contract: times are on the clocks of its customer."""

    form_before_template = "accounts/desk/cancel_dialog.html"

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=CancellationKind,
        initial=CancellationKind.ORDINARY,
        widget=UnfoldAdminSelectWidget,
    )
    received_at = MomentField(label=_("Received"))
    wished_on = DayField(
        label=_("Requested last day"), required=False, help_text=_("Empty: as soon as possible.")
    )
    effective_on = DayField(
        label=_("Decided last day"),
        required=False,
        help_text=_(
            "Only for extraordinary notice and a switch of provider. Empty: a task asks for it."
        ),
    )
    reason = forms.ModelChoiceField(
        reasons_on_offer(),
        label=_("Reason"),
        required=False,
        empty_label=_("Not said"),
        widget=UnfoldAdminSelectWidget,
    )
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=5_000,
        help_text=_("For the desk; the customer does not see it."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    past_is_meant = forms.BooleanField(
        label=_("The last day is over already"), required=False, widget=forms.HiddenInput
    )

    def __init__(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        if self.data.get("past_is_meant"):
            self._ask_about_past()
        self.now = clock.now()
        self.contract = contract_to_cancel(object_id or "")
        if self.contract is None:
            return
        account = self.contract.account
        received = self.fields["received_at"]
        received.initial = self.now.astimezone(zone_of(account)).strftime(MINUTES)
        received.help_text = format_lazy(
            _("On the customer's clock: {zone}."), zone=account.time_zone
        )
        if account.customer_kind != CustomerKind.CONSUMER:
            self.fields["kind"].choices = [
                choice
                for choice in CancellationKind.choices
                if choice[0] != CancellationKind.WITHDRAWAL
            ]

    def clean_received_at(self) -> datetime:
        """What was typed in is the time where the customer lives."""
        zone = zone_of(self.contract.account) if self.contract else ZoneInfo("UTC")
        return self.cleaned_data["received_at"].replace(tzinfo=zone)

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        if field == "past_is_meant":
            self._ask_about_past()

    def _ask_about_past(self) -> None:
        """The checkbox is there only for whom the last day turned out to be over."""
        self.fields["past_is_meant"].widget = UnfoldBooleanWidget()

    def get_before_template_context(
        self, request: HttpRequest, object_id: int | str | None = None
    ) -> dict[str, Any]:
        context = super().get_before_template_context(request, object_id)
        if self.contract is None:
            return context
        today = day_of(self.contract.account, self.now)
        return context | {"earliest_end": end_if_cancelled(self.contract, on=today)}


class DecideForm(DialogForm):
    effective_on = DayField(
        label=_("Last day"), help_text=_("Inclusive. The customer is told by mail.")
    )
