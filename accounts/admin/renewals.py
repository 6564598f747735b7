from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin.links import account_link
from accounts.enums import ReminderState
from accounts.models import RenewalReminder
from accounts.services import deeds
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
        "shown_state",
        "due_on",
        "decided_on",
        "shown_late",
        "contact",
    )
    export_fields = (
        "contract",
        "contract__account",
        "contract__account__external_id",
        "renewal_date",
        "state",
        "due_on",
        "decided_on",
        "contact",
    )
    list_select_related = ("contract__account", "contact")
    linked_lookups = ("contract",)
    bulk_actions = (
        BulkAction(deeds.RELEASE_REMINDERS),
        BulkAction(deeds.DISMISS_REMINDERS),
    )
    search_fields = ("contract__external_id",)
    search_help_text = _("Contract number, customer number")
    fields = (
        ("contract", "shown_account"),
        ("renewal_date", "step"),
        ("state", "contact"),
        ("due_on", "decided_on"),
    )
    readonly_fields = ("shown_account",)

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
        },
    )
    def shown_state(self, reminder: RenewalReminder) -> tuple[str, str]:
        return reminder.state, reminder.get_state_display()

    @display(description=_("late"), label="warning")
    def shown_late(self, reminder: RenewalReminder) -> str:
        return _("late") if reminder.is_late else ""
