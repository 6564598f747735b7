import pytest

from cxcrm.base.checks import check_mail

SECRET = "postmark:a-long-and-random-secret"


def ids() -> list[str]:
    return [message.id for message in check_mail(None)]


def test_what_is_shipped_passes():
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("CXCRM_BOUNCE_ADDRESS", "bounces@mail.test", []),
        ("CXCRM_BOUNCE_ADDRESS", f"{'b' * 20}@mail.test", []),
        ("CXCRM_BOUNCE_ADDRESS", f"{'b' * 21}@mail.test", ["cxcrm.E021"]),
        ("CXCRM_BOUNCE_ADDRESS", "bounces+x@mail.test", ["cxcrm.E021"]),
        ("CXCRM_BOUNCE_ADDRESS", "mail.test", ["cxcrm.E021"]),
        ("CXCRM_BOUNCE_MAILBOX", "pop3s://bounces:sesame@mail.test", []),
        ("CXCRM_BOUNCE_MAILBOX", "pop3://bounces:sesame@127.0.0.1:1100", []),
        ("CXCRM_BOUNCE_MAILBOX", "pop3://bounces:sesame@mail.test", ["cxcrm.E022"]),
        ("CXCRM_BOUNCE_MAILBOX", "imaps://bounces:sesame@mail.test", ["cxcrm.E022"]),
        ("CXCRM_BOUNCE_MAILBOX", "pop3s://", ["cxcrm.E022"]),
        ("CXCRM_MAIL_RETENTION_DAYS", 90, []),
        ("CXCRM_MAIL_RETENTION_DAYS", 89, ["cxcrm.E023"]),
        ("CXCRM_MAIL_CONNECTIONS", 0, ["cxcrm.E024"]),
    ],
)
def test_settings_of_mail_are_looked_at(settings, name, value, found):
    setattr(settings, name, value)

    assert ids() == found


@pytest.mark.parametrize(
    ("secret", "found"),
    [(SECRET, []), ("", ["cxcrm.E020"]), ("a:b", ["cxcrm.E020"]), ("x" * 40, ["cxcrm.E020"])],
)
def test_a_provider_needs_a_secret_for_what_it_tells(settings, secret, found):
    settings.CXCRM_MAIL_PROVIDER = "postmark"
    settings.ANYMAIL = {"WEBHOOK_SECRET": secret}

    assert ids() == found
