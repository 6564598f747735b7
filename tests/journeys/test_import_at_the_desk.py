"""A file uploaded through a real web process is imported by a real worker, also by the second one
where the first is killed in the middle; meanwhile nobody sees a row of it."""

import re
from http.cookiejar import Cookie, CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import pytest
from django.db import connection
from django.test import Client

from accounts.enums import ImportState
from accounts.models import Account, Contract, ImportChunk, ImportRun, TimelineEvent
from cxcrm.users.enums import Role
from tests.accounts.imports.feeds import row, write_feed
from tests.factories import BrandFactory, UserFactory
from tests.processes.process import wait_until

BOUNDARY = "----a-line-that-no-file-has"
CONTRACTS = 300


class Desk:
    """A manager's browser without a window."""

    def __init__(self, address: str) -> None:
        self.address = address
        signed_in = Client()
        signed_in.force_login(UserFactory(role=Role.CX_MANAGER))
        jar = CookieJar()
        jar.set_cookie(cookie("sessionid", signed_in.cookies["sessionid"].value))
        self.opener: OpenerDirector = build_opener(HTTPCookieProcessor(jar))

    def get(self, path: str) -> str:
        return self._open(Request(self.address + path))  # noqa: S310 - an address of ours

    def post(self, path: str, fields: dict[str, str], *, form: str) -> str:
        """Send what stands on the page `form`, with its token."""
        body = urlencode(fields | {"csrfmiddlewaretoken": self._token(form)}).encode()
        return self._open(Request(self.address + path, body))  # noqa: S310 - an address of ours

    def upload(self, path: str, fields: dict[str, str], file: bytes) -> str:
        parts = fields | {"csrfmiddlewaretoken": self._token(path)}
        body = "".join(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in parts.items()
        )
        body += (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="feed.csv"'
            "\r\nContent-Type: text/csv\r\n\r\n"
        )
        content = body.encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()
        return self._open(
            Request(  # noqa: S310 - an address of ours
                self.address + path,
                content,
                {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
            )
        )

    def _token(self, path: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))
        assert found
        return found[1]

    def _open(self, request: Request) -> str:
        with self.opener.open(request, timeout=30) as answer:
            return answer.read().decode()


def cookie(name: str, value: str) -> Cookie:
    return Cookie(
        version=0,
        name=name,
        value=value,
        port=None,
        port_specified=False,
        domain="127.0.0.1",
        domain_specified=False,
        domain_initial_dot=False,
        path="/",
        path_specified=True,
        secure=False,
        expires=None,
        discard=True,
        comment=None,
        comment_url=None,
        rest={},
    )


@pytest.fixture
def desk(deployment) -> Desk:
    deployment.environment["CXCRM_LOCK_TIMEOUT_MS"] = "60000"
    return Desk(deployment.start_web())


def upload(desk: Desk, tmp_path) -> ImportRun:
    brand = BrandFactory(code="web")
    feed = write_feed(
        tmp_path / "feed.csv",
        *(
            row(
                account_number=f"K{number}",
                account_name=f"Firma {number}",
                contact_number=f"P{number}",
                contact_address=f"p{number}@brot.example",
                contract_number=f"V{number}",
            )
            for number in range(CONTRACTS)
        ),
    )
    shown = desk.upload(
        "/desk/accounts/importrun/upload/",
        {"kind": "contracts", "as_of": "2026-06-01", "brand": str(brand.pk), "mapping": "standard"},
        feed.read_bytes(),
    )
    assert "What the columns mean" in shown
    return ImportRun.objects.get()


def state_of(run: ImportRun) -> str:
    return ImportRun.objects.values_list("state", flat=True).get(pk=run.pk)


def test_upload_is_imported_by_a_worker_and_the_page_shows_it_done(deployment, desk, tmp_path):
    deployment.start_worker()
    run = upload(desk, tmp_path)
    start = f"/desk/accounts/importrun/{run.pk}/start/"

    desk.post(start, {}, form=start)
    wait_until(lambda: state_of(run) == ImportState.DONE, 60, "the end of the import")

    page = desk.get(f"/desk/accounts/importrun/{run.pk}/change/")
    assert "What the import has done" in page
    assert Contract.objects.count() == CONTRACTS
    # The worker removes the file after the import is committed.
    wait_until(lambda: not ImportChunk.objects.exists(), 10, "the end of the file")


def test_import_whose_worker_is_killed_is_completed_without_doubles(deployment, desk, tmp_path):
    worker = deployment.start_worker()
    deployment.start_beat()
    run = upload(desk, tmp_path)
    start = f"/desk/accounts/importrun/{run.pk}/start/"

    with connection.cursor() as cursor:
        # The import comes as far as the contracts and waits there: accounts are written by then.
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE accounts_contract IN SHARE MODE")
        desk.post(start, {}, form=start)
        wait_until(lambda: at_contracts(desk, run), 60, "the import at its contracts")
        accounts_seen = desk.get("/desk/accounts/account/?q=Firma")
        worker.kill()
        cursor.execute("COMMIT")

    assert "Firma 299" not in accounts_seen
    wait_until(lambda: state_of(run) == ImportState.DONE, 90, "the end of the import")
    assert Account.objects.count() == Contract.objects.count() == CONTRACTS
    assert TimelineEvent.objects.filter(kind="contract_added").count() == CONTRACTS
    assert "Firma 299" in desk.get("/desk/accounts/account/?q=Firma")
    run.refresh_from_db()
    assert (run.attempts, run.rows_read, run.rows_refused) == (2, CONTRACTS, 0)


def at_contracts(desk: Desk, run: ImportRun) -> bool:
    return "Writing contracts" in desk.get(f"/desk/accounts/importrun/{run.pk}/progress/")
