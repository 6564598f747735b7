"""Reads a feed as rows of cells: CSV, JSON lines or XLSX, told apart by what is in the file."""

from accounts.services.imports.files.opening import open_feed, refuse_large_unpacked
from accounts.services.imports.files.rows import EnoughRead, Feed, FeedRefused, Row

__all__ = ["EnoughRead", "Feed", "FeedRefused", "Row", "open_feed", "refuse_large_unpacked"]
