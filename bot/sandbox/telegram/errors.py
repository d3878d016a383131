"""Refusals of the Bot API: code, words and parameters of the Bot API server's sources."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json


class ApiError(Exception):
    """Refusal by the server. `parameters` are the machine-readable part (`retry_after`, `migrate_to_chat_id`)."""

    def __init__(self, code: int, description: str, **parameters: float) -> None:
        super().__init__(description)
        self.code = code
        self.parameters = parameters

    def body(self) -> Json:
        """Return the JSON of the answer."""
        body: Json = {"ok": False, "error_code": self.code, "description": str(self)}
        return body | {"parameters": self.parameters} if self.parameters else body


def bad_request(reason: str, **parameters: float) -> ApiError:
    """Return a 400; the server lowers the first letter of a sentence, not of a code such as `TOPIC_CLOSED`."""
    if not (reason[1].isupper() or reason[1] == "_"):
        reason = reason[0].lower() + reason[1:]
    return ApiError(HTTPStatus.BAD_REQUEST, f"Bad Request: {reason}", **parameters)


def forbidden(reason: str) -> ApiError:
    """Return a 403."""
    return ApiError(HTTPStatus.FORBIDDEN, f"Forbidden: {reason}")


def too_many_requests(seconds: float) -> ApiError:
    """Return a 429 that asks to wait; the real server asks for whole seconds only."""
    pause = int(seconds) if seconds == int(seconds) else seconds
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, f"Too Many Requests: retry after {pause}", retry_after=pause)
