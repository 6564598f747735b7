"""What people say about mails, checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from cxcrm.outbox.models import RecipientDomain
from cxcrm.outbox.services.kinds import MailKind, MailText
from cxcrm.outbox.services.wording import problems_with
from cxcrm.outbox.services.wording_previews import Sample
from cxcrm.outbox.services.wording_versions import plain_texts

_PREFIX = "text-"


class VersionForm(forms.Form):
    """`based_on` is the version that was shown."""

    based_on = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class WordingForm(VersionForm):
    """A field for each text, filled with what is said now, and the sample of the preview.

    `without_own` is what each text says if it is left empty.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        kind: MailKind,
        samples: Sequence[Sample],
        without_own: Mapping[str, str],
        own: Mapping[str, str],
        based_on: int,
        is_read_only: bool = False,
    ) -> None:
        said = {**without_own, **own}
        initial = {_PREFIX + name: text for name, text in said.items()}
        super().__init__(data, initial={**initial, "based_on": based_on})
        self.kind = kind
        self.samples = samples
        self.without_own = without_own
        self.own = own
        self.fields["sample"] = forms.ChoiceField(
            label=_("Preview with"),
            choices=[(sample.name, sample.label) for sample in samples],
            required=False,
            widget=UnfoldAdminSelectWidget,
        )
        for text in kind.texts:
            self.fields[_PREFIX + text.name] = _field(text, is_read_only=is_read_only)

    def clean(self) -> dict[str, Any]:
        for name, problem in problems_with(self.kind, self.texts()).items():
            self.refuse(name, str(problem))
        return self.cleaned_data

    def refuse(self, name: str | None, problem: str) -> None:
        """Show a problem beside the text of this name, else above all."""
        field = f"{_PREFIX}{name}"
        self.add_error(field if field in self.fields else None, problem)

    def texts(self) -> dict[str, str]:
        """What the fields say, by the names of the texts."""
        return plain_texts(
            {text.name: self[_PREFIX + text.name].value() or "" for text in self.kind.texts}
        )

    def sample(self) -> Sample:
        """The chosen one, else the first."""
        chosen = self["sample"].value()
        return next((one for one in self.samples if one.name == chosen), self.samples[0])

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "field": self[_PREFIX + text.name],
                "without_own": self.without_own[text.name],
                "is_own": text.name in self.own,
                "placeholders": [f"{{{name}}}" for name in text.placeholders],
            }
            for text in self.kind.texts
        ]


def _field(text: MailText, *, is_read_only: bool) -> forms.CharField:
    widget = (
        UnfoldAdminTextInputWidget()
        if text.in_one_line
        else UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    return forms.CharField(
        label=text.label, required=False, strip=False, widget=widget, disabled=is_read_only
    )


class DomainLimitForm(forms.ModelForm):
    class Meta:
        model = RecipientDomain
        fields = ("domain", "mails_per_minute")
        help_texts = {
            "mails_per_minute": _(
                "Up to 60,000. What comes faster waits for its turn; codes and receipts do not."
            )
        }

    def clean_domain(self) -> str:
        domain = self.cleaned_data["domain"].strip().lower().removeprefix("@")
        return self._checked("domain", domain)

    def clean_mails_per_minute(self) -> int:
        return self._checked("mails_per_minute", self.cleaned_data["mails_per_minute"])

    def _checked(self, field: str, value: Any) -> Any:
        """By the table's own constraints, now: what they say later stands above all fields."""
        setattr(self.instance, field, value)
        for constraint in RecipientDomain._meta.constraints:
            constraint.validate(RecipientDomain, self.instance, exclude={*self.fields} - {field})
        return value
