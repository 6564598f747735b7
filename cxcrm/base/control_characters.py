"""Characters that nobody sees, and that no text of people needs."""

import re

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LINE_BREAK = re.compile(r"[\r\n\t]")


def holds_control_character(text: str, *, has_lines: bool) -> bool:
    """Line breaks and tabs are none in a text that `has_lines`."""
    return _CONTROL_CHARACTER.search(_LINE_BREAK.sub("", text) if has_lines else text) is not None
