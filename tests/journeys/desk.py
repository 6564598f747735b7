import re
from http.cookiejar import Cookie, CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from django.test import Client

from cxcrm.users.enums import Role
from tests.factories import UserFactory

BOUNDARY = "----a-line-that-no-file-has"


class Desk:
    """A manager's browser without a window."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.user = UserFactory(role=Role.CX_MANAGER)
        signed_in = Client()
        signed_in.force_login(self.user)
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
