"""Which policy reminds whom: what would happen on a day, and why."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import nonmember

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.enums import ContractState, ReminderState
from accounts.models import ReminderPolicy, ReminderPolicyStep
from accounts.querysets.contracts import SHORTEST_FIXED_TERM_MONTHS, ContractQuerySet
from accounts.selectors.policy_words import customers_in_words, step_in_words
from accounts.sql.dry_run import RehearsedCount, RehearsedStep, rehearse
from accounts.sql.unserved import IsUnserved

# Of whatever comes first.
FROM_START = (0, 0)


class Outcome(TextChoices):
    """What would become of a step."""

    MAIL = "mail", gettext_lazy("Mail")
    LATE_MAIL = "late_mail", gettext_lazy("Late mail")
    TOO_LATE = "too_late", gettext_lazy("Too late: a task")
    NOBODY = "nobody", gettext_lazy("Nobody to write to: a task")
    LEFT_OUT = "left_out", gettext_lazy("Left out")

    MAILED = nonmember(("mail", "late_mail"))


@dataclass(frozen=True, slots=True)
class DryRunRow:
    """What the planner would do about one step of one contract on the day in question."""

    contract_id: int
    contract_number: str
    account_id: int
    account_name: str
    account_number: str
    renewal_date: date
    notice_deadline: date
    policy_id: int
    policy_name: str
    step: int
    due_on: date
    outcome: Outcome
    is_clash: bool
    contact_id: int | None
    contact_name: str
    language: str
    reasons: Sequence[str]  # why, in sentences

    @property
    def key(self) -> tuple[int, int]:
        """What to give as `after` to go on behind it."""
        return self.contract_id, self.step


@dataclass(frozen=True, slots=True)
class DryRunCounts:
    by_outcome: dict[Outcome, int]
    clashes: int


@dataclass(frozen=True, slots=True)
class DryRun:
    """`rows` are those asked for, `counts` of the whole day."""

    rows: list[DryRunRow]
    counts: DryRunCounts


def dry_run(
    *,
    on: date,
    today: date,
    brand_id: int | None = None,
    after: tuple[int, int] = FROM_START,
    limit: int,
) -> DryRun:
    """Who would be told what `on` a day, and why, by contract, and how often each outcome would
    come about; nothing is written.

    Computed by the planner's own statements. Of `today` everything that is due by then, of a
    later day what falls on it, if nothing happens until then but renewals and ends that are set.
    """
    rehearsal = rehearse(on=on, today=today, brand_id=brand_id, after=after, limit=limit)
    steps = rehearsal.steps
    policies = ReminderPolicy.objects.select_related("brand").in_bulk(
        {step.policy_id for step in steps}
    )
    policy_steps = {
        (step.policy_id, step.number): step
        for step in ReminderPolicyStep.objects.filter(policy__in=policies)
    }
    return DryRun(
        rows=[
            _row(step, policies[step.policy_id], policy_steps[step.policy_id, step.step])
            for step in steps
        ],
        counts=_counts(rehearsal.counts),
    )


def unserved(contracts: ContractQuerySet) -> ContractQuerySet:
    """Those of fixed terms that renew and of which no reminder policy tells anybody. Nothing is
    read while one policy is for everybody."""
    return contracts.fixed().filter(
        IsUnserved(shortest=SHORTEST_FIXED_TERM_MONTHS),
        renewal_date__isnull=False,
        ends_on=None,
        awaits_decision=False,
        state__in=ContractState.LIVING,
    )


def _counts(counts: Sequence[RehearsedCount]) -> DryRunCounts:
    by_outcome: Counter[Outcome] = Counter()
    clashes = 0
    for count in counts:
        by_outcome[_outcome(count.state, is_late=count.is_late)] += count.number
        clashes += count.number if count.is_clash else 0
    return DryRunCounts(
        by_outcome={outcome: by_outcome[outcome] for outcome in Outcome}, clashes=clashes
    )


def _outcome(state: str, *, is_late: bool) -> Outcome:
    if state == ReminderState.PLANNED:
        return Outcome.LATE_MAIL if is_late else Outcome.MAIL
    return Outcome(state)


def _row(step: RehearsedStep, policy: ReminderPolicy, policy_step: ReminderPolicyStep) -> DryRunRow:
    outcome = _outcome(step.state, is_late=step.is_late)
    return DryRunRow(
        contract_id=step.contract_id,
        contract_number=step.contract_number,
        account_id=step.account_id,
        account_name=step.account_name,
        account_number=step.account_number,
        renewal_date=step.renewal_date,
        notice_deadline=step.notice_deadline,
        policy_id=step.policy_id,
        policy_name=policy.name,
        step=step.step,
        due_on=step.due_on,
        outcome=outcome,
        is_clash=step.is_clash,
        contact_id=step.contact_id,
        contact_name=step.contact_name,
        language=step.language,
        reasons=_reasons(step, outcome, policy, policy_step),
    )


def _reasons(
    step: RehearsedStep, outcome: Outcome, policy: ReminderPolicy, policy_step: ReminderPolicyStep
) -> list[str]:
    reasons = [customers_in_words(policy), step_in_words(policy_step)]
    if step.is_over:
        reasons.append(_("The contract has ended with its term."))
    if step.is_clash:
        reasons.append(_("The lawful window leaves less time to decide."))
    if words := _WORDS.get(outcome):
        reasons.append(str(words))
    return reasons


_WORDS = {
    Outcome.LATE_MAIL: gettext_lazy("Its day has passed."),
    Outcome.TOO_LATE: gettext_lazy("It is too late to decide."),
    Outcome.NOBODY: gettext_lazy("Nobody who may decide has a living address."),
    Outcome.LEFT_OUT: gettext_lazy("Another step tells of the same renewal."),
}
