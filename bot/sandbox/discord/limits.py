"""Discord's rate limits.

Each limit is a bucket of a route and its main parameter (channel, server or webhook), announced in `X-RateLimit`
headers. The global limit counts all requests but those about interactions. A refusal is a 429 with a `Via` header and a
JSON body; without them, clients take the 429 for a ban.
"""

import datetime as dt
import enum
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import ceil

from bot.sandbox.shared.faults import Reply
from bot.sandbox.shared.traffic import Limit, free_at

GLOBAL_LIMIT = Limit(50, 1.0)
"""Requests of one bot, interactions excepted."""
PUBLISH_ROUTE = "POST /channels/{channel_id}/messages/{message_id}/crosspost"
PUBLISH_LIMIT = Limit(10, 3600.0)
"""Published messages of one channel, shared by all publishers; only the refusal tells how long the limit lasts."""
EDITS_OF_PUBLISHED, EDITS_OF_OLD = "edits of published messages", "edits of old messages"
"""Names of the limits that hold for some edits in a channel, beside that of the route."""
OLD = dt.timedelta(hours=1)
"""The age from which the edits of a message have a limit of their own."""
_FREE_ROUTES = ("POST /interactions/*", "* /webhooks/*")


class Scope(enum.StrEnum):
    """Kinds of limit: the bot's own in one bucket, the bot's over everything, or one shared with others."""

    USER = "user"
    GLOBAL = "global"
    SHARED = "shared"


def too_many(retry_after: float, scope: Scope = Scope.USER) -> Reply:
    """Return the answer to a request that comes too soon; `retry_after` is in seconds."""
    everything = scope is Scope.GLOBAL
    whose = "The resource is" if scope is Scope.SHARED else "You are"
    body = {"message": f"{whose} being rate limited.", "retry_after": retry_after, "global": everything}
    headers = {"Via": "1.1 google", "Retry-After": str(ceil(retry_after)), "X-RateLimit-Scope": scope.value}
    if everything:
        headers["X-RateLimit-Global"] = "true"
    return Reply(429, body, headers=headers)


def banned(seconds: float) -> Reply:
    """Return the answer of the proxy in front of Discord to an address that it has banned for so long."""
    return Reply(429, "error code: 1015", "text/plain", headers={"Retry-After": str(ceil(seconds))})


@dataclass(frozen=True, slots=True)
class Bucket:
    """Limit on the routes that match a shell pattern. Unless `announced`, no header tells of the limit."""

    route: str
    limit: Limit
    scope: Scope = Scope.USER
    announced: bool = True


@dataclass(slots=True)
class _Window:
    end: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict of the limits on one request: the headers of its answer, and the refusal if it came too soon."""

    headers: dict[str, str]
    refusal: Reply | None = None


class Limits:
    """All limits. `overall` is the global one, or None; `now` returns the time in seconds since 1970."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.overall: Limit | None = GLOBAL_LIMIT
        self.buckets = [
            Bucket(PUBLISH_ROUTE, PUBLISH_LIMIT, Scope.SHARED, announced=False),
            Bucket(EDITS_OF_PUBLISHED, Limit(3, 3600.0), announced=False),
            Bucket(EDITS_OF_OLD, Limit(3, 6.0), announced=False),
        ]
        self._now = now
        self._recent: deque[float] = deque()
        self._windows: dict[tuple[Bucket, str], _Window] = {}
        self._silent_until = 0.0
        self._is_banned = False

    def silence(self, seconds: float, *, is_ban: bool = False) -> None:
        """Refuse all requests from now on for so long, by the global limit or by a ban of the address."""
        self._silent_until, self._is_banned = self._now() + seconds, is_ban

    def admit(self, route: str, place: str) -> Verdict:
        """Count one request on the route about the place, and return the verdict."""
        now = self._now()
        if (left := self._silent_until - now) > 0:
            return Verdict({}, banned(left) if self._is_banned else too_many(left, Scope.GLOBAL))
        wait = self._overall_wait(now) if not any(fnmatchcase(route, free) for free in _FREE_ROUTES) else 0.0
        if wait:
            return Verdict({}, too_many(wait, Scope.GLOBAL))
        bucket = next((bucket for bucket in self.buckets if fnmatchcase(route, bucket.route)), None)
        return Verdict({}) if bucket is None else self._bucket(bucket, place, now)

    def wait(self, name: str, place: str) -> float:
        """Count one action under the limit of that name, and return the seconds by which it comes too soon."""
        now = self._now()
        for bucket in self.buckets:
            if bucket.route == name:
                left, end = self._use(bucket, place, now)
                return 0.0 if left else end - now
        return 0.0

    def _overall_wait(self, now: float) -> float:
        if self.overall is None:
            return 0.0
        free = free_at(self._recent, self.overall, now)
        if free is not None:
            return free - now
        self._recent.append(now)
        return 0.0

    def _bucket(self, bucket: Bucket, place: str, now: float) -> Verdict:
        left, end = self._use(bucket, place, now)
        headers = _headers(bucket, max(0, left - 1), end, now) if bucket.announced else {}
        if left:
            return Verdict(headers)
        return Verdict(headers, too_many(end - now, bucket.scope))

    def _use(self, bucket: Bucket, place: str, now: float) -> tuple[int, float]:
        """Count one request, and return how many were left before it, and the end of the bucket's window."""
        window = self._windows.get((bucket, place))
        if window is None or window.end <= now:
            window = self._windows[bucket, place] = _Window(now + bucket.limit.seconds)
        left = bucket.limit.count - window.used
        window.used += bool(left)
        return left, window.end


def _headers(bucket: Bucket, remaining: int, reset: float, now: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(bucket.limit.count),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": f"{reset:.3f}",
        "X-RateLimit-Reset-After": f"{reset - now:.3f}",
        "X-RateLimit-Bucket": f"{zlib.crc32(bucket.route.encode()):08x}",
    }
