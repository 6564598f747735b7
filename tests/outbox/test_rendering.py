import json
from dataclasses import replace

import pytest
from django.utils import translation
from django.utils.html import conditional_escape, escape

from cxcrm.outbox.enums import LegalBasis, MailClass
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import (
    PermissionGrant,
    deliver_mails,
    grant_permissions,
    kinds,
    mail_kind,
    render_mail,
)
from cxcrm.outbox.services.rendering import one_line, template_version
from cxcrm.outbox.services.unsubscribing import preferences_url
from cxcrm.outbox.services.values import (
    day_in_words,
    moment_in_words,
    money_in_words,
    percent_in_words,
)
from tests.outbox.letters import BRAND, NOW, mail

pytestmark = pytest.mark.django_db


def parts(message) -> tuple[str, str]:
    """Text and HTML, with the line ends of the sender."""
    return tuple(
        message.get_body([kind]).get_content().replace("\r\n", "\n") for kind in ("plain", "html")
    )


def test_preview_reads_before_and_after_as_what_was_sent(letters, relay):
    letters.queue("a@example.com", language="de")
    before = render_mail(mail())

    deliver_mails(at=NOW)
    letters.names[1] = "Somebody Else"

    [(_to, message)] = relay.log
    after = render_mail(mail())
    assert before == after
    text, html = parts(message)
    assert (message["Subject"], text.rstrip(), html.rstrip()) == (
        after.subject,
        after.text.rstrip(),
        after.html.rstrip(),
    )
    assert after.text.startswith("Dear Ada Lovelace, 53,85\xa0€ by 14. April 2028.")
    assert mail().template_version == template_version(mail_kind("letter"))


@pytest.mark.parametrize(
    "name",
    [
        "Eve\r\nBcc: victim@example.com\r\n\r\nHello",
        "Eve\nX-Evil: 1",
        "\u202eevE\u2066",
        "Zoë <evil@example.com>, Ünal",
        "x" * 5_000,
        "\x0b\x85\u2028Bcc: victim@example.com",
    ],
)
def test_names_never_make_a_header_or_a_recipient(letters, relay, name):
    letters.names[1] = name
    letters.brand = {**BRAND, "sender_name": name}
    letters.queue("a@example.com")

    deliver_mails(at=NOW)

    [(recipient, message)] = relay.log
    assert recipient == "a@example.com"
    assert sorted(message.keys()) == [
        "Auto-Submitted",
        "Content-Language",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Reply-To",
        "Subject",
        "To",
        "X-CXCRM-Mail",
    ]
    assert [address.addr_spec for address in message["From"].addresses] == [
        "mail@nordlicht.example"
    ]
    assert message["To"] == "a@example.com"
    assert len(message["Subject"].strip()) <= 250
    assert not set("\u202e\u2066") & set(message["Subject"] + message["From"])


def test_markup_in_a_name_is_text(letters, relay):
    letters.names[1] = "<script>alert(1)</script> & Co"
    letters.queue("a@example.com")

    rendered = render_mail(mail())

    assert "<script>" not in rendered.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co" in rendered.html
    assert rendered.text.startswith("Dear <script>alert(1)</script> & Co,")
    assert rendered.subject == "For <script>alert(1)</script> & Co: €53.85"


def test_text_is_no_html_to_the_pages_that_show_it(letters):
    letters.queue("a@example.com")
    letters.names[1] = "<img src=x>"

    rendered = render_mail(mail())

    assert "<img src=x>" in rendered.text
    assert "&lt;img src=x&gt;" in conditional_escape(rendered.text)
    assert conditional_escape(rendered.subject) == escape(rendered.subject)


def test_html_carries_its_styles_language_imprint_and_nothing_remote(letters):
    letters.queue("a@example.com", language="fr")

    html = render_mail(mail()).html

    assert '<html lang="fr">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert 'class="letter" style="' in html
    assert "Marktplatz 1<br>76131 Karlsruhe" in html
    assert "<img" not in html
    assert "url(" not in html
    assert "<link" not in html


def test_one_line_cuts_with_an_ellipsis():
    assert one_line(" a\tb\r\n c ", limit=10) == "a b c"
    assert one_line("abcdef", limit=4) == "abc…"


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("April 14, 2028", "$53.85", "7.7%")),
        ("de", ("14. April 2028", "53,85\xa0$", "7,7\xa0%")),
        ("fr", ("14 avril 2028", "53,85\xa0$US", "7,7\xa0%")),
        ("es", ("14 de abril de 2028", "53,85\xa0US$", "7,7\xa0%")),
    ],
)
def test_values_read_as_in_the_language(language, expected):
    with translation.override(language):
        assert (
            day_in_words("2028-04-14"),
            money_in_words("53.85", "USD"),
            percent_in_words("7.70"),
        ) == expected
        assert percent_in_words("0.00") == ""


def test_amount_keeps_apart_from_a_currency_in_letters():
    with translation.override("en"):
        assert money_in_words("53.85", "CHF") == "CHF\xa053.85"


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "June 1, 2026, 2:00\u202fPM (Central European Summer Time)"),
        ("de", "1. Juni 2026, 14:00 (Mitteleuropäische Sommerzeit)"),
        ("fr", "1 juin 2026, 14:00 (heure d’été d’Europe centrale)"),
        ("es", "1 de junio de 2026, 14:00 (hora de verano de Europa central)"),
    ],
)
def test_moment_names_its_zone_in_full(language, expected):
    with translation.override(language):
        assert moment_in_words("2026-06-01T12:00:00+00:00", "Europe/Berlin") == expected


def test_mail_that_may_be_objected_to_says_where_and_its_preview_leads_nowhere(letters, relay):
    letters.queue("a@example.com", kind="news")
    grant = PermissionGrant(
        address_id=mail().address_id,
        mail_class=MailClass.NEWSLETTER,
        basis=LegalBasis.CONSENT,
        source="test",
    )
    grant_permissions(grants=[grant], at=NOW)
    deliver_mails(at=NOW)

    [(_to, message)] = relay.log
    link = preferences_url(mail().address)
    text, html = parts(message)
    assert f"Choose which mails you get, or none:\n{link}\n" in text
    assert f'href="{link}"' in html
    preview = render_mail(mail())
    assert link not in preview.text + preview.html
    assert "Choose which mails you get, or none:\n…\n" in preview.text


def test_secrets_go_out_and_are_stored_nowhere(letters, relay):
    kinds._kinds["letter"] = replace(
        mail_kind("letter"), secrets=lambda subject_id: {"code": f"4711-{subject_id}"}
    )
    letters.queue("a@example.com")

    deliver_mails(at=NOW)

    [(_to, message)] = relay.log
    assert "4711-1" in parts(message)[0]
    assert "4711" not in json.dumps(OutgoingMail.objects.values().get(), default=str)
    assert "4711" not in render_mail(mail()).text
