"""People who have pages open while things break."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from threading import Event, Thread
from typing import Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.test import Client
from django.urls import reverse

from accounts.models import Contract, RenewalReminder
from accounts.services.decision_links import reminder_secrets
from cxcrm.base import clock
from cxcrm.outbox.models import MailAddress
from cxcrm.outbox.services.unsubscribing import preferences_url
from cxcrm.users.enums import Role
from tests.factories import UserFactory

VISITS_PER_SECOND = 10
READERS = 5
LONGEST_WAIT = 30
LOGIN = "/account/login/"
TOKEN = "x" * 32
WRONG_TRIES = 5


@dataclass(frozen=True)
class Visit:
    path: str
    status: int  # 0: no answer
    seconds: float
    may_retry: bool

    @property
    def is_unavailable(self) -> bool:
        return self.status == HTTPStatus.SERVICE_UNAVAILABLE and self.may_retry

    @property
    def is_broken(self) -> bool:
        is_error = self.status == 0 or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return is_error and not self.is_unavailable


class StayHere(HTTPRedirectHandler):
    def redirect_request(self, *arguments: object) -> None:
        return None


class Visitors:
    """An agent at the desk, a customer at the pages behind a mail's links, a stranger at the door.

    Inside the `with` block they open pages all the time; `visits` is what they got.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.visits: list[Visit] = []
        self.agent = agent_cookies()
        self.paths = paths_to_open()
        self._leaving = Event()
        self._readers = [Thread(target=self._read, args=[number]) for number in range(READERS)]

    def __enter__(self) -> Self:
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._leaving.set()
        for reader in self._readers:
            reader.join()

    def cancel(self, contract: Contract) -> Visit:
        """The agent enters a cancellation, of which the customer gets a receipt by mail."""
        received_at = clock.now() - timedelta(hours=3)
        return self.open(
            reverse("admin:accounts_contract_cancel", args=[contract.pk]),
            _form_submitted="on",
            kind="ordinary",
            received_at=f"{received_at:%Y-%m-%dT%H:%M}",
        )

    def guess_a_password(self) -> list[int]:
        """What a login answers whose password somebody guesses once too often."""
        guesses = range(WRONG_TRIES + 1)
        return [self.open(LOGIN, login="owner@example.com", password="no").status for _ in guesses]

    def open(self, path: str, **form: str) -> Visit:
        """Ask for a page, or send it a form."""
        headers = {
            "Cookie": f"{self.agent}; csrftoken={TOKEN}"
            if "/desk/" in path
            else f"csrftoken={TOKEN}"
        }
        if form:
            headers |= {"X-CSRFToken": TOKEN, "HX-Request": "true"}
        body = urlencode(form).encode() if form else None
        request = Request(f"{self.address}{path}", body, headers)  # noqa: S310 - an address of ours
        began = time.monotonic()
        try:
            with build_opener(StayHere).open(request, timeout=LONGEST_WAIT) as answer:
                answer.read()
                status, may_retry = answer.status, False
        except HTTPError as error:
            status, may_retry = error.code, "Retry-After" in error.headers
        except (URLError, OSError):
            status, may_retry = 0, False
        visit = Visit(path, status, time.monotonic() - began, may_retry)
        self.visits.append(visit)
        return visit

    def _read(self, number: int) -> None:
        while not self._leaving.wait(READERS / VISITS_PER_SECOND):
            self.open(self.paths[number % len(self.paths)])
            number += 1


def agent_cookies() -> str:
    client = Client()
    client.force_login(UserFactory(role=Role.TEAM_LEAD))
    return f"sessionid={client.cookies['sessionid'].value}"


def paths_to_open() -> Sequence[str]:
    reminder = RenewalReminder.objects.order_by("pk").first()
    address = MailAddress.objects.order_by("pk").first()
    assert reminder is not None
    assert address is not None
    return [
        LOGIN,
        urlsplit(reminder_secrets(reminder.pk)["decide_url"]).path,
        urlsplit(preferences_url(address)).path,
        reverse("admin:accounts_contract_changelist"),
        reverse("admin:operations"),
    ]
