from pathlib import Path

from tests.servers import REPOSITORY

PACKAGES = ["cxcrm", "accounts", "loyalty", "consultants", "surveys"]


def python_sources() -> list[Path]:
    """The product's modules, without migrations."""
    return [
        path
        for package in PACKAGES
        for path in sorted((REPOSITORY / package).rglob("*.py"))
        if "migrations" not in path.parts
    ]
