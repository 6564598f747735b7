"""From facts to a subject, a text and an HTML part."""

import json
import re
from collections.abc import Iterator, Mapping
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
from cxcrm.outbox.services.lines import one_line
from cxcrm.outbox.services.wording import WordingsInForce, wording_of

SUBJECT_LENGTH = 250
DOTS = "…"

_inliner = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)
# Empty texts and facts leave empty lines behind.
_GAPS = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class RenderedMail:
    subject: str
    text: str
    html: str


class _Dots(dict):
    """Stands for the secrets of a mail that is only shown."""

    def __missing__(self, name: str) -> str:
        return DOTS


def render_mail(mail: OutgoingMail) -> RenderedMail:
    """The mail as it was sent, or as it would read on the day that it was planned for; with dots
    for links and codes.

    Raises UnknownMailKind.
    """
    kind = mail_kind(mail.kind)
    facts = mail.facts
    if facts is None:
        facts = frozen_facts(
            kind, subject_id=mail.subject_id, language=mail.language, at=mail.planned_at
        )
    return render(kind, facts=facts, language=mail.language)


def frozen_facts(
    kind: MailKind,
    *,
    subject_id: int,
    language: str,
    at: datetime,
    wordings: WordingsInForce | None = None,
) -> dict[str, Any]:
    """The facts as JSON gives them back, so that what is sent and what is shown are the same, and
    under `wording` what its texts say otherwise than the defaults.

    A kind that froze its facts earlier, with their wording, keeps both.
    """
    with translation.override(language):
        facts = as_json(kind.facts(subject_id, at))
    if "wording" not in facts:
        facts["wording"] = (wordings or WordingsInForce()).texts(
            kind, language=language, brand_code=facts["brand"].get("code", "")
        )
    return facts


def as_json(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts as they come back out of the database."""
    return json.loads(json.dumps(facts, cls=DjangoJSONEncoder))


def render(
    kind: MailKind,
    *,
    facts: dict[str, Any],
    language: str,
    secrets: Mapping[str, str] | None = None,
    wording: Mapping[str, str] | None = None,
) -> RenderedMail:
    """Render the three templates of a kind; raises what they raise.

    `secrets` are those of the mail that is about to be sent; without them it is a preview, which
    has dots in their places and no links to them. `wording` stands in for the frozen one.
    Raises UnicodeEncodeError for facts that cannot be written to a wire.
    """
    texts = facts.get("wording", {}) if wording is None else wording
    with translation.override(language):
        values = {
            **facts,
            "language": language,
            "mail_class": kind.mail_class,
            "is_preview": secrets is None,
            "secrets": _Dots() if secrets is None else secrets,
            "wording": wording_of(kind, facts, texts),
        }
        # The parts that are no HTML are plain text: nothing in them is escaped.
        subject = _template(f"{kind.template}.subject.txt").render(
            Context(values, autoescape=False)
        )
        text = _template(f"{kind.template}.txt").render(Context(values, autoescape=False))
        html = _template(f"{kind.template}.html").render(Context(values))
    mail = RenderedMail(
        subject=one_line(subject, limit=SUBJECT_LENGTH),
        # Templates answer strings that count as safe HTML, which this one is not.
        text=_GAPS.sub("\n\n", text + ""),
        html=_inliner.inline(html),
    )
    "".join((mail.subject, mail.text, mail.html)).encode()
    return mail


@cache
def template_version(kind: MailKind) -> str:
    """Short hash over all sources that the mails of a kind are made from."""
    sources = {
        name: source
        for part in (".subject.txt", ".txt", ".html")
        for name, source in _sources(kind.template + part)
    }
    with translation.override(None):
        texts = {text.name: str(text.default) for text in kind.texts}
    return sha256(json.dumps([sources, texts], sort_keys=True).encode()).hexdigest()[:12]


def _sources(name: str) -> Iterator[tuple[str, str]]:
    template = _template(name)
    yield name, template.source
    for node in template.nodelist.get_nodes_by_type((ExtendsNode, IncludeNode)):
        used = node.parent_name if isinstance(node, ExtendsNode) else node.template
        yield from _sources(str(used.resolve(Context())))


def _template(name: str) -> Template:
    """Compiled once per process, by the loader's own cache."""
    return get_template(name).template
