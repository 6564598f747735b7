#!/usr/bin/env python
"""Run one of cxcrm's commands; `manage.py help` lists them."""

import os
import sys

from cxcrm.embedded import EmbeddedError, servers_for_command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxcrm.settings")
    try:
        with servers_for_command(sys.argv):
            from django.core.management import execute_from_command_line

            execute_from_command_line(sys.argv)
    except EmbeddedError as error:
        sys.exit(f"cxcrm: {error}")


if __name__ == "__main__":
    main()
