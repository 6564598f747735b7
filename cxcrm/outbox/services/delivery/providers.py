"""How a provider's API ends, seen through anymail."""

import structlog
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from requests import ConnectionError as RequestConnectionError
from requests import ConnectTimeout, RequestException
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, ProxyError, SSLError
from urllib3.exceptions import NewConnectionError

from cxcrm.outbox.services.delivery.answers import Answer, Verdict

logger = structlog.get_logger(__name__)

# They are about our account, our key or the address of the API, never about a mail.
_ABOUT_US = {401, 402, 403, 404, 405, 407}
_LATER = {408, 425, 429}
# A gateway gave up waiting: what stands behind it may have the mail.
_GATEWAY_TIMEOUT = 504


def ask_once(connection: BaseEmailBackend, message: EmailMessage) -> None:
    """Let a provider that knows idempotency keys take a second try for the first."""
    session = getattr(connection, "session", None)
    if session is not None:
        session.headers["Idempotency-Key"] = message.extra_headers["Message-ID"].strip("<>")


def answer_of_provider(error: AnymailError) -> Answer:
    """Sort what anymail raised. Its own words are left out, for they repeat the whole mail."""
    if isinstance(error, AnymailRecipientsRefused):
        return Answer(Verdict.PERMANENT, _text(error), address_is_dead=True)
    if not isinstance(error, AnymailAPIError):
        # Nothing went over the wire: the provider knows no such header or address.
        return Answer(
            Verdict.PERMANENT, f"{type(error).__name__}: {' '.join(map(str, error.args))}"
        )
    code = error.status_code
    if code is None:
        away = _never_left(error.__cause__)
        return Answer(Verdict.AWAY if away else Verdict.UNCERTAIN, _text(error))
    if code in _ABOUT_US:
        logger.error("provider_refuses_us", status=code)
        return Answer(Verdict.AWAY, _text(error))
    if code < 400 or code == _GATEWAY_TIMEOUT:
        return Answer(Verdict.UNCERTAIN, _text(error))
    if code >= 500 or code in _LATER:
        return Answer(Verdict.TEMPORARY, _text(error))
    return Answer(Verdict.PERMANENT, _text(error))


def _never_left(cause: BaseException | None) -> bool:
    """Whether the request cannot have reached the provider."""
    if isinstance(cause, InvalidSchema | InvalidURL | MissingSchema):
        return True
    if isinstance(cause, ConnectTimeout | ProxyError | SSLError):
        return True
    if isinstance(cause, RequestConnectionError) and cause.args:
        return isinstance(getattr(cause.args[0], "reason", None), NewConnectionError)
    return False


def _text(error: AnymailError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"{response.status_code} {response.text[:300]}"
    cause = error.__cause__
    if isinstance(cause, RequestException):
        return f"No answer from the provider: {type(cause).__name__}"
    return type(error).__name__
