"""Tasks as integrations see them: opened, handed on and finished."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.references import BrandFilter, OfAccount, not_found
from accounts.enums import TaskOrigin, TaskPool, TaskState
from accounts.models import Contract, Task
from accounts.services.tasks import assign_task, finish_task, lock_task, open_task
from cxcrm.base.rest.fields import LinesField, TextField
from cxcrm.base.rest.filters import DayFilter, IdFilter, ResourceFilterSet, SearchFilter
from cxcrm.base.rest.paging import BY_ID, Order
from cxcrm.base.rest.serializers import BodySerializer, Expandable, ResourceSerializer
from cxcrm.base.rest.views import ResourceViewSet
from cxcrm.base.scopes import ResourceGroup
from cxcrm.users.models import User

LONGEST_RESULT = 5_000


class TaskSerializer(ResourceSerializer):
    brand = serializers.CharField(source="account.brand.code", help_text="Code of the brand.")
    account_external_id = serializers.CharField(
        source="account.external_id", help_text="Number of the customer."
    )
    contract_external_id = serializers.CharField(
        source="contract.external_id", allow_null=True, help_text="Number of the contract."
    )
    assignee = serializers.EmailField(
        source="assignee.email", allow_null=True, help_text="Null: whoever in the pool takes it."
    )

    expandable = {
        "account": Expandable(
            "account", "accounts.api.customers.AccountSerializer", ResourceGroup.CUSTOMERS
        ),
    }

    class Meta:
        model = Task
        fields = (
            "id",
            "title",
            "brand",
            "account",
            "account_external_id",
            "contract",
            "contract_external_id",
            "due_on",
            "pool",
            "state",
            "assignee",
            "origin",
            "result",
            "created_at",
            "done_at",
        )
        read_only_fields = fields


class NewTask(OfAccount, BodySerializer):
    """Something that an agent has to do for a customer."""

    contract_external_id = TextField(
        max_length=64,
        required=False,
        allow_null=True,
        help_text="Number of the customer's contract that it is about.",
    )

    class Meta:
        model = Task
        fields = (
            "brand",
            "account_external_id",
            "contract_external_id",
            "title",
            "due_on",
            "pool",
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        account = attrs.pop("account")
        number = attrs.pop("contract_external_id", None)
        contract = None
        if number is not None:
            contract = Contract.objects.filter(account=account, external_id=number).first()
            if contract is None:
                raise not_found(
                    "contract_external_id", _("This customer has no contract of this number.")
                )
        return attrs | {"account_id": account.pk, "contract_id": contract and contract.pk}


class FinishTask(serializers.Serializer):
    result = LinesField(max_length=LONGEST_RESULT, help_text="What came of it.")


class AssignTask(serializers.Serializer):
    assignee = TextField(
        source="assignee_id",
        max_length=254,
        allow_null=True,
        help_text="Mail address of a member of staff; null: back to the pool.",
    )

    def validate_assignee(self, email: str | None) -> int | None:
        if email is None:
            return None
        person = User.objects.staff().filter(email=email.lower()).only("pk").first()
        if person is None:
            raise serializers.ValidationError(_("There is no such person."), code="not_found")
        return person.pk


class TaskFilters(ResourceFilterSet):
    search = SearchFilter(help_text="Number of the customer, or words of the title of open tasks.")
    brand = BrandFilter("account__brand")
    account = IdFilter("account_id")
    contract = IdFilter("contract_id")
    state = filters.ChoiceFilter(choices=TaskState.choices)
    pool = filters.ChoiceFilter(choices=TaskPool.choices)
    origin = filters.ChoiceFilter(choices=TaskOrigin.choices)
    due_before = DayFilter("due_on", "lt")

    class Meta:
        model = Task
        fields = ()


class TaskViewSet(ResourceViewSet):
    """What agents have to do. The order `due_on` has the open tasks and no others."""

    group = ResourceGroup.TASKS
    brand_path = "account__brand"
    serializer_class = TaskSerializer
    filterset_class = TaskFilters
    orders = {**BY_ID, "due_on": Order(("due_on", "id"), among=Q(state=TaskState.OPEN))}

    def get_queryset(self) -> QuerySet[Task]:
        return Task.objects.select_related(
            "account__brand", "account__account_manager", "contract", "assignee"
        )

    @extend_schema(request=NewTask, responses={201: TaskSerializer})
    def create(self, request: Request) -> Response:
        """Open a task. It shows up in the list of its pool until somebody takes it."""
        return self.created(open_task(**self.checked(NewTask), at=self.at, actor=request.user))

    @extend_schema(request=FinishTask, responses={200: TaskSerializer})
    @action(methods=["post"], detail=True)
    def finish(self, request: Request, pk: str) -> Response:
        """Close an open task with what came of it, which stays on the customer's timeline."""
        said = self.checked(FinishTask)
        return self.change(
            lambda task: finish_task(task_id=task.pk, **said, at=self.at, actor=request.user),
            lock=lock_task,
        )

    @extend_schema(request=AssignTask, responses={200: TaskSerializer})
    @action(methods=["post"], detail=True)
    def assign(self, request: Request, pk: str) -> Response:
        """Give an open task to a member of staff, or back to its pool."""
        said = self.checked(AssignTask)
        return self.change(
            lambda task: assign_task(task_id=task.pk, **said, at=self.at, actor=request.user),
            lock=lock_task,
        )
