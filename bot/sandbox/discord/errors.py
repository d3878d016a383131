"""Discord's refusals: status, code and words as its API writes them, and the nested form errors of code 50035.

Codes and words come from Discord's published list of JSON error codes and from reported answers. Where no report shows
the word of a field's error, the word is invented in Discord's manner: rely on the code 50035 and the field's path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of error answer."""

    status: int
    code: int
    message: str


UNAUTHORISED = Refusal(401, 0, "401: Unauthorized")
NOT_FOUND = Refusal(404, 0, "404: Not Found")
METHOD_NOT_ALLOWED = Refusal(405, 0, "405: Method Not Allowed")
INTERNAL_ERROR = Refusal(500, 0, "500: Internal Server Error")

UNKNOWN_CHANNEL = Refusal(404, 10003, "Unknown Channel")
UNKNOWN_GUILD = Refusal(404, 10004, "Unknown Guild")
UNKNOWN_MEMBER = Refusal(404, 10007, "Unknown Member")
UNKNOWN_MESSAGE = Refusal(404, 10008, "Unknown Message")
UNKNOWN_WEBHOOK = Refusal(404, 10015, "Unknown Webhook")
UNKNOWN_INTERACTION = Refusal(404, 10062, "Unknown interaction")
UNKNOWN_TAG = Refusal(404, 10087, "Unknown Tag")
TOO_MANY_COMMANDS = Refusal(400, 30032, "Maximum number of application commands reached (100)")
ALREADY_PUBLISHED = Refusal(400, 40033, "This message has already been crossposted.")
ALREADY_ANSWERED = Refusal(400, 40060, "Interaction has already been acknowledged.")
TOO_MANY_PINNED = Refusal(400, 30047, "Maximum number of pinned threads in a forum channel has been reached")
TAG_REQUIRED = Refusal(400, 40067, "A tag is required to create a forum post in this channel")
TOO_MANY_FOLLOW_UPS = Refusal(400, 40094, "This interaction has hit the maximum number of follow up messages")
MISSING_ACCESS = Refusal(403, 50001, "Missing Access")
EMPTY_MESSAGE = Refusal(400, 50006, "Cannot send an empty message")
CANNOT_DM = Refusal(403, 50007, "Cannot send messages to this user")
NOT_A_TEXT_CHANNEL = Refusal(400, 50008, "Cannot send messages in a non-text channel")
MISSING_PERMISSIONS = Refusal(403, 50013, "Missing Permissions")
WRONG_CHANNEL_TYPE = Refusal(400, 50024, "Cannot execute action on this channel type")
INVALID_WEBHOOK_TOKEN = Refusal(401, 50027, "Invalid Webhook Token")
INVALID_RECIPIENT = Refusal(400, 50033, "Invalid Recipient(s)")
INVALID_FORM = Refusal(400, 50035, "Invalid Form Body")
THREAD_ARCHIVED = Refusal(400, 50083, "Thread is archived")
NO_SHARED_GUILD = Refusal(403, 50278, "Cannot send messages to this user due to having no mutual guilds")
TOO_MANY_EDITS_OF_PUBLISHED = Refusal(429, 20028, "The channel you are writing has hit the write rate limit.")
TOO_MANY_EDITS_OF_OLD = Refusal(
    429, 30046, "Maximum number of edits to messages older than 1 hour reached. Try again later"
)
INVALID_JSON = Refusal(400, 50109, "The request body contains invalid JSON.")
THREAD_LOCKED = Refusal(403, 160005, "This thread is locked")


class ApiError(Exception):
    """Refusal of a request, with the errors of single fields if the form was wrong, or the seconds to wait."""

    def __init__(self, refusal: Refusal, errors: dict[str, Any] | None = None, retry_after: float = 0.0) -> None:
        super().__init__(f"{refusal.status} {refusal.message} ({refusal.code})")
        self.refusal = refusal
        self.errors = errors
        self.retry_after = retry_after

    def under(self, field: str) -> ApiError:
        """Return the same error for a form that is a field of another form."""
        return ApiError(self.refusal, {field: self.errors} if self.errors else None)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        body: dict[str, Any] = {"message": self.refusal.message, "code": self.refusal.code}
        if self.errors:
            body["errors"] = self.errors
        if self.retry_after:
            body["retry_after"] = self.retry_after
        return body


class FormErrors:
    """Errors of one form, nested by the paths of the fields as Discord nests them."""

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}

    def add(self, path: Path, code: str, message: str) -> None:
        """Add one error of the field at the path."""
        node = self._tree
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def required(self, path: Path) -> None:
        """Add that the field is missing."""
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required")

    def choices(self, path: Path, allowed: Sequence[object]) -> None:
        """Add that the field's value is not an allowed one."""
        self.add(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{', '.join(map(str, allowed))}}}.")

    def raise_if_any(self) -> None:
        """Refuse the form if it has an error.

        Raises:
            ApiError: 50035 with all errors.
        """
        if self._tree:
            raise ApiError(INVALID_FORM, self._tree)

    def text(self, path: Path, value: object, *, low: int = 0, high: int) -> str:
        """Return the value if it is text of `low` to `high` characters; else add an error."""
        if value is None:
            if low:
                self.required(path)
            return ""
        if not isinstance(value, str):
            self.add(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return ""
        self.length(path, len(value), low=low, high=high)
        return value

    def items(self, path: Path, value: object, *, low: int = 0, high: int) -> list[Any]:
        """Return the value if it is a list of `low` to `high` items; else add an error."""
        if value is None:
            if low:
                self.required(path)
            return []
        if not isinstance(value, list):
            self.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        self.length(path, len(value), low=low, high=high)
        return value

    def mapping(self, path: Path, value: object) -> dict[str, Any]:
        """Return the value if it is an object; else add an error and return an empty object."""
        if value is None:
            self.required(path)
        elif not isinstance(value, dict):
            self.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        else:
            return value
        return {}

    def length(self, path: Path, length: int, *, low: int = 0, high: int) -> None:
        """Add an error if the length is out of bounds."""
        if low <= length <= high:
            return
        if low:
            self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        else:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
