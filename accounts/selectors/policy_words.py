"""Reminder policies by name and in words, as people at the desk read them."""

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_countries import countries

from accounts.enums import CustomerKind, StepAnchor
from accounts.models import ReminderPolicy, ReminderPolicyStep

# What every fixed term has: not worth a word.
_USUAL_TERM_DAYS = 90


def policy_named(name: str) -> ReminderPolicy:
    """Names are unique. Raises ReminderPolicy.DoesNotExist."""
    return ReminderPolicy.objects.get(name=name)


def customers_in_words(policy: ReminderPolicy) -> str:
    """Whom a policy is about: "Consumers · France · domain"."""
    who = {
        "": _("All customers"),
        CustomerKind.CONSUMER.value: _("Consumers"),
        CustomerKind.BUSINESS.value: _("Businesses"),
    }[policy.customer_kind]
    place = countries.name(str(policy.country)) if policy.country else ""
    if policy.region:
        place = f"{place} ({policy.region})"
    brand = policy.brand.name if policy.brand else ""
    return " · ".join(word for word in (who, place, policy.product_family, brand) if word)


def terms_in_words(policy: ReminderPolicy) -> str:
    """Which terms it is about, where these are not all that are long enough to be reminded of."""
    words = [_("first term only")] if policy.first_term_only else []
    days = policy.min_term_days
    if days != _USUAL_TERM_DAYS:
        shortest = ngettext("term of %(count)d day or more", "term of %(count)d days or more", days)
        words.append(shortest % {"count": days})
    return ", ".join(words)


def days_in_words(policy: ReminderPolicy) -> str:
    """For which renewal dates it holds."""
    first, last = (
        date_format(day, "DATE_FORMAT") if day else ""
        for day in (policy.effective_from, policy.effective_until)
    )
    if first and last:
        return _("%(first)s to %(last)s") % {"first": first, "last": last}
    if first:
        return _("from %(day)s") % {"day": first}
    return _("until %(day)s") % {"day": last} if last else _("all")


def step_in_words(step: ReminderPolicyStep) -> str:
    """When a step goes: "45 days before the renewal date, at least 10 days to decide"."""
    words = [_day_in_words(step)]
    if least := step.least_days_to_decide:
        words.append(
            ngettext("at least %(count)d day to decide", "at least %(count)d days to decide", least)
            % {"count": least}
        )
    if earliest := _span(step.earliest_months, step.earliest_days):
        words.append(_("not earlier than %(span)s before it") % {"span": earliest})
    if latest := _span(step.latest_months, step.latest_days):
        words.append(_("not later than %(span)s before it") % {"span": latest})
    return ", ".join(words)


def _day_in_words(step: ReminderPolicyStep) -> str:
    days = step.days_before
    if step.anchor == StepAnchor.NOTICE_DEADLINE:
        if days == 0:
            return _("on the last day to cancel")
        before = ngettext(
            "%(count)d day before the last day to cancel",
            "%(count)d days before the last day to cancel",
            days,
        )
        return before % {"count": days}
    if days == 0:
        return _("on the renewal date")
    if days < 0:
        after = ngettext(
            "%(count)d day after the contract's end",
            "%(count)d days after the contract's end",
            -days,
        )
        return after % {"count": -days}
    before = ngettext(
        "%(count)d day before the renewal date", "%(count)d days before the renewal date", days
    )
    return before % {"count": days}


def _span(months: int | None, days: int | None) -> str:
    words = []
    if months:
        words.append(ngettext("%(count)d month", "%(count)d months", months) % {"count": months})
    if days:
        words.append(ngettext("%(count)d day", "%(count)d days", days) % {"count": days})
    return _(" and ").join(words)
