from collections.abc import Callable, Collection
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from unfold.forms import BaseDialogForm
from unfold.widgets import BASE_INPUT_CLASSES

MINUTES = "%Y-%m-%dT%H:%M"


class DialogForm(BaseDialogForm):
    """A dialog that also shows the refusals which concern no single field. Where there is nothing
    to fill in, the button is the answer."""

    form_before_template = "base/dialog_errors.html"

    def get_before_template_context(
        self, request: HttpRequest, object_id: int | str | None = None
    ) -> dict[str, Any]:
        return {"errors": self.non_field_errors()}


def held(permission: str) -> Callable[..., bool]:
    """A page's `has_…_permission` for those of its deeds that need this one.

    The theme would take its name in `@action` as well, but looks it up in the database whenever
    the system is checked, which must do without.
    """

    def is_held(page: ModelAdmin, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm(permission)

    return is_held


class OffersFittingDeeds:
    """Mixed into a `DeskModelAdmin` whose deeds depend on the state of the row."""

    def unfit_deeds(self, row: Any) -> Collection[str]:
        """Those of `actions_detail` to leave out; the services refuse them anyway."""
        raise NotImplementedError

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list:
        row = self.get_object(request, object_id)
        unfit = self.actions_detail if row is None else self.unfit_deeds(row)
        return [
            action
            for action in super().get_actions_detail(request, object_id)
            if action.method.original_function_name not in unfit
        ]


class MomentField(forms.DateTimeField):
    """A day and a time, by the browser's own picker."""

    widget = forms.DateTimeInput(
        format=MINUTES, attrs={"type": "datetime-local", "class": " ".join(BASE_INPUT_CLASSES)}
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=[MINUTES, f"{MINUTES}:%S"], **options)
