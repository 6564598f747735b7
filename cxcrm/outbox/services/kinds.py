"""What kinds of mail there are. The apps above register theirs when they start."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True)
class MailText:
    """A text of a kind of mail that may be worded otherwise, for a language and a brand.

    `default` is translatable and, as any wording of it, names placeholders in braces: those in
    `placeholders` and no others. The subject line is the text named `subject`, if there is one.
    """

    name: str
    label: str | Promise
    default: str | Promise
    placeholders: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MailKind:
    """How to write a kind of mail, and whether it may still go.

    `template` stands for the three templates `<template>.subject.txt`, `.txt` and `.html`.
    `facts(subject_id, at)` answers what they say: JSON, dates and decimals, among it `brand` and
    `recipient_name`. `refusal(subject_id, at)` answers why the mail must not go any more, or None.
    Both are asked each time that a worker is about to send, outside any transaction.

    `texts` may be worded otherwise at the desk; `placeholders(facts)` answers what their
    placeholders stand for, as people read it, in the active language. `secrets(subject_id)` are
    values for the templates that are made when a mail is sent, such as links and codes, and are
    never stored: previews show dots. `at_any_hour`: somebody waits for it, also at night.
    `is_noted`: the app takes note of each end by `take_endings`.
    """

    name: str
    label: str | Promise
    mail_class: MailClass
    template: str
    facts: Callable[[int, datetime], dict[str, Any]]
    refusal: Callable[[int, datetime], str | None]
    texts: tuple[MailText, ...] = ()
    placeholders: Callable[[dict[str, Any]], dict[str, str]] = _nothing
    secrets: Callable[[int], dict[str, str]] = _no_secrets
    at_any_hour: bool = False
    is_noted: bool = False


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


def mail_kinds() -> list[MailKind]:
    """All that are registered, by name."""
    return [_kinds[name] for name in sorted(_kinds)]
