"""Providers of mailboxes that want mail slowly."""

from collections.abc import Collection

from django.db import transaction

from cxcrm.base.queue import after_commit
from cxcrm.outbox.models import RecipientDomain
from cxcrm.outbox.services.queueing import DELIVER_MAILS
from cxcrm.outbox.sql.throttle import give_places_back, take_next_place


@transaction.atomic
def keep_limit(limit: RecipientDomain) -> None:
    """Write a limit as it has been filled in; what waits gets new places by it, also what waits
    for the domain that it was for before.

    Raises ValidationError naming the fields that do not fit.
    """
    limit.full_clean()
    limit.next_slot_at = None
    was_for = RecipientDomain.objects.filter(pk=limit.pk).values_list("domain", flat=True)
    domains = {limit.domain, *was_for}
    limit.save()
    _plan_anew(domains)


@transaction.atomic
def lift_limit(limit: RecipientDomain) -> None:
    """Send to a provider as fast as to any other, also what waits."""
    limit.delete()
    _plan_anew({limit.domain})


def slow_domains() -> frozenset[str]:
    """The domains that have a limit."""
    return frozenset(RecipientDomain.objects.values_list("domain", flat=True))


def seconds_to_wait(domain: str) -> float:
    """Take the next place among the mails to a domain: how long until it comes, 0 if it is now.

    A place that is taken is used up, whether or not a mail goes.
    """
    return take_next_place(domain) or 0.0


def _plan_anew(domains: Collection[str]) -> None:
    if give_places_back(domains):
        after_commit(DELIVER_MAILS)
