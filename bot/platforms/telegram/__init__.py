"""Telegram, on python-telegram-bot."""

import os

from bot.model.subscription import PlatformName

NAME = PlatformName("telegram")

# The library's documented way to opt in to durations as timedelta, which its next major version makes the only one.
os.environ.setdefault("PTB_TIMEDELTA", "true")
