"""Every kind of mail, in every variant and language: whole, translated, and safe with any name."""

from datetime import date
from email import message_from_bytes, policy

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise

from cxcrm.outbox.services import mail_kinds
from cxcrm.outbox.services.delivery.message import compose_message
from cxcrm.outbox.services.rendering import DOTS, as_json, render
from cxcrm.outbox.services.values import day_in_words
from cxcrm.outbox.services.wording import placeholders_in, problems_with
from tests.outbox.letters import BRAND, NOW

ON = date(2028, 3, 1)
LANGUAGES = [code for code, _name in settings.LANGUAGES]
KINDS = {kind.name: kind for kind in mail_kinds()}
VARIANTS = [
    (kind.name, example.name) for kind in KINDS.values() for example in kind.examples(BRAND, ON)
]
HOSTILE = [
    "<script>alert(1)</script> & Co \"'",
    "Eve\r\nBcc: victim@example.com\r\n\r\nHello",
    "\u202eevE\u2066 \x0b\x85\u2028X-Evil: 1",
    "x" * 5_000,
    "{name} {{ settings.SECRET_KEY }} {% debug %} %(name)s",
]


def facts_of(kind, variant: str, language: str) -> dict:
    with translation.override(language):
        [facts] = [each.facts for each in kind.examples(BRAND, ON) if each.name == variant]
        return as_json(facts)


def rendered(name: str, variant: str, language: str, **more):
    kind = KINDS[name]
    return render(kind, facts=facts_of(kind, variant, language), language=language, **more)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_kind_has_texts_and_an_example_of_each_variant(kind):
    """Each of its texts is said by one of its examples, in both parts or in the subject line."""
    marked = {text.name: f"This is {text.name}." for text in kind.texts}
    said = set()
    for example in kind.examples(BRAND, ON):
        mail = render(kind, facts=as_json(example.facts), language="en", wording=marked)
        in_text = {name for name, mark in marked.items() if mark in mail.text}
        assert in_text == {name for name, mark in marked.items() if mark in mail.html}
        said |= in_text | {name for name, mark in marked.items() if mark == mail.subject}

    assert marked
    assert said == set(marked)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_default_may_be_said_and_keeps_its_placeholders_in_every_language(kind, language):
    with translation.override(None):
        sources = {text.name: str(text.default) for text in kind.texts}
    with translation.override(language):
        defaults = {text.name: str(text.default) for text in kind.texts}

    assert problems_with(kind, defaults) == {}
    assert {name: placeholders_in(text) for name, text in defaults.items()} == {
        name: placeholders_in(text) for name, text in sources.items()
    }
    assert [text.name for text in kind.texts if text.default and not is_lazy(text.default)] == []
    if language != "en":
        assert [name for name, text in defaults.items() if text and text == sources[name]] == []


def is_lazy(text) -> bool:
    return isinstance(text, Promise)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_mail_is_whole_in_every_variant_and_language(name, variant, language):
    mail = rendered(name, variant, language)

    body = mail.html.partition("</style>")[2]
    for part in (mail.subject, mail.text, body):
        assert part.strip()
        assert not set("{}") & set(part)
        assert "None" not in part.replace("None: you may leave", "")
    assert f'<html lang="{language}"' in mail.html
    assert "\n\n\n" not in mail.text
    assert "Nordlicht Hosting GmbH" in mail.text
    assert "Nordlicht Hosting GmbH" in mail.html
    kind = KINDS[name]
    for placeholder in {each for text in kind.texts for each in text.placeholders}:
        assert placeholder in kind.placeholders(facts_of(kind, variant, "en"))


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_mail_says_something_else_in_each_language(name, variant):
    mails = [rendered(name, variant, language) for language in LANGUAGES]

    assert len({mail.text for mail in mails}) == len(LANGUAGES)
    assert len({mail.subject for mail in mails}) == len(LANGUAGES)


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_preview_has_dots_for_secrets_and_no_links_to_them(name, variant):
    mail = rendered(name, variant, "en")

    assert f'href="{DOTS}"' not in mail.html
    assert "token" not in mail.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_last_day_to_cancel_where_a_missed_window_frees_the_customer(language):
    facts = facts_of(KINDS["renewal_reminder"], "free", language)
    with translation.override(language):
        last_day = day_in_words(facts["notice_deadline"])

    free, renews = (rendered("renewal_reminder", each, language) for each in ("free", "renews"))

    assert last_day in renews.text
    for part in (free.subject, free.text, free.html):
        assert last_day not in part


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_whatever_a_name_contains_is_text_in_one_mail_to_one_recipient(name, variant, hostile):
    kind = KINDS[name]
    facts = facts_of(kind, variant, "en")
    for fact in ("recipient_name", "product", "contract_number", "customer"):
        facts[fact] = hostile
    facts["brand"] = {**BRAND, "sender_name": hostile, "legal_name": hostile}

    mail = render(kind, facts=facts, language="en", secrets={})
    message = compose_message(
        mail_id=1,
        planned_at=NOW,
        address="ada@example.com",
        language="en",
        brand=facts["brand"],
        rendered=mail,
        headers={},
    )
    parsed = message_from_bytes(message.message().as_bytes(), policy=policy.strict)

    assert "<script>" not in mail.html
    assert [address.addr_spec for address in parsed["To"].addresses] == ["ada@example.com"]
    assert not {"bcc", "cc", "x-evil"} & {header.lower() for header in parsed}
    assert parsed.defects == []
    assert len(mail.subject) <= 250
    salutation = mail.text.partition("\n")[0]
    assert not set("\u202e\u2066\x0b\r") & set(mail.subject + salutation)
    if "settings" in hostile:
        assert "{{ settings.SECRET_KEY }} {% debug %} %(name)s" in mail.text
