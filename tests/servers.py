"""A pytest plugin, loaded before Django's settings: the servers that the tests run on.

They are those that the environment names, else embedded ones with a data directory of their own,
which stop when the last test run is over.
"""

import os
from contextlib import ExitStack
from pathlib import Path

from cxcrm.embedded import use_servers

REPOSITORY = Path(__file__).resolve().parents[1]
VAR = REPOSITORY / "var" / "test"

_until_exit = ExitStack()

if not {"DATABASE_URL", "REDIS_URL"} <= os.environ.keys():
    servers = _until_exit.enter_context(use_servers(VAR))
    os.environ.setdefault("DATABASE_URL", servers.database_url)
    os.environ.setdefault("REDIS_URL", servers.redis_url)

os.environ |= {
    "CXCRM_VAR": str(VAR),
    "CXCRM_SECRET_KEY": "only-for-tests-" + "x" * 50,
    "CXCRM_TEST_MODE": "1",
    "CXCRM_DEMO": "0",
    "CXCRM_HTTPS": "0",
    "CXCRM_REQUIRE_MFA": "0",
    "CXCRM_MAIL_DOMAIN": "mail.test",
    # No test depends on the hour at which it runs; those about quiet hours set them.
    "CXCRM_QUIET_HOURS": "",
    # Threads of their own would not see the rows of a test that commits nothing.
    "CXCRM_MAIL_CONNECTIONS": "1",
    # Playwright runs its own event loop in the thread of the tests.
    "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
}
