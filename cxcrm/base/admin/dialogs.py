from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.forms import BaseDialogForm
from unfold.widgets import BASE_INPUT_CLASSES

MINUTES = "%Y-%m-%dT%H:%M"


class DialogForm(BaseDialogForm):
    """A dialog that also shows the refusals which concern no single field."""

    form_before_template = "base/dialog_errors.html"

    def get_before_template_context(
        self, request: HttpRequest, object_id: int | str | None = None
    ) -> dict[str, Any]:
        return {"errors": self.non_field_errors()}


class MomentField(forms.DateTimeField):
    """A day and a time, by the browser's own picker."""

    widget = forms.DateTimeInput(
        format=MINUTES, attrs={"type": "datetime-local", "class": " ".join(BASE_INPUT_CLASSES)}
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=[MINUTES, f"{MINUTES}:%S"], **options)
