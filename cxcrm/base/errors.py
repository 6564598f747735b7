from django.utils.functional import Promise


class DomainError(Exception):
    """A refusal with a reason that may be shown to the person who asked.

    Subclasses stand beside the function that raises them. `field` names the input at fault,
    where there is one. Whoever raises it has written nothing.
    """

    code = "refused"

    def __init__(self, message: str | Promise, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return str(self.message)


class Taken(DomainError):
    """Something else bears this number, code or name already: REST answers 409, and an upsert
    looks again."""
