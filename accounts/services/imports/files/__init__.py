"""Reads a feed as rows of cells: CSV, JSON lines or XLSX, told apart by what is in the file."""

from accounts.services.imports.files.opening import open_feed
from accounts.services.imports.files.rows import Feed, FeedRefused, Row

__all__ = ["Feed", "FeedRefused", "Row", "open_feed"]
