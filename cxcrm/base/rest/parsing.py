"""Reads bodies up to a bound, whatever their headers promise."""

import codecs
import json
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from cxcrm.base.rest.errors import BodyTooLarge
from cxcrm.base.written_numbers import WrittenNumber

LARGEST_BODY = 2**20
LARGEST_UPLOAD = 50 * 2**20
# Read as a whole it takes many times its size in memory, which lines do not.
LARGEST_JSON = 10 * 2**20


class BytesParser(BaseParser):
    """The body as it came, up to the bound of the view; `media_type` says what it may be."""

    largest = LARGEST_UPLOAD

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        view = (parser_context or {}).get("view")
        largest = min(self.largest, getattr(view, "largest_body", LARGEST_BODY))
        body = stream.read(largest + 1)
        if len(body) > largest:
            raise getattr(view, "body_too_large", BodyTooLarge)
        if view is not None:
            # The exact bytes tell two requests with the same Idempotency-Key apart.
            view.body = body
        return body


class NdjsonParser(BytesParser):
    """One JSON object per line; whoever takes the lines reads them one by one."""

    media_type = "application/x-ndjson"


class CsvParser(BytesParser):
    media_type = "text/csv"


class FileParser(BytesParser):
    """What the file is, its content tells."""

    media_type = "application/octet-stream"


class JsonParser(BytesParser):
    """Strict JSON: no NaN, no name twice, nothing nested deeper than Python goes."""

    media_type = "application/json"
    largest = LARGEST_JSON

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return parsed(super().parse(stream, media_type, parser_context))


class JsonAsWrittenParser(JsonParser):
    """The same with its numbers as they are written."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = BytesParser.parse(self, stream, media_type, parser_context)
        return parsed(body, parse_int=WrittenNumber, parse_float=WrittenNumber)


def parsed(body: bytes, **numbers: Any) -> Any:
    """What the bytes of a body say as JSON. Raises ParseError. `numbers`: what they become, as
    `json.loads` takes it."""
    try:
        read = json.loads(
            codecs.decode(body, "utf-8-sig"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_once_each,
            **numbers,
        )
        if b"\\u" in body:
            # Only an escape can name half a character, which no answer could repeat.
            json.dumps(read, ensure_ascii=False).encode()
        return read
    except (ValueError, RecursionError):
        raise ParseError(_("The body is no JSON.")) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError
    return read
