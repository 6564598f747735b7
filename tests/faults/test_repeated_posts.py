"""F26: an integration repeats a POST, a hundred times at once, or after the server died over it."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from accounts.models import Task
from cxcrm.api.services import make_key
from cxcrm.base import clock
from tests.factories import AccountFactory
from tests.faults.experiment import SEED, Outcome
from tests.processes.deployment import Deployment

pytestmark = pytest.mark.faults

REPEATED = 100
LONGEST_WAIT = 60
NO_ANSWER = 0
IDEMPOTENCY_KEY = "call-K1"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    is_replayed: bool = False


class Integration:
    """A program of the company that opens a task for a customer, by a key of its own."""

    def __init__(self) -> None:
        account = AccountFactory()
        new = make_key(
            name="shop",
            scopes=["tasks:write"],
            brand_ids=None,
            requests_per_minute=10_000,
            at=clock.now(),
            actor=None,
        )
        self.key = new.text
        self.task = {
            "brand": account.brand.code,
            "account_external_id": account.external_id,
            "title": "Call back",
            "due_on": "2026-06-03",
            "pool": "service",
        }

    def post(self, address: str, *, key: str = IDEMPOTENCY_KEY, **changes: str) -> Answer:
        request = Request(  # noqa: S310 - an address of ours
            f"{address}/api/v1/tasks/",
            json.dumps(self.task | changes).encode(),
            {
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
                "Idempotency-Key": key,
            },
        )
        try:
            with urlopen(request, timeout=LONGEST_WAIT) as answer:  # noqa: S310 - as above
                return Answer(answer.status, answer.read(), "Idempotent-Replayed" in answer.headers)
        except HTTPError as error:
            return Answer(error.code, error.read())
        except (URLError, HTTPException, OSError):
            return Answer(NO_ANSWER)


def post_at_once(deployment: Deployment, *, teeth: str = "") -> tuple[Outcome, list[Answer]]:
    began_at = time.monotonic()
    integration = Integration()
    address = deployment.start_web(altered=teeth)
    with ThreadPoolExecutor(REPEATED) as pool:
        answers = list(pool.map(lambda _: integration.post(address), range(REPEATED)))
    outcome = counted("F26 at once", answers, began_at, teeth)
    if not teeth:
        # Afterwards: the same again, with another body, by another integration.
        answers.append(integration.post(address))
        answers.append(integration.post(address, title="Write"))
        integration.key = Integration().key
        answers.append(integration.post(address))
    return outcome, answers


def counted(name: str, answers: list[Answer], began_at: float, teeth: str = "") -> Outcome:
    """What was to be made once: lost, or so many copies of it too many."""
    made = Task.objects.count()
    statuses = Counter(answer.status for answer in answers)
    return Outcome(
        experiment=name,
        teeth=teeth,
        n=len(answers),
        lost=int(made == 0),
        double=max(0, made - 1),
        max_copies=made,
        unwanted=0,
        strangers=len({answer.body for answer in answers if answer.status == 201} - {b""}) - 1,
        message_ids=0,
        kills=statuses[NO_ANSWER],
        worker_exits=0,
        replaced=0,
        most_tries=len(answers),
        pages=len(answers),
        broken_pages=sum(statuses.values()) - sum(statuses[code] for code in (NO_ANSWER, 201, 409)),
        unavailable_pages=0,
        slowest_page=0,
        longest_silence=0,
        seconds=round(time.monotonic() - began_at, 1),
        seed=SEED,
        note=", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())),
    )


def test_posts_at_once_make_one_task(deployment, record):
    outcome, answers = post_at_once(deployment)

    record(outcome).keeps_the_promise(most_doubles=0)
    made = [answer for answer in answers[:REPEATED] if answer.status == 201]
    assert sum(not answer.is_replayed for answer in made) == 1
    same, other_body, other_integration = answers[REPEATED:]
    assert (same.status, same.is_replayed, same.body) == (201, True, made[0].body)
    assert other_body.status == 422
    assert (other_integration.status, other_integration.is_replayed) == (201, False)


def test_posts_at_once_without_the_guard_are_noticed(deployment, record):
    outcome, _answers = post_at_once(deployment, teeth="act-each-time")
    record(outcome)

    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=0)


@pytest.mark.parametrize(
    ("dies", "made", "is_replayed"),
    [("die-before-the-reply", 1, True), ("die-before-the-commit", 0, False)],
)
def test_post_whose_server_died_is_repeated(deployment, record, dies, made, is_replayed):
    began_at = time.monotonic()
    integration = Integration()
    answers = [integration.post(deployment.start_web(altered=dies))]
    assert (answers[0].status, Task.objects.count()) == (NO_ANSWER, made)

    address = deployment.start_web()
    answers += [integration.post(address), integration.post(address)]

    record(counted(f"F26 {dies}", answers, began_at)).keeps_the_promise(most_doubles=0)
    assert [answer.status for answer in answers] == [NO_ANSWER, 201, 201]
    assert [answer.is_replayed for answer in answers[1:]] == [is_replayed, True]


def test_post_without_the_guard_is_done_again_after_a_death(deployment, record):
    began_at = time.monotonic()
    integration = Integration()
    answers = [
        integration.post(deployment.start_web(altered=names))
        for names in ("act-each-time,die-before-the-reply", "act-each-time")
    ]
    outcome = record(counted("F26 death", answers, began_at, "act-each-time"))

    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=0)
