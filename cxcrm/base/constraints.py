from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from cxcrm.base.errors import Taken


@contextmanager
def once(constraint: str, otherwise: Taken) -> Iterator[None]:
    """Raises `otherwise` where what is written inside breaks this unique constraint, and undoes
    it. To look before writing would miss what others write at the same moment."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if broken_constraint(error) == constraint:
            raise otherwise from None
        raise


def broken_constraint(error: IntegrityError) -> str | None:
    """The name of the constraint, as PostgreSQL tells it."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None)
