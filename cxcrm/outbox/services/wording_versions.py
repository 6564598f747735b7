"""Wordings are saved as versions: the newest is in force, and none is ever changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cxcrm.base.errors import DomainError
from cxcrm.outbox.models import MailWording
from cxcrm.outbox.services.brands import brands
from cxcrm.outbox.services.kinds import MailKind, UnknownMailKind, mail_kind
from cxcrm.outbox.services.wording import WordingsInForce, problems_with
from cxcrm.users.enums import Language
from cxcrm.users.models import User


@dataclass(frozen=True)
class TextChange:
    """Of one text, what it said before and after; None: the default."""

    label: str | Promise
    before: str | None
    after: str | None


class WordingRefused(DomainError):
    code = "wording_refused"


class WordingOvertaken(DomainError):
    code = "wording_overtaken"


def save_wording(
    *,
    kind: str,
    language: str,
    brand_code: str,
    texts: Mapping[str, str],
    based_on: int,
    at: datetime,
    actor: User,
) -> MailWording | None:
    """Put texts in force for a kind of mail in a language, for one brand or, without one, for all.

    `texts` go by their names; those that are missing, are empty or say what would be said anyway
    follow the default, and a brand's follow those for all brands. `based_on` is the version that
    its author saw, 0 for none. Mails that are sent from the next turn of delivery on say it.
    Answers the new version, or None where it says what is in force already. Raises
    UnknownMailKind, WordingRefused with the name of the text as its field, WordingOvertaken.
    """
    known = _known(kind, language, brand_code)
    said = plain_texts(texts)
    if problems := problems_with(known, said):
        name, problem = next(iter(problems.items()))
        raise _refused(known, name, problem)
    inherited = texts_without_own(known, language=language, brand_code=brand_code)
    own = {
        text.name: said[text.name]
        for text in known.texts
        if said.get(text.name, inherited[text.name]) != inherited[text.name]
        # Only what was added may be taken away altogether.
        and (said[text.name] or not text.default)
    }
    return _add_version(known, language, brand_code, own, based_on=based_on, at=at, actor=actor)


def reset_wording(
    *, kind: str, language: str, brand_code: str, based_on: int, at: datetime, actor: User
) -> MailWording | None:
    """Go back to the default or, for a brand, to what holds for all brands; as `save_wording`."""
    known = _known(kind, language, brand_code)
    return _add_version(known, language, brand_code, {}, based_on=based_on, at=at, actor=actor)


def restore_wording(
    *, wording_id: int, based_on: int, at: datetime, actor: User
) -> MailWording | None:
    """Put an earlier version in force again, as a new one; as `save_wording`.

    Refused where the kind has changed since in a way that the version does not know.
    """
    earlier = MailWording.objects.get(pk=wording_id)
    known = _known(earlier.kind, earlier.language, earlier.brand_code)
    if problems := problems_with(known, earlier.texts):
        name, problem = next(iter(problems.items()))
        raise _refused(known, name, problem)
    return _add_version(
        known,
        earlier.language,
        earlier.brand_code,
        earlier.texts,
        based_on=based_on,
        at=at,
        actor=actor,
    )


def plain_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """As forms send them: with one kind of line end, nothing around them."""
    return {
        name: said.replace("\r\n", "\n").strip() if isinstance(said, str) else said
        for name, said in texts.items()
    }


def texts_without_own(kind: MailKind, *, language: str, brand_code: str) -> dict[str, str]:
    """What the texts of a kind say where a brand has none of its own; without a brand: where
    nothing was worded at all. By name, all of them."""
    with translation.override(language):
        defaults = {text.name: str(text.default) for text in kind.texts}
    if not brand_code:
        return defaults
    return defaults | WordingsInForce().texts(kind, language=language, brand_code="")


def version_in_force(*, kind: str, language: str, brand_code: str) -> MailWording | None:
    return (
        MailWording.objects.filter(kind=kind, language=language, brand_code=brand_code)
        .select_related("created_by")
        .order_by("-version")
        .first()
    )


def versions_in_force() -> dict[tuple[str, str, str], MailWording]:
    """Of each kind, language and brand that was ever worded, what is in force."""
    newest = (
        MailWording.objects.order_by("kind", "language", "brand_code", "-version")
        .distinct("kind", "language", "brand_code")
        .select_related("created_by")
    )
    return {(wording.kind, wording.language, wording.brand_code): wording for wording in newest}


def changes_of_version(wording: MailWording) -> list[TextChange]:
    """What a version says otherwise than the one before it."""
    before = MailWording.objects.filter(
        kind=wording.kind,
        language=wording.language,
        brand_code=wording.brand_code,
        version__lt=wording.version,
    )
    earlier = before.order_by("-version").first()
    said = earlier.texts if earlier else {}
    try:
        labels = {text.name: text.label for text in mail_kind(wording.kind).texts}
    except UnknownMailKind:
        labels = {}
    return [
        TextChange(labels.get(name, name), said.get(name), wording.texts.get(name))
        for name in [*labels, *sorted({*said, *wording.texts} - {*labels})]
        if said.get(name) != wording.texts.get(name)
    ]


def _known(kind: str, language: str, brand_code: str) -> MailKind:
    known = mail_kind(kind)
    if language not in Language.values:
        raise WordingRefused(_("There is no such language."), field="language")
    if brand_code and brand_code not in {brand["code"] for brand in brands()}:
        raise WordingRefused(_("There is no such brand."), field="brand_code")
    return known


def _refused(kind: MailKind, name: str, problem: str | Promise) -> WordingRefused:
    labels = {text.name: text.label for text in kind.texts}
    message = format_lazy("{text}: {problem}", text=labels.get(name, name), problem=problem)
    return WordingRefused(message, field=name)


def _add_version(
    kind: MailKind,
    language: str,
    brand_code: str,
    texts: dict[str, Any],
    *,
    based_on: int,
    at: datetime,
    actor: User,
) -> MailWording | None:
    newest = version_in_force(kind=kind.name, language=language, brand_code=brand_code)
    if based_on != (newest.version if newest else 0):
        raise _overtaken()
    if texts == (newest.texts if newest else {}):
        return None
    try:
        with transaction.atomic():
            return MailWording.objects.create(
                kind=kind.name,
                language=language,
                brand_code=brand_code,
                version=based_on + 1,
                texts=texts,
                created_at=at,
                created_by=actor,
            )
    except IntegrityError:
        raise _overtaken() from None


def _overtaken() -> WordingOvertaken:
    return WordingOvertaken(
        _("Somebody else has saved these texts meanwhile. Look at them and save yours again.")
    )
