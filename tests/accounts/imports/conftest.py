from pathlib import Path

import pytest

from tests.accounts.imports.feeds import take_in, write_feed
from tests.factories import BrandFactory


@pytest.fixture
def brand():
    return BrandFactory(code="web")


@pytest.fixture
def feed(tmp_path) -> Path:
    return tmp_path / "feed.csv"


@pytest.fixture
def take_in_rows(brand, feed):
    """Write rows as a feed and take it in."""

    def take(*rows, **options):
        return take_in(write_feed(feed, *rows), **options)

    return take


@pytest.fixture
def take_in_text(brand, feed):
    """Write text or bytes as a feed and take it in."""

    def take(content: str | bytes, **options):
        feed.write_bytes(content.encode() if isinstance(content, str) else content)
        return take_in(feed, **options)

    return take
