import os
import subprocess
import sys
from random import Random

import pytest

from cxcrm.api.checks import check_no_demo_key
from cxcrm.api.models import ApiKey
from cxcrm.api.services import revoke_key
from cxcrm.base import clock
from cxcrm.base.checks import (
    check_demo_stays_at_home,
    check_no_demo_accounts,
    check_production,
    check_second_factor,
)
from cxcrm.demo.integration import let_in_billing
from tests.factories import UserFactory

LINK_SECRET = "a new key of 32 characters or more"
SAFE = {
    "CXCRM_DEMO": False,
    "CXCRM_TEST_MODE": False,
    "CXCRM_HTTPS": True,
    "CXCRM_REQUIRE_MFA": True,
    "DEBUG": False,
    "SECRET_KEY": "".join(map(chr, range(48, 123))),
    "ALLOWED_HOSTS": ["crm.hoster.test"],
    "CXCRM_BASE_URL": "https://crm.hoster.test",
    "CXCRM_LINK_KEYS": [f"2:{LINK_SECRET}", "1:an older key of 32 characters or more"],
    "CXCRM_MAIL_DOMAIN": "hoster.test",
    "CELERY_BROKER_URL": "redis://:sesame@10.0.0.5:6379/0",
}
SAFE_ENVIRONMENT = {
    "CXCRM_DEMO": "0",
    "CXCRM_TEST_MODE": "0",
    "CXCRM_DEBUG": "0",
    "CXCRM_HTTPS": "1",
    "CXCRM_REQUIRE_MFA": "1",
    "CXCRM_SECRET_KEY": SAFE["SECRET_KEY"],
    "CXCRM_ALLOWED_HOSTS": "crm.hoster.test",
    "CXCRM_BASE_URL": "https://crm.hoster.test",
    "CXCRM_MAIL_DOMAIN": "hoster.test",
    "DJANGO_SETTINGS_MODULE": "cxcrm.settings",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "",
}


@pytest.fixture
def production(settings):
    def set_all(**changed):
        for name, value in (SAFE | changed).items():
            setattr(settings, name, value)

    return set_all


def ids(messages):
    return [message.id for message in messages]


def test_safe_production_passes(production):
    production()

    found = check_production(None) + check_demo_stays_at_home(None) + check_second_factor(None)
    assert found == []


@pytest.mark.parametrize(
    ("setting", "value", "refusal"),
    [
        ("DEBUG", True, "cxcrm.E002"),
        ("SECRET_KEY", "short", "cxcrm.E003"),
        ("SECRET_KEY", "ab" * 40, "cxcrm.E003"),
        ("SECRET_KEY", "django-insecure-" + SAFE["SECRET_KEY"], "cxcrm.E003"),
        ("ALLOWED_HOSTS", [], "cxcrm.E004"),
        ("ALLOWED_HOSTS", ["crm.hoster.test", "*"], "cxcrm.E004"),
        ("CXCRM_MAIL_DOMAIN", "cxcrm.invalid", "cxcrm.E005"),
        ("CXCRM_HTTPS", False, "cxcrm.E006"),
        ("CXCRM_BASE_URL", "http://crm.hoster.test", "cxcrm.E009"),
        ("CXCRM_BASE_URL", "https://127.0.0.1:8000", "cxcrm.E009"),
        ("CXCRM_BASE_URL", "https://other.hoster.test", "cxcrm.E009"),
        ("CXCRM_BASE_URL", "https://crm.hoster.test/below", "cxcrm.E009"),
        ("CXCRM_BASE_URL", "crm.hoster.test", "cxcrm.E009"),
        ("CXCRM_LINK_KEYS", [], "cxcrm.E010"),
        ("CXCRM_LINK_KEYS", [LINK_SECRET], "cxcrm.E010"),
        ("CXCRM_LINK_KEYS", ["1:short"], "cxcrm.E010"),
        ("CXCRM_LINK_KEYS", [f"1:{LINK_SECRET}", f"1:{LINK_SECRET}!"], "cxcrm.E010"),
        ("CELERY_BROKER_URL", "redis://10.0.0.5:6379/0", "cxcrm.E007"),
        ("CXCRM_METRICS_TOKEN", "sesame", "cxcrm.E011"),
        ("CELERY_BROKER_URL", "rediss://queue.hoster.test/0", "cxcrm.E007"),
        (
            "CELERY_BROKER_URL",
            "sentinel://:sesame@10.0.0.5:26379;sentinel://10.0.0.6:26379",
            "cxcrm.E007",
        ),
    ],
)
def test_unsafe_production_is_refused(production, setting, value, refusal):
    production(**{setting: value})

    assert ids(check_production(None)) == [refusal]


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:6379/0", "redis://localhost/0", "redis+socket:///run/valkey.sock"]
)
def test_broker_on_this_machine_needs_no_password(production, url):
    production(CELERY_BROKER_URL=url)

    assert check_production(None) == []


@pytest.mark.parametrize("mode", ["CXCRM_DEMO", "CXCRM_TEST_MODE"])
@pytest.mark.parametrize(
    ("hosts", "https", "refusals"),
    [
        (["127.0.0.1", "localhost"], False, []),
        (["127.0.0.1", "crm.hoster.test"], False, ["cxcrm.E001"]),
        (["*"], False, ["cxcrm.E001"]),
        (["localhost"], True, ["cxcrm.E001"]),
    ],
)
def test_demo_and_test_mode_stay_on_this_machine(production, mode, hosts, https, refusals):
    production(**{mode: True, "ALLOWED_HOSTS": hosts, "CXCRM_HTTPS": https})

    assert ids(check_demo_stays_at_home(None)) == refusals


def test_missing_second_factor_is_warned_of(production):
    production(CXCRM_REQUIRE_MFA=False)

    assert ids(check_second_factor(None)) == ["cxcrm.W001"]


@pytest.mark.django_db
def test_demo_logins_are_refused_in_production_alone(production, settings):
    production()
    user = UserFactory(email="ada@demo.invalid", role="agent")
    assert ids(check_no_demo_accounts(None, databases=["default"])) == ["cxcrm.E008"]

    settings.CXCRM_DEMO = True
    assert check_no_demo_accounts(None, databases=["default"]) == []

    settings.CXCRM_DEMO = False
    user.is_active = False
    user.save()
    assert check_no_demo_accounts(None, databases=["default"]) == []


@pytest.mark.django_db
def test_key_of_a_demo_is_refused_in_production_alone(production, settings):
    production()
    let_in_billing(Random(7), at=clock.now())
    assert ids(check_no_demo_key(None, databases=["default"])) == ["cxcrm.E012"]

    settings.CXCRM_DEMO = True
    assert check_no_demo_key(None, databases=["default"]) == []

    settings.CXCRM_DEMO = False
    revoke_key(key_id=ApiKey.objects.get().pk, at=clock.now())
    assert check_no_demo_key(None, databases=["default"]) == []


def run(arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | SAFE_ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_deployment_check_is_clean_with_a_safe_environment():
    result = run(["-m", "django", "check", "--deploy", "--fail-level", "WARNING"])

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "gunicorn", "cxcrm.wsgi", "--bind", "127.0.0.1:0", "--no-control-socket"],
        ["-m", "celery", "-A", "cxcrm", "worker", "--pool", "solo"],
        ["-m", "celery", "-A", "cxcrm", "beat"],
        ["-m", "django", "check"],
    ],
    ids=["web", "worker", "beat", "manage"],
)
def test_unsafe_start_ends_each_process(arguments, tmp_path):
    result = run(arguments, CXCRM_DEBUG="1", CXCRM_VAR=str(tmp_path))

    assert result.returncode != 0
    assert "(cxcrm.E002) CXCRM_DEBUG is on" in result.stderr
