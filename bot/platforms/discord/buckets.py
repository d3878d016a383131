"""discord.py's bookkeeping of rate limits, for a bot that sends to thousands of channels in a few minutes."""

from __future__ import annotations

import time

import discord.http

CLEAN_EVERY = 60.0
"""Seconds between two looks for buckets to forget. discord.py keeps each for five minutes anyway."""


class HTTPClient(discord.http.HTTPClient):
    """discord.py's client, which looks for old buckets once a minute.

    discord.py itself looks through all buckets for each new channel beyond the 256th, which is most of its work in a
    push to 15,000 channels. A test fails if a later version no longer calls this method.
    """

    _cleaned = 0.0

    def _try_clear_expired_ratelimits(self) -> None:
        now = time.monotonic()
        if now - self._cleaned >= CLEAN_EVERY:
            self._cleaned = now
            super()._try_clear_expired_ratelimits()
