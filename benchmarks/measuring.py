"""Asking the product for its work without leaving a trace."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.db import transaction
from django.test import Client

from benchmarks import sql
from cxcrm.users.models import User


def measured_day() -> date:
    """The day that the data were made for: nothing that is due on it is done."""
    origin = sql.origin()
    if not origin:
        sys.exit("This database is not one that `make bench-data` has filled.")
    print(f"{sql.server()}\nData: {origin}")
    return date.fromisoformat(json.loads(origin)["day"])


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def agent() -> Client:
    """An agent who may see everything, signed in."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.get(is_superuser=True))
    return client
