"""`python -m benchmarks data|run|mail|explain`, on a database that they have to themselves.

It is `cxcrm_bench` on the server that DATABASE_URL names, else on the embedded one.
"""

import argparse
import sys
from datetime import date
from importlib import import_module

import psycopg
from django.db import OperationalError

from benchmarks.database import bench_database
from cxcrm.embedded import EmbeddedError


def main() -> None:
    arguments = _parser().parse_args()
    try:
        with bench_database(
            url=arguments.database_url,
            make=arguments.command == "data",
            drop=getattr(arguments, "drop", False),
        ):
            # These import models, which need Django to be set up.
            import_module(f"benchmarks.{arguments.command}").main(arguments)
    except EmbeddedError as error:
        sys.exit(f"cxcrm: {error}")
    except (psycopg.OperationalError, OperationalError) as error:
        sys.exit(f"{error}\nIs there a database to measure? `make bench-data` makes one.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--database-url", help="another database, used as it is")
    commands = parser.add_subparsers(dest="command", required=True)

    data = commands.add_parser("data", help="fill an empty database with made-up customers")
    data.add_argument("--scale", type=float, default=0.1, help="1 is 8.45 million contracts")
    data.add_argument("--seed", type=int, default=7)
    data.add_argument(
        "--day", type=date.fromisoformat, help="the first day that nothing is done of; today"
    )
    data.add_argument("--drop", action="store_true", help="drop cxcrm_bench first")

    run = commands.add_parser("run", help="measure, always beside what plain SQL needs")
    run.add_argument("--rounds", type=int, default=5)
    run.add_argument("--only", choices=["work", "import", "lists", "api"])

    mail = commands.add_parser(
        "mail", help="send reminders to a sink, beside a loop without records"
    )
    mail.add_argument("--mails", type=int, default=100_000, help="of each way, in all rounds")
    mail.add_argument("--rounds", type=int, default=5)
    mail.add_argument("--connections", type=int, default=1, help="of each process")

    explain = commands.add_parser(
        "explain", help="print the plans of the same work, lists and calls"
    )
    explain.add_argument("--only", choices=["work", "lists", "api"])
    return parser


if __name__ == "__main__":
    main()
