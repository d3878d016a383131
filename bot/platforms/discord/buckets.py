"""discord.py's bookkeeping of rate limits, for a bot that sends to thousands of channels in a few minutes."""

from __future__ import annotations

import time

import discord.http

CLEAN_EVERY = 60.0
"""Seconds between two looks for buckets that are no longer needed. They are kept for five minutes anyway."""


class HTTPClient(discord.http.HTTPClient):
    """discord.py's client, which looks for buckets to forget once in a while.

    Its own looks through all of them whenever it makes one beyond the 256th, as each new channel does: in a push to
    15,000 channels that is most of its work. Should a later version of discord.py clean up in another way, this method
    is called by nobody, and a test says so.
    """

    _cleaned = 0.0

    def _try_clear_expired_ratelimits(self) -> None:
        now = time.monotonic()
        if now - self._cleaned >= CLEAN_EVERY:
            self._cleaned = now
            super()._try_clear_expired_ratelimits()
