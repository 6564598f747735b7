"""The action that opens a task, for the pages of those whom tasks are about."""

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import ActionDialog
from unfold.decorators import action

from accounts.forms.desk import AddTaskForm
from accounts.services.tasks import open_task
from cxcrm.base import clock
from cxcrm.base.admin import held

ADD_TASK = ActionDialog(
    title=_("Add a task"),
    description=_("It shows up in the pool's list until somebody takes it."),
    form_class=AddTaskForm,
    form_submit_text=_("Add"),
)


class OpensTasks:
    """Mixed into a `DeskModelAdmin` that names `add_task` among its `actions_detail`."""

    has_add_task_permission = held("accounts.add_task")

    def task_subject(self, row: Model) -> dict[str, int]:
        """What a task about this row is for: `account_id`, and `contract_id` if there is one."""
        raise NotImplementedError

    @action(
        description=_("Add task"),
        icon="add_task",
        permissions=["add_task"],
        dialog=ADD_TASK,
    )
    def add_task(self, request: HttpRequest, form: AddTaskForm, object_id: str) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=ADD_TASK,
            act=lambda row: open_task(
                **self.task_subject(row),
                title=form.cleaned_data["title"],
                due_on=form.cleaned_data["due_on"],
                pool=form.cleaned_data["pool"],
                actor=request.user,
                at=clock.now(),
            ),
            done=_("The task is open."),
        )
