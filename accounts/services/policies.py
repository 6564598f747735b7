from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import chain

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.models import ReminderPolicy, ReminderPolicyStep
from accounts.models.policies import MOST_STEPS
from accounts.rules.policies import earliest_last_day, policy_faults, step_faults
from cxcrm.base.errors import DomainError


class EndsBeforeItBegins(DomainError):
    code = "ends_before_it_begins"


class EndsAlready(DomainError):
    code = "ends_already"


class BeginsThen(DomainError):
    code = "begins_then"


class EndsInThePast(DomainError):
    code = "ends_in_the_past"


class NameIsTaken(DomainError):
    code = "name_is_taken"


def save_policy(*, policy: ReminderPolicy, steps: Sequence[ReminderPolicyStep]) -> ReminderPolicy:
    """Write a reminder policy as it has been filled in, with all its steps: those that are not
    among `steps` are taken away. The contracts follow as soon as a worker has time.

    A step keeps its number for good, for reminders that are decided name it; a new one, which has
    none, gets the next. Raises ValidationError naming the fields that do not fit.
    """
    if faults := faults_of_policy(policy):
        raise ValidationError({field: [message] for field, message in faults.items()})
    if fault := fault_of_number(len(steps)):
        raise ValidationError(fault)
    for step in steps:
        if faults := step_faults(step):
            raise ValidationError({field: [message] for field, message in faults.items()})
    policy.followed_at, policy.followed_up_to = None, 0
    policy.full_clean()
    with transaction.atomic():
        policy.save()
        _write_steps(policy, steps)
    return policy


def end_policy(*, policy_id: int, last_day: date, at: datetime) -> ReminderPolicy:
    """Have a policy hold for renewal dates up to a day and no further.

    Raises EndsInThePast where that day lies before yesterday, for whose renewals it has held
    already; EndsBeforeItBegins, and EndsAlready where it ends on that day or before.
    """
    if fault := fault_of_end(last_day, at=at):
        raise EndsInThePast(fault, field="last_day")
    with transaction.atomic():
        policy = _lock(policy_id)
        if policy.effective_from and last_day < policy.effective_from:
            raise EndsBeforeItBegins(_("It begins later."), field="last_day")
        if policy.effective_until and policy.effective_until <= last_day:
            raise EndsAlready(_("It ends on that day or earlier."), field="last_day")
        policy.effective_until = last_day
        policy.followed_at, policy.followed_up_to = None, 0
        policy.save(update_fields=["effective_until", "followed_at", "followed_up_to"])
    return policy


def replace_policy(*, policy_id: int, first_day: date, name: str, at: datetime) -> ReminderPolicy:
    """Put a copy in a policy's place for renewal dates from a day on, to be changed then: so rules
    change without making anybody late. The old one ends the day before.

    Raises EndsInThePast where that day lies before today, BeginsThen where the policy begins no
    earlier than that itself, EndsAlready where it ends before, and NameIsTaken.
    """
    if first_day <= earliest_last_day(at):
        raise EndsInThePast(_("Today at the earliest."), field="first_day")
    try:
        with transaction.atomic():
            return _replace(policy_id, first_day, name, at)
    except (ValidationError, IntegrityError):
        # The latter where somebody writes the name in the same moment.
        if ReminderPolicy.objects.filter(name=name).exists():
            raise NameIsTaken(_("Another policy has this name."), field="name") from None
        raise


def faults_of_policy(policy: ReminderPolicy) -> dict[str, str | Promise]:
    """What is wrong with a policy, by field; another one may be about the same customers."""
    faults = policy_faults(policy)
    if not faults and (other := _about_the_same(policy)):
        faults["effective_from"] = _(
            "“%(policy)s” is about the same customers on some of these days: end it first."
        ) % {"policy": other}
    return faults


def fault_of_end(last_day: date, *, at: datetime) -> str | None:
    """What is wrong with ending a policy on a day."""
    return _("Yesterday at the earliest.") if last_day < earliest_last_day(at) else None


def fault_of_number(steps: int) -> str | None:
    """What is wrong with so many steps."""
    if not steps:
        return _("A policy needs a step at least.")
    if steps > MOST_STEPS:
        return _("A policy has no more than %(most)d steps.") % {"most": MOST_STEPS}
    return None


def _replace(policy_id: int, first_day: date, name: str, at: datetime) -> ReminderPolicy:
    policy = _lock(policy_id)
    if policy.effective_from and first_day <= policy.effective_from:
        raise BeginsThen(
            _("It begins on that day or later itself: change it instead."), field="first_day"
        )
    if policy.effective_until and policy.effective_until < first_day:
        raise EndsAlready(_("It ends before that day."), field="first_day")
    copied = ReminderPolicy.objects.get(pk=policy.pk)
    copied.pk, copied.name, copied.effective_from = None, name, first_day
    copied._state.adding = True
    end_policy(policy_id=policy.pk, last_day=first_day - timedelta(days=1), at=at)
    steps = list(policy.steps.order_by("number"))
    for step in steps:
        step.pk, step._state.adding = None, True
    return save_policy(policy=copied, steps=steps)


def _about_the_same(policy: ReminderPolicy) -> ReminderPolicy | None:
    others = ReminderPolicy.objects.filter(
        brand=policy.brand_id,
        country=policy.country,
        region=policy.region,
        customer_kind=policy.customer_kind,
        product_family=policy.product_family,
    ).exclude(pk=policy.pk)
    if policy.effective_from:
        others = others.filter(
            Q(effective_until=None) | Q(effective_until__gte=policy.effective_from)
        )
    if policy.effective_until:
        others = others.filter(
            Q(effective_from=None) | Q(effective_from__lte=policy.effective_until)
        )
    return others.order_by("effective_from", "id").first()


def _write_steps(policy: ReminderPolicy, steps: Sequence[ReminderPolicyStep]) -> None:
    kept = [step for step in steps if step.pk]
    numbers = [step.number for step in steps if step.number]
    highest = max(policy.steps.values_list("number", flat=True), default=0)
    policy.steps.exclude(pk__in=[step.pk for step in kept]).delete()
    # No number of a step that is taken away is given again before there is no other.
    free = (
        number
        for number in chain(range(highest + 1, MOST_STEPS + 1), range(1, highest + 1))
        if number not in numbers
    )
    for step in steps:
        step.policy = policy
        if not step.number:
            step.number = next(free)
        step.full_clean()
        step.save()


def _lock(policy_id: int) -> ReminderPolicy:
    return ReminderPolicy.objects.select_for_update(of=["self"]).get(pk=policy_id)
