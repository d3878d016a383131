"""Words of a config that a message may show: not those that may be a token."""

import re

HIDDEN = "[hidden]"
_LIKE_A_TOKEN = re.compile(r"(?<!\d)\d{3,}:[\w-]{3,}|(?<![\w:.-])(?=[\w:.-]*\d)[\w:.-]{20,}")
"""A Telegram token, or a long run with a digit, as all tokens are. No key of the settings' own is one."""


def shown(words: str) -> str:
    """Return words that somebody wrote, without those that may be a token."""
    return _LIKE_A_TOKEN.sub(HIDDEN, words)
