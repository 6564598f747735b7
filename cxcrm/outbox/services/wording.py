"""The texts of mails as they are worded at the desk: what they may say, and saying it.

A wording knows one notation, `{name}`, and puts in what the kind's allow-list has under that
name. Nothing of it is ever run as a template or a format, not even what somebody put into the
table by hand.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import structlog
from django.utils.functional import Promise
from django.utils.html import linebreaks
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cxcrm.outbox.models import MailWording
from cxcrm.outbox.services.kinds import MailKind, MailText, mail_kind, mail_kinds
from cxcrm.outbox.services.lines import DIRECTION_MARKS, one_line

logger = structlog.get_logger(__name__)

MOST_CHARACTERS = 2_000
MOST_IN_ONE_LINE = 150
# Of a name that came with a feed; longer ones would push the letter out of sight.
MOST_IN_PLACEHOLDER = 300

_PLACEHOLDER = re.compile(r"\{([a-z][a-z_]*)\}")
_BRACES = re.compile(r".{0,20}[{}].{0,20}")
_UNSEEN = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True)
class Wording:
    """The texts of one mail, with what their placeholders stand for."""

    kind: MailKind
    texts: Mapping[str, str]
    values: Mapping[str, str]

    def as_text(self, name: str) -> str:
        """The text in the active language; raises KeyError for one that the kind does not have."""
        text = self.kind.text(name)
        said = self.texts.get(name)
        return _filled(text, str(text.default) if said is None else said, self.values)

    def as_html(self, name: str) -> SafeString:
        """The same as paragraphs; what people wrote is text there, never markup."""
        said = self.as_text(name)
        return SafeString(linebreaks(said, autoescape=True) if said else "")


def wording_of(kind: MailKind, facts: dict[str, Any], texts: Mapping[str, str]) -> Wording:
    """The texts of a mail with these facts: `texts`, else the defaults."""
    values = {
        name: one_line(str(value), limit=MOST_IN_PLACEHOLDER)
        for name, value in kind.placeholders(facts).items()
    }
    return Wording(kind, texts, values)


class WordingsInForce:
    """The wordings in force, read when first asked for: one for each turn of delivery, so that a
    new one holds from the next turn on and no mail asks the database for it."""

    def texts(self, kind: MailKind, *, language: str, brand_code: str) -> dict[str, str]:
        """What differs from the defaults: the brand's own texts, else those for all brands."""
        return {
            **self._in_force.get((kind.name, language, ""), {}),
            **self._in_force.get((kind.name, language, brand_code), {}),
        }

    @cached_property
    def _in_force(self) -> dict[tuple[str, str, str], dict[str, str]]:
        newest = (
            MailWording.objects.order_by("kind", "language", "brand_code", "-version")
            .distinct("kind", "language", "brand_code")
            .values_list("kind", "language", "brand_code", "texts")
        )
        kinds = {kind.name: kind for kind in mail_kinds()}
        return {
            (kind, language, brand): _sound(kinds[kind], texts)
            for kind, language, brand, texts in newest
            if kind in kinds
        }


def _sound(kind: MailKind, texts: dict[str, Any]) -> dict[str, str]:
    """Without what would be refused today: put there by hand, or naming what the kind does not
    know any more."""
    problems = problems_with(kind, texts)
    if problems:
        logger.error("wording_passed_over", kind=kind.name, texts=sorted(problems))
    return {name: text for name, text in texts.items() if name not in problems}


def wording_in_force(*, kind: str, language: str, brand_code: str) -> dict[str, str]:
    """What a kind's texts say otherwise than the defaults now, for apps that freeze facts
    themselves: they keep it there as `wording`. Raises UnknownMailKind."""
    return WordingsInForce().texts(mail_kind(kind), language=language, brand_code=brand_code)


def problems_with(kind: MailKind, texts: Mapping[str, Any]) -> dict[str, str | Promise]:
    """Why texts must not be said, by their names; empty where all may be."""
    known = {text.name: text for text in kind.texts}
    problems = {}
    for name, said in texts.items():
        problem = (
            _problem_with(known[name], said)
            if name in known
            else _("This kind of mail has no such text.")
        )
        if problem:
            problems[name] = problem
    return problems


def placeholders_in(said: str) -> set[str]:
    return set(_PLACEHOLDER.findall(said))


def _problem_with(text: MailText, said: Any) -> str | Promise | None:
    if not isinstance(said, str):
        return _("It is no text.")
    most = MOST_IN_ONE_LINE if text.in_one_line else MOST_CHARACTERS
    if len(said) > most:
        return format_lazy(_("It is longer than {most} characters."), most=most)
    if text.in_one_line and "\n" in said:
        return _("It has a line break, and a subject is one line.")
    unseen = [letter for letter in said if letter != "\n" and _is_unseen(letter)]
    if unseen:
        return format_lazy(
            _("It has a character that nobody sees: {code}."), code=f"U+{ord(unseen[0]):04X}"
        )
    foreign = sorted(placeholders_in(said) - {*text.placeholders})
    braces = _BRACES.search(_PLACEHOLDER.sub("", said))
    if not (foreign or braces):
        return None
    wrong = "{" + foreign[0] + "}" if foreign else braces.group() if braces else ""
    if not text.placeholders:
        return format_lazy(_("{wrong}: this text has no placeholders."), wrong=wrong)
    return format_lazy(
        _("{wrong}: braces may stand around these names only: {known}."),
        wrong=wrong,
        known=", ".join(text.placeholders),
    )


def _is_unseen(letter: str) -> bool:
    return unicodedata.category(letter) in _UNSEEN or letter in DIRECTION_MARKS


def _filled(text: MailText, said: str, values: Mapping[str, str]) -> str:
    """One pass, so that braces in a name stay what they are."""
    return _PLACEHOLDER.sub(
        lambda found: values[found[1]] if found[1] in text.placeholders else found[0], said
    )
