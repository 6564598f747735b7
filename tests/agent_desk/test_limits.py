from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from cxcrm.outbox.enums import MailReason, MailState
from cxcrm.outbox.models import OutgoingMail, RecipientDomain
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import NOW, MailAddressFactory

pytestmark = pytest.mark.django_db

ADD = reverse("admin:outbox_recipientdomain_add")


def wait_for_a_place(address: str, subject_id: int) -> OutgoingMail:
    return OutgoingMail.objects.create(
        kind="letter",
        subject_id=subject_id,
        address=MailAddressFactory(address=address),
        language="en",
        state=MailState.QUEUED,
        reason=MailReason.DOMAIN_LIMIT,
        has_slot=True,
        planned_at=NOW,
        due_at=Now() + timedelta(hours=3),
    )


def test_a_manager_limits_a_provider_however_it_is_written(desk):
    answer = desk(Role.CX_MANAGER).post(ADD, {"domain": " @GMail.com", "mails_per_minute": "600"})

    assert answer.status_code == 302
    limit = RecipientDomain.objects.get()
    assert (limit.domain, limit.mails_per_minute) == ("gmail.com", 600)


@pytest.mark.parametrize(
    ("domain", "limit", "field", "text"),
    [
        ("gmail", "10", "domain", "A domain in lower case, like gmail.com."),
        ("gmail.com", "0", "mails_per_minute", "Between 1 and 60,000 mails a minute."),
        ("gmail.com", "60001", "mails_per_minute", "Between 1 and 60,000 mails a minute."),
        ("@Slow0.example", "10", "domain", "This domain has a limit already."),
    ],
)
def test_what_is_no_limit_is_refused_beside_its_field(desk, domain, limit, field, text):
    rows.make_limit()

    answer = desk(Role.CX_MANAGER).post(ADD, {"domain": domain, "mails_per_minute": limit})

    assert (answer.status_code, text in answer.text) == (200, True)
    assert answer.context["adminform"].form.errors == {field: [text]}
    assert RecipientDomain.objects.count() == 1


def test_a_changed_or_lifted_limit_plans_what_waits_anew(desk):
    limit = rows.make_limit()
    waiting = wait_for_a_place("a@slow0.example", 1)
    other = wait_for_a_place("a@slow1.example", 2)
    client = desk(Role.CX_MANAGER)
    page = reverse("admin:outbox_recipientdomain_change", args=[limit.pk])

    client.post(page, {"domain": limit.domain, "mails_per_minute": "6000"})

    soon = OutgoingMail.objects.filter(due_at__lte=Now(), has_slot=False)
    assert list(soon) == [waiting]
    OutgoingMail.objects.filter(pk=waiting.pk).update(
        has_slot=True, due_at=Now() + timedelta(hours=3)
    )

    client.post(reverse("admin:outbox_recipientdomain_delete", args=[limit.pk]), {"post": "yes"})

    assert not RecipientDomain.objects.exists()
    assert list(soon.all()) == [waiting]
    other.refresh_from_db()
    assert other.has_slot is True
