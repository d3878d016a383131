"""The refusals of the Bot API: code, words and parameters as the Bot API server's sources have them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.telegram.model import Json


class ApiError(Exception):
    """The server refuses. `parameters` are the machine-readable part (`retry_after`, `migrate_to_chat_id`)."""

    def __init__(self, code: int, description: str, **parameters: float) -> None:
        super().__init__(description)
        self.code = code
        self.parameters = parameters

    def body(self) -> Json:
        """The answer's JSON."""
        body: Json = {"ok": False, "error_code": self.code, "description": str(self)}
        return body | {"parameters": self.parameters} if self.parameters else body


def bad_request(reason: str, **parameters: float) -> ApiError:
    """A 400. The server lowers the first letter of a sentence, not of a code such as `TOPIC_CLOSED`."""
    if not (reason[1].isupper() or reason[1] == "_"):
        reason = reason[0].lower() + reason[1:]
    return ApiError(HTTPStatus.BAD_REQUEST, f"Bad Request: {reason}", **parameters)


def forbidden(reason: str) -> ApiError:
    """A 403."""
    return ApiError(HTTPStatus.FORBIDDEN, f"Forbidden: {reason}")


def conflict(reason: str) -> ApiError:
    """A 409."""
    return ApiError(HTTPStatus.CONFLICT, f"Conflict: {reason}")


def too_many_requests(seconds: float) -> ApiError:
    """A 429 that asks to wait. The real server gives whole seconds only."""
    pause = int(seconds) if seconds == int(seconds) else seconds
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, f"Too Many Requests: retry after {pause}", retry_after=pause)
