"""Who changed what in a reminder policy and its steps."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import ReminderPolicy, ReminderPolicyStep
from accounts.selectors.changes import EMPTY, LISTED, Change, author_id, changes_of
from accounts.selectors.policy_words import step_in_words
from cxcrm.users.models import User


def changes_of_policy(policy: ReminderPolicy) -> list[Change]:
    """What the newest writes changed, newest first; each step reads as the desk words it.

    The steps that it began with are no change.
    """
    changes = changes_of(policy) + list(_changes_of_steps(policy))
    return sorted(changes, key=lambda change: change.at, reverse=True)[:LISTED]


def _changes_of_steps(policy: ReminderPolicy) -> Iterator[Change]:
    step_model: Any = ReminderPolicyStep
    history = step_model.pgh_event_model
    events = list(
        history.objects.filter(policy_id=policy.pk).select_related("pgh_context").order_by("pgh_id")
    )
    people = User.objects.in_bulk({author_id(event) for event in events} - {None})
    now = {step.pk: step for step in policy.steps.all()}
    of_step: dict[int, list[Any]] = defaultdict(list)
    for event in events:
        of_step[event.pgh_obj_id].append(event)
    began_at = events[0].pgh_created_at if events else None
    for step_id, writes in of_step.items():
        for write, following in zip(writes, [*writes[1:], now.get(step_id)], strict=True):
            if write.pgh_label == "insert" and write.pgh_created_at == began_at:
                continue
            before, after = _words(write, following)
            yield Change(
                at=write.pgh_created_at,
                by=people.get(author_id(write)),
                field=_("step %(number)d") % {"number": write.number},
                before=before,
                after=after,
            )


def _words(write: Any, following: Any) -> tuple[str, str]:
    """Before and after a write: the history keeps what was before, but of an insertion."""
    match write.pgh_label:
        case "insert":
            return EMPTY, step_in_words(write)
        case "delete":
            return step_in_words(write), EMPTY
    return step_in_words(write), step_in_words(following)
