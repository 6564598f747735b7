"""What customers type in to cancel by a link, checked."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.selectors.cancellations import reasons_on_offer
from cxcrm.base.links import CODE_DIGITS


class CodeField(forms.RegexField):
    """Six digits, however they were copied: with spaces, from anywhere in the mail."""

    widget = forms.TextInput(
        attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "class": "code"}
    )

    def __init__(self, **options: Any) -> None:
        message = _("The code has six digits.")
        super().__init__(
            rf"\A[0-9]{{{CODE_DIGITS}}}\Z",
            error_messages={"invalid": message, "required": message},
            **options,
        )

    def to_python(self, value: str | None) -> str:
        return "".join(super().to_python(value).split())


class CancelByLinkForm(forms.Form):
    """`with_code`: unless the reader is signed in. `told_last_day`: what the page said, so that
    nobody agrees to another day."""

    code = CodeField(label=_("Code from the mail"))
    wished_on = forms.DateField(
        label=_("Later last day, if you wish one"),
        required=False,
        help_text=_("The contract then ends on the next possible day on or after it."),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
    )
    reason = forms.ModelChoiceField(
        reasons_on_offer(),
        label=_("Why are you leaving?"),
        required=False,
        help_text=_("You need not say."),
        empty_label=_("I would rather not say"),
    )
    told_last_day = forms.DateField(
        required=False, widget=forms.HiddenInput, input_formats=["%Y-%m-%d"]
    )

    def __init__(self, *args: Any, with_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        if not with_code:
            del self.fields["code"]
