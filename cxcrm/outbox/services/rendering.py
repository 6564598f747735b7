"""From facts to a subject, a text and an HTML part."""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

from css_inline import CSSInliner
from django.core.serializers.json import DjangoJSONEncoder
from django.template import Context, Template
from django.template.loader import get_template
from django.template.loader_tags import ExtendsNode, IncludeNode
from django.utils import translation

from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services.kinds import MailKind, mail_kind

SUBJECT_LENGTH = 250
# They turn the reading direction of all that follows, so a name could rewrite a header.
_DIRECTION_MARKS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)

_inliner = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


@dataclass(frozen=True)
class RenderedMail:
    subject: str
    text: str
    html: str


def render_mail(mail: OutgoingMail) -> RenderedMail:
    """The mail as it was sent, or as it would read on the day that it was planned for.

    Raises UnknownMailKind.
    """
    kind = mail_kind(mail.kind)
    facts = mail.facts
    if facts is None:
        facts = frozen_facts(
            kind, subject_id=mail.subject_id, language=mail.language, at=mail.planned_at
        )
    return render(kind, facts=facts, language=mail.language)


def frozen_facts(kind: MailKind, *, subject_id: int, language: str, at: datetime) -> dict[str, Any]:
    """The facts as JSON gives them back, so that what is sent and what is shown are the same."""
    with translation.override(language):
        return json.loads(json.dumps(kind.facts(subject_id, at), cls=DjangoJSONEncoder))


def render(kind: MailKind, *, facts: dict[str, Any], language: str) -> RenderedMail:
    """Render the three templates of a kind; raises what they raise.

    Raises UnicodeEncodeError for facts that cannot be written to a wire.
    """
    values = {**facts, "language": language}
    with translation.override(language):
        # The parts that are no HTML are plain text: nothing in them is escaped.
        subject = _template(f"{kind.template}.subject.txt").render(
            Context(values, autoescape=False)
        )
        text = _template(f"{kind.template}.txt").render(Context(values, autoescape=False))
        # Templates answer strings that count as safe HTML, which this one is not.
        text = text + ""
        html = _template(f"{kind.template}.html").render(Context(values))
    mail = RenderedMail(
        subject=one_line(subject, limit=SUBJECT_LENGTH), text=text, html=_inliner.inline(html)
    )
    "".join((mail.subject, mail.text, mail.html)).encode()
    return mail


def one_line(text: str, *, limit: int) -> str:
    """Text that may stand in a header: no line breaks, nothing that cannot be seen."""
    words = " ".join(text.split())
    line = "".join(
        letter
        for letter in words
        if unicodedata.category(letter) != "Cc" and letter not in _DIRECTION_MARKS
    )
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


@cache
def template_version(template: str) -> str:
    """Short hash over all sources that the mails of a template are made from."""
    sources = {
        name: source
        for part in (".subject.txt", ".txt", ".html")
        for name, source in _sources(template + part)
    }
    return sha256(json.dumps(sorted(sources.items())).encode()).hexdigest()[:12]


def _sources(name: str) -> Iterator[tuple[str, str]]:
    template = _template(name)
    yield name, template.source
    for node in template.nodelist.get_nodes_by_type((ExtendsNode, IncludeNode)):
        used = node.parent_name if isinstance(node, ExtendsNode) else node.template
        yield from _sources(str(used.resolve(Context())))


def _template(name: str) -> Template:
    """Compiled once per process, by the loader's own cache."""
    return get_template(name).template
