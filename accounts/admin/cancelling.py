"""The deeds of a contract's page about its end: cancel, decide the last day, take back."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import ActionDialog
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts.enums import CancellationKind, ContractState
from accounts.forms.cancelling import CancelForm, DecideForm
from accounts.models import Contract
from accounts.rules.ends import may_withdraw, terms_of
from accounts.selectors.cancellations import (
    NotCancelled,
    may_be_taken_back,
    standing_cancellation,
)
from accounts.services.cancellations import (
    cancel_contract,
    decide_cancellation,
    take_back_cancellation,
)
from accounts.services.contracts import day_of
from cxcrm.base import clock
from cxcrm.base.admin import DialogForm, held

CANCEL = ActionDialog(
    title=_("Enter a cancellation"),
    description=_("The customer gets a receipt with what you enter here."),
    form_class=CancelForm,
    form_submit_text=_("Enter it"),
)
DECIDE = ActionDialog(
    title=_("Decide the last day"),
    description=_("The contract runs to the end of this day. The customer is told."),
    form_class=DecideForm,
    form_submit_text=_("Decide"),
)
TAKE_BACK = ActionDialog(
    title=_("Take the cancellation back"),
    description=_("The contract runs on and renews as agreed, as if nothing had been said."),
    form_class=DialogForm,
    form_submit_text=_("Let it run on"),
)


class CancelsContracts:
    """Mixed into the page of a contract, which names the deeds among its `actions_detail`."""

    has_cancel_permission = held("accounts.cancel_contract")

    def ends_that_do_not_fit(self, contract: Contract) -> set[str]:
        """The deeds to leave out; the services refuse them anyway."""
        deeds = {"cancel", "decide_last_day", "take_back"}
        is_living = contract.state in ContractState.LIVING
        try:
            standing = standing_cancellation(contract)
        except NotCancelled:
            return deeds - {"cancel"} if is_living else deeds
        today = day_of(contract.account, clock.now())
        entered_on = day_of(contract.account, standing.entered_at)
        offered: set[str] = set()
        if may_be_taken_back(standing, contract, entered_on=entered_on, on=today):
            offered.add("take_back")
        if standing.effective_on is None and is_living:
            offered.add("decide_last_day")
        if (
            standing.kind == CancellationKind.ORDINARY
            and is_living
            and may_withdraw(terms_of(contract), today)
        ):
            offered.add("cancel")
        return deeds - offered

    @action(
        description=_("Enter cancellation"),
        icon="event_busy",
        permissions=["cancel"],
        dialog=CANCEL,
    )
    def cancel(self, request: HttpRequest, form: CancelForm, object_id: str) -> HttpResponse:
        answers = form.cleaned_data
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=CANCEL,
            act=lambda contract: cancel_contract(
                contract_id=contract.pk,
                kind=CancellationKind(answers["kind"]),
                received_at=answers["received_at"],
                reason_id=answers["reason"].pk if answers["reason"] else None,
                comment=answers["comment"],
                wished_on=answers["wished_on"],
                effective_on=answers["effective_on"],
                past_is_meant=answers["past_is_meant"],
                actor=request.user,
                at=clock.now(),
            ),
            done=_("The cancellation is entered."),
        )

    @action(
        description=_("Decide last day"),
        icon="event_available",
        variant=ActionVariant.PRIMARY,
        permissions=["cancel"],
        dialog=DECIDE,
    )
    def decide_last_day(
        self, request: HttpRequest, form: DecideForm, object_id: str
    ) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=DECIDE,
            act=lambda contract: decide_cancellation(
                cancellation_id=standing_cancellation(contract).pk,
                effective_on=form.cleaned_data["effective_on"],
                actor=request.user,
                at=clock.now(),
            ),
            done=_("The last day is decided."),
        )

    @action(
        description=_("Take cancellation back"),
        icon="undo",
        variant=ActionVariant.PRIMARY,
        permissions=["cancel"],
        dialog=TAKE_BACK,
    )
    def take_back(self, request: HttpRequest, form: DialogForm, object_id: str) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=TAKE_BACK,
            act=lambda contract: take_back_cancellation(
                cancellation_id=standing_cancellation(contract).pk,
                actor=request.user,
                at=clock.now(),
            ),
            done=_("The contract runs on."),
        )
