"""A draft of a wording as the mail would read: with the newest mail's facts, else made-up ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services.brands import brands
from cxcrm.outbox.services.kinds import MailKind
from cxcrm.outbox.services.rendering import RenderedMail, as_json, render
from cxcrm.outbox.services.wording import problems_with
from cxcrm.outbox.services.wording_versions import plain_texts, texts_without_own

NEWEST = "newest"
# So far back a mail is looked for: a kind that is seldom sent would have the table read.
LOOKED_THROUGH = 1_000
_NOBODYS = {
    "code": "",
    "name": "Nordlicht",
    "legal_name": "Nordlicht Hosting GmbH",
    "imprint": "Marktplatz 1\n76131 Karlsruhe",
    "base_url": "https://nordlicht.example",
    "accent_colour": "#1d4ed8",
    "sender_name": "Nordlicht",
    "sender_address": "mail@nordlicht.example",
    "service_address": "service@nordlicht.example",
    "service_phone": "",
}


@dataclass(frozen=True)
class Sample:
    """Facts to show a draft with: of a mail that was sent, or made up."""

    name: str
    label: str | Promise
    facts: dict[str, Any]
    sent_at: datetime | None = None


def samples(kind: MailKind, *, language: str, brand_code: str, on: date) -> list[Sample]:
    """The newest mail of this kind in this language, and of this brand where one is named, if
    one was sent lately; then a made-up one for each variant, as if today were `on`."""
    known = {brand["code"]: brand for brand in brands()}
    brand = known.get(brand_code) or next(iter(known.values()), _NOBODYS)
    with translation.override(language):
        examples = [
            Sample(example.name, example.label, as_json(example.facts))
            for example in kind.examples(brand, on)
        ]
    newest = _newest_mail(kind, language, brand_code)
    if newest is None or newest.facts is None:
        return examples
    label = _("The newest mail that was sent")
    return [Sample(NEWEST, label, newest.facts, newest.finished_at), *examples]


def preview_wording(
    kind: MailKind,
    *,
    language: str,
    brand_code: str,
    texts: Mapping[str, str],
    sample: Sample,
) -> RenderedMail:
    """The sample's mail with a draft of the texts. What would be refused at saving is not said:
    there stands what would be said without it."""
    draft = plain_texts(texts)
    problems = problems_with(kind, draft)
    optional = {text.name for text in kind.texts if not text.default}
    said = texts_without_own(kind, language=language, brand_code=brand_code) | {
        name: text
        for name, text in draft.items()
        if name not in problems and (text or name in optional)
    }
    return render(kind, facts=sample.facts, language=language, wording=said)


def _newest_mail(kind: MailKind, language: str, brand_code: str) -> OutgoingMail | None:
    recent = OutgoingMail.objects.order_by("-id").values("id")[:LOOKED_THROUGH]
    mails = OutgoingMail.objects.filter(
        pk__in=recent, kind=kind.name, language=language, facts__isnull=False
    )
    if brand_code:
        mails = mails.filter(facts__brand__code=brand_code)
    return mails.order_by("-id").first()
