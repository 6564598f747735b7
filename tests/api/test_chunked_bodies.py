"""A body that comes in chunks says of no length how long it is: no server hands it on."""

import http.client
from urllib.parse import urlsplit

import pytest

from cxcrm.api.services import make_key
from cxcrm.base import clock
from tests.factories import AccountFactory

CHUNKED = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}


@pytest.fixture
def send(deployment):
    """Send a body in chunks through gunicorn."""
    scopes = ["customers:write", "customers:import"]
    key = make_key(name="billing", scopes=scopes, brand_ids=None, at=clock.now(), actor=None)
    server = urlsplit(deployment.start_web()).netloc
    headers = {"Authorization": f"Bearer {key.text}", "Idempotency-Key": "once", **CHUNKED}

    def send(method: str, path: str, *chunks: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(server, timeout=30)
        connection.request(method, path, iter(chunks), headers, encode_chunked=True)
        response = connection.getresponse()
        return response.status, response.read()

    return send


def test_body_in_chunks_is_refused_and_never_taken_for_none(send):
    account = AccountFactory(name="Before")
    whole = b'{"name": "After"}'

    for method, path, chunks in [
        ("PATCH", f"/api/v1/accounts/{account.pk}/", [whole]),
        ("PATCH", f"/api/v1/accounts/{account.pk}/", [whole[:5], whole[5:]]),
        ("PUT", "/api/v1/accounts/", [whole]),
        ("POST", "/api/v1/accounts/bulk/", [b'{"rows": []}']),
    ]:
        status, body = send(method, path, *chunks)
        assert (status, b'"length_required"' in body) == (411, True), (method, path)

    account.refresh_from_db()
    assert account.name == "Before"
