"""What can be done to many rows at once. The apps above register their deeds when they start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cxcrm.base.errors import DomainError

_deeds: dict[str, "Deed"] = {}


class UnknownDeed(DomainError):
    code = "unknown_deed"


class NotThere(DomainError):
    code = "not_there"


@dataclass(frozen=True)
class Outcome:
    """What became of each id that a `_many` service was given: done, or refused and why."""

    done: list[int] = field(default_factory=list)
    refused: dict[int, DomainError] = field(default_factory=dict)

    def raise_refusal_of(self, subject_id: int) -> None:
        """For the service that does the same to one row: raises its refusal."""
        if subject_id in self.refused:
            raise self.refused[subject_id]


@dataclass(frozen=True)
class Deed:
    """`act(ids=, at=, actor=, **parameters)` does it to up to 1,000 rows of `model` in the
    caller's transaction, as far as it can. `permission` is what the actor needs, asked again for
    each chunk; the parameters are JSON.
    """

    name: str
    label: str | Promise
    model: str
    permission: str
    act: Callable[..., Outcome]


def register_deed(deed: Deed) -> None:
    if deed.name in _deeds:
        raise ValueError(f"The deed {deed.name} is registered already.")
    _deeds[deed.name] = deed


def deed_named(name: str) -> Deed:
    """The deed of this name; raises UnknownDeed."""
    try:
        return _deeds[name]
    except KeyError:
        raise UnknownDeed(_("This bulk action does not exist any more.")) from None


def sorted_out(ids: Sequence[int], refusals: Mapping[int, DomainError | None]) -> Outcome:
    """The outcome for `ids`, where `refusals` has None for each row that may be done and none at
    all for those that do not exist."""
    outcome = Outcome()
    for subject_id in ids:
        refusal = refusals.get(subject_id, NotThere(_("It does not exist any more.")))
        if refusal is None:
            outcome.done.append(subject_id)
        else:
            outcome.refused[subject_id] = refusal
    return outcome
