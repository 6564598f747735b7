"""The deeds that the desk does to many rows at once; registered when the app starts."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.enums import TaskPool
from accounts.services.account_managers import assign_accounts_many
from accounts.services.held_reminders import dismiss_reminders, release_reminders
from accounts.services.tasks import (
    assign_tasks_many,
    finish_tasks_many,
    open_tasks_many,
    take_tasks_many,
)
from cxcrm.base.deeds import Deed, Outcome, register_deed

TAKE_TASKS = "take_tasks"
ASSIGN_TASKS = "assign_tasks"
FINISH_TASKS = "finish_tasks"
OPEN_TASKS = "open_tasks"
ASSIGN_ACCOUNTS = "assign_accounts"
RELEASE_REMINDERS = "release_reminders"
DISMISS_REMINDERS = "dismiss_reminders"


def register_deeds() -> None:
    task, account, reminder = "accounts.Task", "accounts.Account", "accounts.RenewalReminder"
    for name, label, model, permission, act in (
        (TAKE_TASKS, _("Take tasks"), task, "take_task", take_tasks_many),
        (ASSIGN_TASKS, _("Assign tasks"), task, "assign_task", assign_tasks_many),
        (FINISH_TASKS, _("Finish tasks"), task, "finish_task", finish_tasks_many),
        (OPEN_TASKS, _("Open a task for each"), account, "add_task", _open_tasks),
        (
            ASSIGN_ACCOUNTS,
            _("Set the account manager"),
            account,
            "assign_account",
            assign_accounts_many,
        ),
        (
            RELEASE_REMINDERS,
            _("Release: remind now"),
            reminder,
            "decide_reminder",
            release_reminders,
        ),
        (
            DISMISS_REMINDERS,
            _("Dismiss: remind nobody"),
            reminder,
            "decide_reminder",
            dismiss_reminders,
        ),
    ):
        register_deed(Deed(name, label, model, f"accounts.{permission}", act))


def _open_tasks(
    *, ids: Sequence[int], title: str, due_on: str, pool: str, at: datetime, actor: Any
) -> Outcome:
    """The parameters of a job are JSON: a day comes as text."""
    return open_tasks_many(
        ids=ids,
        title=title,
        due_on=date.fromisoformat(due_on),
        pool=TaskPool(pool),
        at=at,
        actor=actor,
    )
