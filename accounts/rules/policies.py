"""What a reminder policy and its steps may say, by field, in words for whoever enters it."""

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.enums import StepAnchor

LONGEST_DAYS = 366
LONGEST_AFTER_DAYS = 30
LONGEST_MONTHS = 12
LONGEST_TERM_DAYS = 3_660

_WINDOW = ("earliest_months", "earliest_days", "latest_months", "latest_days")
# ISO 3166-2, what follows the country: CA, 75, ENG.
_REGION = re.compile(r"[0-9A-Z]{1,3}")

# Where a day lasts longest: nobody's day is further behind.
_LAST_TO_END_A_DAY = ZoneInfo("Etc/GMT+12")


def earliest_last_day(at: datetime) -> date:
    """How early a policy may end: the renewals of this day and before are past everywhere."""
    return at.astimezone(_LAST_TO_END_A_DAY).date() - timedelta(days=1)


def policy_faults(policy: Any) -> dict[str, str | Promise]:
    """What is wrong with a policy; empty if nothing is."""
    faults: dict[str, str | Promise] = {}
    if policy.region and not policy.country:
        faults["country"] = _("A region needs its country.")
    if policy.region and not _REGION.fullmatch(policy.region):
        faults["region"] = _("Up to three letters or digits, like CA.")
    if policy.min_term_days is not None and policy.min_term_days > LONGEST_TERM_DAYS:
        faults["min_term_days"] = _("No term is longer than ten years.")
    if (
        policy.effective_from is not None
        and policy.effective_until is not None
        and policy.effective_until < policy.effective_from
    ):
        faults["effective_until"] = _("It ends before it begins.")
    return faults


def step_faults(step: Any) -> dict[str, str | Promise]:
    """What is wrong with a step; empty if nothing is."""
    faults: dict[str, str | Promise] = {}
    days = step.days_before
    if days is not None and not -LONGEST_AFTER_DAYS <= days <= LONGEST_DAYS:
        faults["days_before"] = _("From 366 days before to 30 days after, which is -30.")
    if days is not None and days < 0:
        if step.anchor != StepAnchor.RENEWAL_DATE:
            faults["anchor"] = _("A step after the contract's end counts from the renewal date.")
        for field in ("least_days_to_decide", *_WINDOW):
            if getattr(step, field) is not None:
                faults[field] = _("Leave it empty: after the end there is nothing to decide.")
        return faults
    if days == 0 and step.anchor == StepAnchor.RENEWAL_DATE:
        faults["days_before"] = _("A day before at least: on the renewal date itself it renews.")
    for field in ("least_days_to_decide", "earliest_days", "latest_days"):
        if (getattr(step, field) or 0) > LONGEST_DAYS:
            faults[field] = _("366 days at most.")
    for field in ("earliest_months", "latest_months"):
        if (getattr(step, field) or 0) > LONGEST_MONTHS:
            faults[field] = _("12 months at most.")
    earliest, latest = _window(step)
    if not faults and earliest is not None and latest is not None and earliest < latest:
        faults["latest_months" if step.latest_months else "latest_days"] = _(
            "The window ends before it begins."
        )
    return faults


def _window(step: Any) -> tuple[int | None, int | None]:
    """How long before its day the window opens and closes; a month counts as 30 days."""
    spans = []
    for months, days in (
        (step.earliest_months, step.earliest_days),
        (step.latest_months, step.latest_days),
    ):
        is_open = months is None and days is None
        spans.append(None if is_open else (months or 0) * 30 + (days or 0))
    return spans[0], spans[1]
