"""Pages that customers reach by the link in a renewal reminder. A GET changes nothing."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.views.decorators.http import require_http_methods

from accounts.forms.deciding import CancelByLinkForm
from accounts.services.decision_codes import NoAddressForCode, TooManyCodes
from accounts.services.decision_links import DECIDE, reminder_mark
from accounts.services.decision_pages import code_facts, page_facts
from accounts.services.decisions import (
    Decision,
    LinkState,
    NothingToDecide,
    cancel_by_code,
    cancel_signed_in,
    decides_signed_in,
    keep_contract,
    load_decision,
    send_decision_code,
)
from cxcrm.base import clock, robots
from cxcrm.base.customer_pages import behind_link, customer_page, refuse_link
from cxcrm.base.errors import DomainError

PAGES = {
    LinkState.OPEN: "accounts/customers/renewal.html",
    LinkState.CANCELLED: "accounts/customers/cancelled.html",
    LinkState.ENDED: "accounts/customers/ended.html",
    LinkState.PAST: "accounts/customers/past.html",
    LinkState.NOT_YOURS: "accounts/customers/not_yours.html",
}


def behind_reminder(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a page be reached by the link of a reminder alone, and tell it what that opens now."""

    @login_not_required
    @require_http_methods(["GET", "HEAD", "POST"])
    @behind_link(DECIDE, reminder_mark)
    @wraps(view)
    def opened_view(request: HttpRequest, *, subject: str, token: str) -> HttpResponse:
        at = clock.now()
        decision = load_decision(reminder_id=int(subject), at=at)
        if decision is None:
            return refuse_link(request)
        return view(request, decision, token, at)

    return opened_view


@behind_reminder
def renewal(request: HttpRequest, decision: Decision, token: str, at: datetime) -> HttpResponse:
    """What renews and when, and the two ways: keep it with one POST, or go on to cancel it."""
    purpose = f"keep:{decision.reminder.pk}"
    asks_again = request.method == "POST" and robots.doubt(request, purpose) is not None
    if request.method == "POST" and not asks_again:
        with suppress(NothingToDecide), _in_house_language():  # the page says why
            keep_contract(reminder_id=decision.reminder.pk, at=at)
        return redirect("accounts:renewal", token)
    return customer_page(
        request,
        PAGES[decision.state],
        page_facts(decision, at=at)
        | {
            "token": token,
            "nonce": robots.form_nonce(request, purpose),
            "asks_again": asks_again,
        },
        language=decision.language,
        status=403 if decision.state == LinkState.NOT_YOURS else 200,
    )


@behind_reminder
def cancel(request: HttpRequest, decision: Decision, token: str, at: datetime) -> HttpResponse:
    """What cancelling will do; with the mailed code, or signed in, the POST does it."""
    if decision.state != LinkState.OPEN:
        return redirect("accounts:renewal", token)
    signed_in = _is_signed_in(request, decision)
    form = CancelByLinkForm(request.POST or None, with_code=not signed_in)
    if request.method == "POST" and form.is_valid():
        answers = form.cleaned_data
        digits = answers.pop("code", None)
        reason = answers.pop("reason")
        answers |= {
            "reminder_id": decision.reminder.pk,
            "reason_id": reason.pk if reason else None,
            "at": at,
        }
        try:
            with _in_house_language():
                if signed_in:
                    cancel_signed_in(user=request.user, **answers)
                else:
                    cancel_by_code(digits=digits, **answers)
        except NothingToDecide:
            return redirect("accounts:renewal", token)
        except DomainError as refusal:
            form.add_error(refusal.field, refusal.message)
        else:
            return redirect("accounts:renewal", token)
    return _cancel_page(request, decision, token, at, form=form)


@behind_reminder
def send_code(request: HttpRequest, decision: Decision, token: str, at: datetime) -> HttpResponse:
    """Mail the reader a code to cancel with."""
    if decision.state != LinkState.OPEN or request.method != "POST":
        return redirect("accounts:cancel", token)
    if robots.doubt(request, f"code:{decision.reminder.pk}"):
        return _cancel_page(request, decision, token, at, asks_again=True)
    try:
        with _in_house_language():
            send_decision_code(reminder_id=decision.reminder.pk, at=at)
    except TooManyCodes:
        return _cancel_page(request, decision, token, at, too_many_codes=True)
    except NoAddressForCode:
        return _cancel_page(request, decision, token, at, no_address=True)
    except NothingToDecide:
        return redirect("accounts:renewal", token)
    return redirect("accounts:cancel", token)


def _cancel_page(
    request: HttpRequest,
    decision: Decision,
    token: str,
    at: datetime,
    *,
    form: CancelByLinkForm | None = None,
    **context: Any,
) -> HttpResponse:
    signed_in = _is_signed_in(request, decision)
    return customer_page(
        request,
        "accounts/customers/cancel.html",
        page_facts(decision, at=at)
        | code_facts(decision, at=at)
        | {
            "token": token,
            "nonce": robots.form_nonce(request, f"code:{decision.reminder.pk}"),
            "form": form or CancelByLinkForm(with_code=not signed_in),
            "signed_in": signed_in,
        }
        | context,
        language=decision.language,
    )


def _is_signed_in(request: HttpRequest, decision: Decision) -> bool:
    user = request.user
    return user.is_authenticated and decides_signed_in(
        user=user, account_id=decision.contract.account_id
    )


def _in_house_language():
    """For what services write down, such as titles of tasks: not in the reader's language."""
    return translation.override(settings.LANGUAGE_CODE)
