from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.admin.links import account_link
from accounts.enums import ReminderState
from accounts.models import RenewalReminder
from accounts.selectors.reminders import mail_of_reminder
from accounts.services import deeds
from accounts.services.reminder_texts import RENEWAL_REMINDER
from accounts.services.windows import window_state
from cxcrm.base import clock
from cxcrm.base.admin import BulkAction, ListView, ReadOnlyAdmin


@admin.register(RenewalReminder)
class RenewalReminderAdmin(ReadOnlyAdmin):
    views = (
        ListView("all", _("All"), lambda reminders, request: reminders),
        ListView(
            ReminderState.HELD.value,
            ReminderState.HELD.label,
            lambda reminders, request: reminders.held(clock.now().date()),
            ("renewal_date", "id"),
        ),
        ListView(
            "late",
            _("Late"),
            lambda reminders, request: reminders.late(),
            ("-decided_on", "-id"),
        ),
        ListView(
            "clash",
            _("Clashes"),
            lambda reminders, request: reminders.clashes(),
            ("-decided_on", "-id"),
        ),
        *(
            ListView(
                state.value,
                state.label,
                lambda reminders, request, state=state: reminders.filter(state=state),
                ("-decided_on", "-id"),
            )
            for state in ReminderState
            if state != ReminderState.HELD
        ),
    )
    list_display = (
        "contract",
        "shown_account",
        "renewal_date",
        "shown_policy",
        "shown_state",
        "due_on",
        "decided_on",
        "shown_remarks",
        "contact",
    )
    export_fields = (
        "contract",
        "contract__account",
        "contract__account__external_id",
        "renewal_date",
        "policy",
        "step",
        "state",
        "due_on",
        "earliest_on",
        "latest_on",
        "decided_on",
        "is_clash",
        "contact",
        "accepted_at",
        "accepted_by",
        "bounced_at",
        "kept_at",
    )
    list_select_related = ("contract__account", "contact", "policy")
    linked_lookups = ("contract",)
    actions_list = ("dry_run",)
    bulk_actions = (
        BulkAction(deeds.RELEASE_REMINDERS),
        BulkAction(deeds.DISMISS_REMINDERS),
    )
    search_fields = ("contract__external_id",)
    search_help_text = _("Contract number, customer number")
    change_form_outer_before_template = "accounts/desk/reminder.html"

    def get_fieldsets(self, request: HttpRequest, obj: RenewalReminder | None = None) -> list:
        """All that there is stands above."""
        return []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["window"] = window_state(kwargs["obj"], at=clock.now())
        if request.user.has_perm("outbox.view_outgoingmail"):
            context["mail"] = mail_of_reminder(kwargs["obj"], mail_kind=RENEWAL_REMINDER)
        return super().render_change_form(request, context, *args, **kwargs)

    @action(description=_("Who gets what, and why"), icon="preview", permissions=["view"])
    def dry_run(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:accounts_reminderpolicy_dry_run")

    @display(description=_("account"))
    def shown_account(self, reminder: RenewalReminder) -> str:
        return account_link(reminder.contract.account)

    @display(
        description=_("state"),
        label={
            ReminderState.PLANNED: "success",
            ReminderState.HELD: "warning",
            ReminderState.TOO_LATE: "danger",
            ReminderState.NOBODY: "danger",
            ReminderState.UNDELIVERED: "danger",
            ReminderState.DONE_BEFORE: "default",
            ReminderState.DISMISSED: "default",
            ReminderState.LEFT_OUT: "default",
        },
    )
    def shown_state(self, reminder: RenewalReminder) -> tuple[str, str]:
        return reminder.state, reminder.get_state_display()

    @display(description=_("policy"))
    def shown_policy(self, reminder: RenewalReminder) -> str:
        step = str(_("step %(number)d")) % {"number": reminder.step}
        return f"{reminder.policy} · {step}" if reminder.policy else step

    @display(description=_("remarks"), label="warning")
    def shown_remarks(self, reminder: RenewalReminder) -> str:
        remarks = ((reminder.is_late, _("late")), (reminder.is_clash, _("clash")))
        return " · ".join(str(words) for holds, words in remarks if holds)
