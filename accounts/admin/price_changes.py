"""The deeds of a contract's page about its price: announce a change, call it off."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import ActionDialog
from unfold.decorators import action

from accounts.enums import ContractState, PriceChangeReason
from accounts.forms.prices import AnnouncePriceForm, CallOffPriceForm
from accounts.models import Contract
from accounts.services.prices import announce_price_change, call_off_price_change
from cxcrm.base import clock
from cxcrm.base.admin import held

ANNOUNCE = ActionDialog(
    title=_("Announce a price change"),
    description=_("The new price comes in force by itself on its day. No mail is sent."),
    form_class=AnnouncePriceForm,
    form_submit_text=_("Enter the change"),
)
CALL_OFF = ActionDialog(
    title=_("Call off a price change"),
    description=_("The price stays as it is. Tell the customer."),
    form_class=CallOffPriceForm,
    form_submit_text=_("Call it off"),
)


class ChangesPrices:
    """Mixed into the page of a contract, which names the deeds among its `actions_detail`."""

    has_change_price_permission = held("accounts.change_price")

    def price_changes_that_do_not_fit(self, contract: Contract) -> set[str]:
        """The deeds to leave out; the services refuse them anyway."""
        if contract.state not in ContractState.LIVING:
            return {"announce_price_change", "call_off_price_change"}
        announced = contract.price_changes.filter(
            applied_at=None, reason=PriceChangeReason.ANNOUNCED
        )
        return set() if announced.exists() else {"call_off_price_change"}

    @action(
        description=_("Announce price change"),
        icon="price_change",
        permissions=["change_price"],
        dialog=ANNOUNCE,
    )
    def announce_price_change(
        self, request: HttpRequest, form: AnnouncePriceForm, object_id: str
    ) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=ANNOUNCE,
            act=lambda contract: announce_price_change(
                contract_id=contract.pk,
                price=form.cleaned_data["price"],
                effective_on=form.cleaned_data["effective_on"],
                announced_on=form.cleaned_data["announced_on"],
                actor=request.user,
                at=clock.now(),
            ),
            done=_("The price change is entered."),
        )

    @action(
        description=_("Call off price change"),
        icon="money_off",
        permissions=["change_price"],
        dialog=CALL_OFF,
    )
    def call_off_price_change(
        self, request: HttpRequest, form: CallOffPriceForm, object_id: str
    ) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=CALL_OFF,
            act=lambda contract: call_off_price_change(
                price_change_id=form.cleaned_data["price_change"].pk,
                actor=request.user,
                at=clock.now(),
            ),
            done=_("The price change is called off."),
        )
