"""What kinds of mail there are. The apps above register theirs when they start."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from cxcrm.base.errors import DomainError
from cxcrm.outbox.enums import MailClass

_kinds: dict[str, "MailKind"] = {}


class UnknownMailKind(DomainError):
    code = "unknown_mail_kind"


@dataclass(frozen=True)
class MailKind:
    """How to write a kind of mail, and whether it may still go.

    `template` stands for the three templates `<template>.subject.txt`, `.txt` and `.html`.
    `facts(subject_id, at)` answers what they say: JSON, dates and decimals, among it `brand` and
    `recipient_name`. `refusal(subject_id, at)` answers why the mail must not go any more, or None.
    Both are asked each time that a worker is about to send, outside any transaction.
    """

    name: str
    mail_class: MailClass
    template: str
    facts: Callable[[int, datetime], dict[str, Any]]
    refusal: Callable[[int, datetime], str | None]


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
