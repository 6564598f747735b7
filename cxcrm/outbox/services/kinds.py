"""What kinds of mail there are. The apps above register theirs when they start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from cxcrm.base.errors import DomainError
from cxcrm.outbox.enums import MailClass

_kinds: dict[str, "MailKind"] = {}


class UnknownMailKind(DomainError):
    code = "unknown_mail_kind"


def _nothing(facts: dict[str, Any]) -> dict[str, str]:
    return {}


def _no_secrets(subject_id: int) -> dict[str, str]:
    return {}


def _no_examples(brand: dict[str, str], on: date) -> Sequence["MailExample"]:
    return ()


@dataclass(frozen=True)
class MailText:
    """A text of a kind of mail that may be worded otherwise, for a language and a brand.

    `default` is translatable and, as any wording of it, names placeholders in braces: those in
    `placeholders` and no others. An empty one stands for a text that may be added. Subject lines
    are `in_one_line`.
    """

    name: str
    label: str | Promise
    default: str | Promise
    placeholders: tuple[str, ...] = ()
    in_one_line: bool = False


@dataclass(frozen=True)
class MailExample:
    """Made-up facts of a kind, for previews of one of its variants."""

    name: str
    label: str | Promise
    facts: dict[str, Any]


# Two kinds are never equal: what is known of one may be kept by the kind itself.
@dataclass(frozen=True, kw_only=True, eq=False)
class MailKind:
    """How to write a kind of mail, and whether it may still go.

    `template` stands for the three templates `<template>.subject.txt`, `.txt` and `.html`.
    `facts(subject_id, at)` answers what they say: JSON, dates and decimals, among it `brand` and
    `recipient_name`. `refusal(subject_id, at)` answers why the mail must not go any more, or None.
    Both are asked each time that a worker is about to send, outside any transaction.

    `texts` may be worded otherwise at the desk and stand in the templates as
    `{% wording "name" %}`; `placeholders(facts)` answers what their placeholders stand for, as
    people read it, in the active language. `examples(brand, on)` answers made-up facts, one for
    each variant of the kind, of a brand that has the facts `brand` and as if `on` were today, in
    the active language. `secrets(subject_id)` are values that are made when a mail is sent, such
    as links and codes, and are never stored; templates say `{{ secrets.name }}`, and previews show
    dots for any name. A link to a secret stands in `{% if not is_preview %}`.
    `at_any_hour`: somebody waits for it, also at night; it goes before all others, however slowly
    its provider is sent to. `is_noted`: the app takes note of each end by `take_endings`.
    """

    name: str
    label: str | Promise
    mail_class: MailClass
    template: str
    facts: Callable[[int, datetime], dict[str, Any]]
    refusal: Callable[[int, datetime], str | None]
    texts: tuple[MailText, ...] = ()
    placeholders: Callable[[dict[str, Any]], dict[str, str]] = _nothing
    examples: Callable[[dict[str, str], date], Sequence[MailExample]] = _no_examples
    secrets: Callable[[int], dict[str, str]] = _no_secrets
    at_any_hour: bool = False
    is_noted: bool = False

    def text(self, name: str) -> MailText:
        """The text of this name; raises KeyError."""
        for text in self.texts:
            if text.name == name:
                return text
        raise KeyError(name)


def register_mail_kind(kind: MailKind) -> None:
    if kind.name in _kinds:
        raise ValueError(f"The mail kind {kind.name} is registered already.")
    _kinds[kind.name] = kind


def mail_kind(name: str) -> MailKind:
    """The kind of this name; raises UnknownMailKind."""
    try:
        return _kinds[name]
    except KeyError:
        raise UnknownMailKind(_("There is no kind of mail named %s.") % name) from None


def mail_kind_label(name: str) -> str:
    """What people call the kind of this name; the name itself where only another release knows."""
    return str(_kinds[name].label) if name in _kinds else name


def mail_kinds() -> list[MailKind]:
    """All that are registered, by name."""
    return [_kinds[name] for name in sorted(_kinds)]
