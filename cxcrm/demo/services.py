"""Makes the demo company live: its past months from a seed, and the days to come on request."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.selectors.accounts import has_accounts
from accounts.services.due_work import run_due_work
from cxcrm.base.clock import instant_on
from cxcrm.base.errors import DomainError
from cxcrm.demo.customers import add_months, no_month_end
from cxcrm.demo.history import History
from cxcrm.demo.integration import let_in_billing
from cxcrm.demo.mailbox import Mailbox
from cxcrm.demo.models import DayReached


class NotADemo(DomainError):
    code = "not_a_demo"


class CompanyNotEmpty(DomainError):
    code = "company_not_empty"


@dataclass(frozen=True)
class PlayedDay:
    """What became of a day; `tasks` were opened where no reminder could go."""

    day: date
    reminders: int
    tasks: int
    started: int
    renewed: int
    ended: int


def load_company(
    *,
    seed: int,
    months: int,
    at: datetime,
    progress: Callable[[Sequence[date]], Iterable[date]] = iter,
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
        raise CompanyNotEmpty(_("There are accounts already: the demo needs an empty database."))
    today = at.date()
    first_day = add_months(no_month_end(today), -months)
    days = [first_day + timedelta(days=offset) for offset in range((today - first_day).days + 1)]
    Mailbox(settings.VAR_DIR).empty()
    with transaction.atomic():
        history = History(Random(seed), first_day=first_day, today=today)  # noqa: S311 - no secret
        for day in progress(days):
            history.live(at=min(instant_on(day), at))
        let_in_billing(Random(seed), at=at)  # noqa: S311 - no secret
        DayReached.objects.update_or_create(defaults={"day": today})


def play_days(*, days: int, at: datetime) -> list[PlayedDay]:
    """Do the work of the next days after the one that the company has lived up to.

    Mails are queued as of their day; a worker delivers them at once.
    """
    with transaction.atomic():
        reached, _created = DayReached.objects.select_for_update().get_or_create(
            defaults={"day": at.date()}
        )
        last = max(reached.day, at.date())
        coming = [last + timedelta(days=offset) for offset in range(1, days + 1)]
        played = [_play(day) for day in coming]
        reached.day = coming[-1]
        reached.save(update_fields=["day"])
    return played


def _play(day: date) -> PlayedDay:
    counts = run_due_work(at=instant_on(day))
    return PlayedDay(
        day=day,
        reminders=counts["planned"],
        tasks=sum(counts[name] for name in ("too_late", "nobody", "undelivered", "letters")),
        started=counts["started"],
        renewed=counts["renewed"],
        ended=counts["ended"],
    )
