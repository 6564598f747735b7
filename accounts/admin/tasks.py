from collections.abc import Collection

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from accounts.admin.changes import TrackedAdmin
from accounts.admin.links import account_link
from accounts.enums import TaskState
from accounts.forms.desk import AssignTaskForm, FinishTaskForm
from accounts.models import Task
from accounts.services import deeds
from accounts.services.tasks import assign_task, finish_task, take_task
from cxcrm.base import clock
from cxcrm.base.admin import (
    BulkAction,
    DialogForm,
    ListView,
    OffersFittingDeeds,
    ReadOnlyAdmin,
    held,
)

TAKE = ActionDialog(
    title=_("Take this task"),
    description=_("It becomes yours and leaves the pool."),
    form_class=DialogForm,
    form_submit_text=_("Take it"),
)
FINISH = ActionDialog(
    title=_("Task done"),
    description=_("The result stays on the account's timeline."),
    form_class=FinishTaskForm,
    form_submit_text=_("Done"),
)
ASSIGN = ActionDialog(
    title=_("Assign this task"),
    description=_("It shows up under their open tasks."),
    form_class=AssignTaskForm,
    form_submit_text=_("Assign"),
)
DUE_FIRST = ("due_on", "id")


@admin.register(Task)
class TaskAdmin(OffersFittingDeeds, TrackedAdmin, ReadOnlyAdmin):
    views = (
        ListView("open", _("All open"), lambda tasks, request: tasks.open(), DUE_FIRST),
        ListView(
            "mine",
            _("Mine"),
            lambda tasks, request: tasks.open().filter(assignee=request.user),
            DUE_FIRST,
        ),
        ListView(
            "nobody",
            _("Nobody's yet"),
            lambda tasks, request: tasks.open().filter(assignee=None),
            DUE_FIRST,
        ),
        ListView(
            "overdue",
            _("Overdue"),
            lambda tasks, request: tasks.overdue(clock.now().date()),
            DUE_FIRST,
        ),
        ListView("done", _("Done"), lambda tasks, request: tasks.filter(state=TaskState.DONE)),
    )
    list_display = ("title", "shown_account", "shown_due_on", "pool", "assignee", "shown_state")
    export_fields = (
        "title",
        "account",
        "account__external_id",
        "contract",
        "due_on",
        "pool",
        "assignee",
        "state",
        "origin",
        "created_at",
        "result",
        "done_at",
        "done_by",
    )
    list_select_related = ("account", "assignee", "contract", "done_by")
    list_filter = (("pool", ChoicesDropdownFilter),)
    linked_lookups = ("account",)
    search_fields = ("title",)
    search_help_text = _("Words of the task, customer number")
    fields = (
        "title",
        ("account", "contract"),
        ("due_on", "state"),
        ("pool", "assignee"),
        ("origin", "created_at"),
        "result",
        ("done_at", "done_by"),
    )
    actions_detail = ("done", "take", "assign")
    bulk_actions = (
        BulkAction(deeds.TAKE_TASKS),
        BulkAction(deeds.ASSIGN_TASKS, AssignTaskForm),
        BulkAction(deeds.FINISH_TASKS, FinishTaskForm),
    )

    has_finish_permission = held("accounts.finish_task")
    has_take_permission = held("accounts.take_task")
    has_assign_permission = held("accounts.assign_task")

    def unfit_deeds(self, row: Task) -> Collection[str]:
        """A task that is done is left alone."""
        if row.state == TaskState.DONE:
            return self.actions_detail
        return {"take"} if row.assignee_id else ()

    @action(
        description=_("Done"),
        icon="task_alt",
        variant=ActionVariant.PRIMARY,
        permissions=["finish"],
        dialog=FINISH,
    )
    def done(self, request: HttpRequest, form: FinishTaskForm, object_id: str) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=FINISH,
            act=lambda task: finish_task(
                task_id=task.pk,
                result=form.cleaned_data["result"],
                actor=request.user,
                at=clock.now(),
            ),
            done=_("The task is done."),
        )

    @action(
        description=_("Take"),
        icon="back_hand",
        permissions=["take"],
        dialog=TAKE,
    )
    def take(self, request: HttpRequest, form: DialogForm, object_id: str) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=TAKE,
            act=lambda task: take_task(task_id=task.pk, actor=request.user, at=clock.now()),
            done=_("The task is yours."),
        )

    @action(
        description=_("Assign"),
        icon="person_add",
        permissions=["assign"],
        dialog=ASSIGN,
    )
    def assign(self, request: HttpRequest, form: AssignTaskForm, object_id: str) -> HttpResponse:
        assignee = form.cleaned_data["assignee"]
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=ASSIGN,
            act=lambda task: assign_task(
                task_id=task.pk,
                assignee_id=assignee.pk if assignee else None,
                actor=request.user,
                at=clock.now(),
            ),
            done=_("The task is assigned."),
        )

    @display(description=_("account"))
    def shown_account(self, task: Task) -> str:
        return account_link(task.account)

    @display(description=_("due on"), label={"late": "danger", "open": "default"})
    def shown_due_on(self, task: Task) -> tuple[str, str]:
        late = task.state == TaskState.OPEN and task.due_on < clock.now().date()
        return "late" if late else "open", date_format(task.due_on, "DATE_FORMAT")

    @display(description=_("state"), label={TaskState.OPEN: "info", TaskState.DONE: "success"})
    def shown_state(self, task: Task) -> tuple[str, str]:
        return task.state, task.get_state_display()
