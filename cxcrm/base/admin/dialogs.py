from typing import Any

from django.http import HttpRequest
from unfold.forms import BaseDialogForm


class DialogForm(BaseDialogForm):
    """A dialog that also shows the refusals which concern no single field."""

    form_before_template = "base/dialog_errors.html"

    def get_before_template_context(
        self, request: HttpRequest, object_id: int | str | None = None
    ) -> dict[str, Any]:
        return {"errors": self.non_field_errors()}
