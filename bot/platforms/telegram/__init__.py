"""Telegram, on python-telegram-bot."""

import os

# The library's documented way to opt in to durations as timedelta, which its next major version makes the only one.
os.environ.setdefault("PTB_TIMEDELTA", "true")
