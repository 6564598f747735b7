"""Texts of mails that are worded at the desk: what they may say, whose holds, which is in force."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cxcrm.outbox.models import MailWording
from cxcrm.outbox.services import deliver_mails, render_mail
from cxcrm.outbox.services.kinds import mail_kind
from cxcrm.outbox.services.wording import MOST_CHARACTERS, MOST_IN_ONE_LINE, WordingsInForce
from cxcrm.outbox.services.wording_previews import preview_wording, samples
from cxcrm.outbox.services.wording_versions import (
    WordingOvertaken,
    WordingRefused,
    changes_of_version,
    reset_wording,
    restore_wording,
    save_wording,
)
from tests.factories import UserFactory
from tests.outbox.letters import BRAND, NOW, mail

pytestmark = pytest.mark.django_db

ATTACKS = [
    "{customer.__class__.__init__.__globals__}",
    "{{settings.SECRET_KEY}}",
    "{{ settings.SECRET_KEY }}",
    "{% debug %}",
    "{0.__init__.__globals__}",
    "{0}",
    "{}",
    "{name!r}",
    "{name:>9}",
    "{name[0]}",
    "{ name }",
    "{{name}}",
    "{secrets}",
    "{amount}",
    "{NAME}",
    "name}",
    "{name",
    "{#name#}",
    "{na\nme}",
]


@pytest.fixture(autouse=True)
def known_brand(monkeypatch):
    known = [BRAND | {"code": "nordlicht"}, BRAND | {"code": "ardoise", "name": "A"}]
    monkeypatch.setattr("cxcrm.outbox.services.brands._sources", [lambda: known])


def word(based_on: int = 0, *, brand_code="", language="en", at=NOW, **texts):
    return save_wording(
        kind="letter",
        language=language,
        brand_code=brand_code,
        texts=texts,
        based_on=based_on,
        at=at,
        actor=UserFactory(),
    )


def said(brand_code="", language="en") -> dict[str, str]:
    return WordingsInForce().texts(mail_kind("letter"), language=language, brand_code=brand_code)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", ["subject", "opening", "extra"])
def test_whatever_is_no_known_placeholder_is_refused_at_save_naming_its_text(letters, name, attack):
    with pytest.raises(WordingRefused) as refusal:
        word(**{name: f"Dear friend, {attack}!"})

    assert refusal.value.field == name
    assert str(refusal.value).startswith(f"{name}: ")
    assert not MailWording.objects.exists()


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_somebody_put_into_the_table_by_hand_is_never_rendered(letters, relay, attack):
    MailWording.objects.create(
        kind="letter",
        language="en",
        version=1,
        texts={"opening": f"Hello {attack}", "subject": attack, "closing": attack, "none": "x"},
        created_at=NOW,
    )
    letters.queue("a@example.com")

    deliver_mails(at=NOW)

    assert mail().facts["wording"] == {}
    rendered = render_mail(mail())
    assert rendered.subject == "For Ada Lovelace: €53.85"
    assert rendered.text.startswith("Dear Ada Lovelace, €53.85 by April 14, 2028.")


@pytest.mark.parametrize("attack", ATTACKS)
def test_not_even_what_stands_in_the_facts_is_run(letters, attack):
    letters.queue("a@example.com")
    deliver_mails(at=NOW)
    sent = mail()
    sent.facts["wording"] = {"opening": attack}

    rendered = render_mail(sent)

    assert rendered.text.startswith(attack.replace("{name}", "Ada Lovelace"))
    for secret in ("django-insecure", "SECRET", "<module", "class '"):
        assert secret not in rendered.text.replace(attack, "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("subject", "Two\nlines"),
        ("subject", "x" * (MOST_IN_ONE_LINE + 1)),
        ("opening", "x" * (MOST_CHARACTERS + 1)),
        ("opening", "Hidden \u202e turn"),
        ("opening", "Hidden \u2066 turn"),
        ("opening", "Bell \x07"),
        ("opening", "Tab \t stop"),
        ("opening", "Line \u2028 break"),
        ("opening", "Half a \ud800 letter"),
        ("unheard_of", "Hello"),
    ],
)
def test_texts_that_no_mail_should_carry_are_refused(letters, name, text):
    with pytest.raises(WordingRefused) as refusal:
        word(**{name: text})

    assert refusal.value.field == name
    assert not MailWording.objects.exists()


def test_a_brands_texts_go_before_those_for_all_and_those_before_the_default(letters, relay):
    word(opening="Hello {name}.", extra="For all.")
    word(brand_code="nordlicht", opening="Moin {name}.")
    letters.brand["code"] = "nordlicht"
    letters.queue("a@example.com")
    letters.queue("x@example.com", "b@example.com", language="de")

    deliver_mails(at=NOW)

    english, german = (render_mail(mail(number)).text for number in (1, 2))
    assert english.startswith("Moin Ada Lovelace.\n\nFor all.\n\n-- \n")
    assert german.startswith("Dear Ada Lovelace, 53,85\xa0€ by 14. April 2028.")
    assert said("ardoise") == {"opening": "Hello {name}.", "extra": "For all."}


def test_only_what_differs_is_kept_and_an_empty_text_follows_the_default(letters):
    default = str(mail_kind("letter").text("opening").default)

    first = word(opening=default, subject="Hello {name}", extra="")
    assert first.texts == {"subject": "Hello {name}"}
    assert word(1, subject="Hello {name}\r\n", opening="") is None
    assert word(1, subject="").texts == {}
    assert said() == {}


def test_a_brand_may_leave_out_what_was_added_for_all_but_no_text_of_its_own(letters):
    word(extra="For all.", opening="Hello.")

    assert word(brand_code="nordlicht", extra="", opening="").texts == {"extra": ""}
    assert said("nordlicht") == {"opening": "Hello.", "extra": ""}


def test_versions_are_added_restored_and_reset_and_never_changed(letters):
    author = UserFactory()
    first = word(extra="One.")
    word(1, extra="Two.", opening="Hello.", at=NOW + timedelta(days=1))
    target = {"kind": "letter", "language": "en", "brand_code": ""}
    reset_wording(**target, based_on=2, at=NOW + timedelta(days=2), actor=author)
    assert said() == {}
    restored = restore_wording(
        wording_id=first.pk, based_on=3, at=NOW + timedelta(days=3), actor=author
    )

    assert said() == {"extra": "One."}
    assert (restored.version, restored.created_by) == (4, author)
    assert list(MailWording.objects.order_by("version").values_list("version", "texts")) == [
        (1, {"extra": "One."}),
        (2, {"extra": "Two.", "opening": "Hello."}),
        (3, {}),
        (4, {"extra": "One."}),
    ]
    second = MailWording.objects.get(version=2)
    assert [
        (change.label, change.before, change.after) for change in changes_of_version(second)
    ] == [
        ("opening", None, "Hello."),
        ("extra", "One.", "Two."),
    ]


def test_whoever_saves_over_somebody_elses_version_is_told(letters):
    word(extra="One.")

    for based_on in (0, 2):
        with pytest.raises(WordingOvertaken):
            word(based_on, extra="Mine.")

    assert said() == {"extra": "One."}


def test_a_version_that_is_saved_at_the_same_moment_is_told_too(letters, monkeypatch):
    word(extra="One.")
    monkeypatch.setattr(
        "cxcrm.outbox.services.wording_versions.version_in_force", lambda **of: None
    )

    with pytest.raises(WordingOvertaken):
        word(0, extra="Mine.")

    assert said() == {"extra": "One."}


@pytest.mark.parametrize(
    ("field", "wrong"), [("language", {"language": "xx"}), ("brand_code", {"brand_code": "nobody"})]
)
def test_there_must_be_such_a_language_and_brand(letters, field, wrong):
    with pytest.raises(WordingRefused) as refusal:
        word(**wrong, extra="Hello.")

    assert refusal.value.field == field


def test_a_sent_mail_keeps_its_wording_and_the_next_turn_knows_the_new_one(letters, relay):
    word(opening="Hello {name}.")
    letters.queue("a@example.com")
    deliver_mails(at=NOW)
    sent = mail()
    before = render_mail(sent)

    word(1, opening="Goodbye {name}.")
    letters.queue("a@example.com")
    deliver_mails(at=NOW)

    assert render_mail(sent) == before
    assert [
        message.get_body(["plain"]).get_content().partition("\n")[0].strip()
        for _to, message in relay.log
    ] == ["Hello Ada Lovelace.", "Goodbye Ada Lovelace."]


def test_a_turn_of_delivery_reads_the_wordings_once(letters, relay):
    word(opening="Hello {name}.")
    letters.queue(*(f"p{number}@example.com" for number in range(45)))

    with CaptureQueriesContext(connection) as captured:
        deliver_mails(at=NOW)

    assert len(relay.log) == 45
    assert sum("outbox_mailwording" in query["sql"] for query in captured) == 1


def test_markup_braces_and_line_breaks_of_names_and_texts_are_text(letters):
    letters.names[1] = "<b>{amount}</b>\r\n\u202eeve"
    word(opening="Dear <i>{name}</i>,\n\nhow are you?", subject="{name} & Co")
    letters.queue("a@example.com")

    rendered = render_mail(mail())

    assert rendered.subject == "<b>{amount}</b> eve & Co"
    assert rendered.text.startswith("Dear <i><b>{amount}</b> eve</i>,\n\nhow are you?\n\n-- ")
    assert "Dear &lt;i&gt;&lt;b&gt;{amount}&lt;/b&gt; eve&lt;/i&gt;,</p>" in rendered.html
    assert "how are you?</p>" in rendered.html
    assert "<i>" not in rendered.html


def test_preview_shows_a_draft_without_what_would_be_refused(letters):
    word(extra="In force.")
    kind = mail_kind("letter")
    [sample] = samples(kind, language="en", brand_code="", on=NOW.date())

    rendered = preview_wording(
        kind,
        language="en",
        brand_code="",
        texts={"opening": "Hello {name}.", "subject": "{% debug %}", "extra": ""},
        sample=sample,
    )

    assert rendered.subject == "For Rosa Morgenrot: €53.85"
    assert rendered.text.startswith("Hello Rosa Morgenrot.\n\n-- ")
    assert MailWording.objects.count() == 1


def test_preview_takes_the_newest_mail_of_the_language_and_brand(letters, relay):
    letters.brand["code"] = "nordlicht"
    letters.queue("a@example.com", "b@example.com")
    letters.names[2] = "Grace Hopper"
    deliver_mails(at=NOW)
    kind = mail_kind("letter")

    def newest(**of):
        first = samples(kind, **({"language": "en", "brand_code": ""} | of), on=NOW.date())[0]
        return first.facts["recipient_name"], first.sent_at

    assert newest() == ("Grace Hopper", NOW)
    assert newest(brand_code="nordlicht") == ("Grace Hopper", NOW)
    assert newest(brand_code="ardoise") == ("Rosa Morgenrot", None)
    assert newest(language="de") == ("Rosa Morgenrot", None)
