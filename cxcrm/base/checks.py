"""Refuses to start where starting would open a door. `docs/configuration.md` tells the ways out."""

import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register, run_checks  # noqa: A004 - Django's name
from django.db import DatabaseError
from django.http.request import validate_host

from cxcrm.base.quiet_hours import parse_quiet_hours

LOOPBACK = {"127.0.0.1", "localhost", "::1", "[::1]"}
PLACEHOLDERS = ("insecure", "change", "secret", "placeholder", "example")
SHORTEST_SECRET = 24
# A local part has 64 characters, of which "+", a number and its seal take 42.
LONGEST_BOUNCE_NAME = 20
FEWEST_RETENTION_DAYS = 90
DEMO_DOMAIN = "@demo.invalid"


def refuse_unsafe_start(**kwargs) -> None:
    """End the process with one line per reason if a system check finds an error.

    `manage.py` does so by itself; web servers, workers and beat call this when they start.
    """
    django.setup()
    reasons = [
        message
        for message in run_checks(databases=["default"])
        if message.is_serious() and not message.is_silenced()
    ]
    if reasons:
        sys.stderr.write("\n".join(["cxcrm does not start:", *map(str, reasons), ""]))
        raise SystemExit(3)  # after any other code gunicorn would try again, for ever


def is_production() -> bool:
    return not (settings.CXCRM_DEMO or settings.CXCRM_TEST_MODE)


@register(Tags.security)
def check_demo_stays_at_home(app_configs, **kwargs) -> Sequence[CheckMessage]:
    strangers = sorted({*settings.ALLOWED_HOSTS} - LOOPBACK)
    if is_production() or (not strangers and not settings.CXCRM_HTTPS):
        return []
    return [
        Error(
            "Demo and test mode let anybody in, so they serve this machine only.",
            hint="Unset CXCRM_DEMO and CXCRM_TEST_MODE, or leave CXCRM_ALLOWED_HOSTS at "
            "127.0.0.1,localhost and CXCRM_HTTPS off.",
            id="cxcrm.E001",
        )
    ]


@register(Tags.security)
def check_production(app_configs, **kwargs) -> Sequence[CheckMessage]:
    if not is_production():
        return []
    key = settings.SECRET_KEY
    findings = [
        (settings.DEBUG, "E002", "CXCRM_DEBUG is on: pages of errors tell secrets."),
        (
            len(key) < 50 or len(set(key)) < 5 or any(word in key for word in PLACEHOLDERS),
            "E003",
            "CXCRM_SECRET_KEY is short or a placeholder: set 50 or more random characters.",
        ),
        (
            not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS,
            "E004",
            "CXCRM_ALLOWED_HOSTS must name the hosts that people use, and never '*'.",
        ),
        (
            settings.CXCRM_MAIL_DOMAIN.endswith("cxcrm.invalid"),
            "E005",
            "CXCRM_MAIL_DOMAIN must be your domain: it stands in the Message-ID of each mail.",
        ),
        (not settings.CXCRM_HTTPS, "E006", "CXCRM_HTTPS is off: sign-ins could be read."),
        (
            is_open_broker(settings.CELERY_BROKER_URL),
            "E007",
            "REDIS_URL names another machine without a password: anybody there could queue work.",
        ),
        (
            not is_public_address(settings.CXCRM_BASE_URL),
            "E009",
            "CXCRM_BASE_URL must be an https address that customers reach, on one of "
            "CXCRM_ALLOWED_HOSTS: every link in a mail begins with it.",
        ),
        (
            not are_link_keys(settings.CXCRM_LINK_KEYS),
            "E010",
            "CXCRM_LINK_KEYS must be number:secret, each number once, with 32 or more random "
            "characters: whoever knows one opens every customer's links.",
        ),
        (
            0 < len(settings.CXCRM_METRICS_TOKEN) < SHORTEST_SECRET,
            "E011",
            "CXCRM_METRICS_TOKEN is short: set 24 or more random characters, or none.",
        ),
    ]
    return [Error(text, id=f"cxcrm.{number}") for found, number, text in findings if found]


def is_public_address(url: str) -> bool:
    """Whether links that begin with it reach us, and reach us encrypted."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return (
        parts.scheme == "https"
        and host not in LOOPBACK
        and (not settings.ALLOWED_HOSTS or validate_host(host, settings.ALLOWED_HOSTS))
        and not (parts.path or parts.query or parts.fragment)
    )


def are_link_keys(keys: Sequence[str]) -> bool:
    """Whether links can be sealed with these, and not be forged."""
    parts = [key.partition(":") for key in keys]
    numbers = {number for number, _, _ in parts}
    fit = all(number.isdecimal() and len(secret) >= 32 for number, _, secret in parts)
    return bool(keys) and fit and len(numbers) == len(keys)


def is_open_broker(url: str) -> bool:
    """True for a broker on another machine that asks for no password."""
    return any(
        "socket" not in part.scheme and part.hostname not in LOOPBACK and not part.password
        for part in map(urlsplit, url.split(";"))
    )


def are_quiet_hours(text: str) -> bool:
    try:
        parse_quiet_hours(text)
    except ValueError:
        return False
    return True


@register
def check_mail(app_configs, **kwargs) -> Sequence[CheckMessage]:
    """What would lose mails or bounces, or keep them from being told apart, wherever it runs."""
    secret = settings.ANYMAIL.get("WEBHOOK_SECRET", "")
    bounce_name = settings.CXCRM_BOUNCE_ADDRESS.rpartition("@")[0]
    mailbox = urlsplit(settings.CXCRM_BOUNCE_MAILBOX)
    findings = [
        (
            settings.CXCRM_MAIL_PROVIDER != "smtp"
            and (len(secret) < SHORTEST_SECRET or ":" not in secret),
            "E020",
            "ANYMAIL_WEBHOOK_SECRET must be name:password of 24 or more characters where a mail "
            "provider is set: without it anybody could end addresses.",
        ),
        (
            settings.CXCRM_BOUNCE_ADDRESS
            and (not 0 < len(bounce_name) <= LONGEST_BOUNCE_NAME or "+" in bounce_name),
            "E021",
            "CXCRM_BOUNCE_ADDRESS must be an address with at most 20 characters before the @ and "
            "no plus: the sealed number of the mail has to fit behind them.",
        ),
        (
            settings.CXCRM_BOUNCE_MAILBOX
            and not (mailbox.scheme == "pop3s" and mailbox.hostname)
            and not (mailbox.scheme == "pop3" and mailbox.hostname in LOOPBACK),
            "E022",
            "CXCRM_BOUNCE_MAILBOX must be pop3s://user:password@host: in clear text only this "
            "machine is asked.",
        ),
        (
            settings.CXCRM_MAIL_RETENTION_DAYS < FEWEST_RETENTION_DAYS,
            "E023",
            "CXCRM_MAIL_RETENTION_DAYS is under 90: what came of a mail is needed that long.",
        ),
        (
            settings.CXCRM_MAIL_CONNECTIONS < 1,
            "E024",
            "CXCRM_MAIL_CONNECTIONS must be 1 or more.",
        ),
        (
            not are_quiet_hours(settings.CXCRM_QUIET_HOURS),
            "E025",
            "CXCRM_QUIET_HOURS must be hours like 21:00-07:00, or empty.",
        ),
    ]
    return [Error(text, id=f"cxcrm.{number}") for found, number, text in findings if found]


@register(Tags.security, deploy=True)
def check_second_factor(app_configs, **kwargs) -> Sequence[CheckMessage]:
    if settings.CXCRM_REQUIRE_MFA or not is_production():
        return []
    return [Warning("CXCRM_REQUIRE_MFA is off: a stolen password opens the desk.", id="cxcrm.W001")]


@register(Tags.database)
def check_no_demo_accounts(app_configs, databases=None, **kwargs) -> Sequence[CheckMessage]:
    """Everybody knows the demo's passwords. Before the first migration nothing can be told."""
    if not databases or not is_production():
        return []
    demo_users = get_user_model().objects.filter(email__endswith=DEMO_DOMAIN)
    try:
        found = demo_users.filter(is_active=True).exists()
    except DatabaseError:
        return []
    if not found:
        return []
    return [
        Error(
            f"This database has active demo logins (…{DEMO_DOMAIN}).",
            hint="Give production a database of its own.",
            id="cxcrm.E008",
        )
    ]
