"""Makes the demo company live: its past months from a seed, and the days to come on request."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.enums import TaskOrigin, TaskPool
from accounts.selectors.accounts import has_accounts
from accounts.selectors.tasks import open_tasks
from accounts.services.brands import add_brand
from accounts.services.contracts import add_contract, end_contract, take_back_end
from accounts.services.customers import add_account, add_contact, add_product
from accounts.services.due_work import run_due_work
from accounts.services.tasks import finish_task, open_task
from cxcrm.base.clock import instant_on
from cxcrm.base.errors import DomainError
from cxcrm.demo.catalogue import BRANDS, CALLS, OFFERS, STAFF
from cxcrm.demo.customers import Customer, Person, Purchase, add_months, invent_customers
from cxcrm.demo.mail import PastMail
from cxcrm.demo.mailbox import Mailbox
from cxcrm.demo.models import DayReached
from cxcrm.outbox.services import deliver_mails, mark_bounced
from cxcrm.users.services import create_staff

CALLS_A_DAY = 0.3
# Tasks that the system opened lie this long at most before an agent sees to them.
PATIENCE = timedelta(days=4)


class NotADemo(DomainError):
    code = "not_a_demo"


class CompanyNotEmpty(DomainError):
    code = "company_not_empty"


@dataclass(frozen=True)
class PlayedDay:
    day: date
    counts: dict[str, int]


def load_company(
    *, seed: int, months: int, at: datetime, after_each_day: Callable[[], object] = lambda: None
) -> None:
    """Found the demo company and let it live through `months` up to the day of `at`.

    Everything happens through the services, as of its day; the mails of past days lie in the
    mailbox, which is emptied first. The same seed, months and day make the same company. All of
    it is one transaction: whatever interrupts it leaves the database as it was, and some letters,
    which the next load removes.

    Raises NotADemo outside demo and test mode, CompanyNotEmpty where there are accounts.
    """
    if not (settings.CXCRM_DEMO or settings.CXCRM_TEST_MODE):
        raise NotADemo(_("The demo company is for demo mode only: set CXCRM_DEMO=1."))
    if has_accounts():
        raise CompanyNotEmpty(_("There are customers already: load the demo into an empty database."))
    today = at.date()
    first_day = add_months(today.replace(day=1), -months) + timedelta(days=min(today.day, 28) - 1)
    Mailbox(settings.VAR_DIR).empty()
    with transaction.atomic():
        history = _History(Random(seed), first_day=first_day, today=today)  # noqa: S311 - no secret
        for offset in range((today - first_day).days):
            history.live(instant_on(first_day + timedelta(days=offset)))
            after_each_day()
        history.live(min(at, instant_on(today)))
        after_each_day()
        DayReached.objects.update_or_create(defaults={"day": today})


def days_to_load(*, months: int, today: date) -> int:
    raise NotImplementedError


def play_days(*, days: int, at: datetime) -> list[PlayedDay]:
    """Do the work of the next days after the one that the company has lived up to.

    Mails are queued as of their day; a worker delivers them at once.
    """
    with transaction.atomic():
        reached, _created = DayReached.objects.select_for_update().get_or_create(
            defaults={"day": at.date()}
        )
        start = max(reached.day, at.date())
        played = []
        for offset in range(1, days + 1):
            reached.day = start + timedelta(days=offset)
            played.append(PlayedDay(reached.day, run_due_work(at=instant_on(reached.day))))
        reached.save(update_fields=["day"])
    return played
