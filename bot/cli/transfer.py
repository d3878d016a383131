"""Subscriptions in a file: to keep a copy of them, or to take them to another database."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from bot.cli.console import read_input
from bot.model.document import Layout
from bot.model.problems import InvalidInputError, Problem
from bot.model.subscription import Choices, Origin, Subscription, SubscriptionState, Target
from bot.model.text import normalise_topic
from bot.platforms.registry import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from pydantic_core import ErrorDetails

_CURES = {
    "missing": "Write it, as `recap subscriptions export` does",
    "extra_forbidden": "Take it out",
    "json_invalid": "Take a file that `recap subscriptions export` has written",
    "list_type": "Take a file that `recap subscriptions export` has written",
}
_SOME_OTHER_CURE = "Write what `recap subscriptions export` would"


def _read_target(value: Any, handler: ValidatorFunctionWrapHandler) -> Target:  # noqa: ANN401 - whatever JSON holds
    del handler
    try:
        return Target.parse(str(value), PLATFORMS)
    except ValueError as error:
        raise PydanticCustomError("target", "{reason}", {"reason": str(error)}) from None


def _normalised(topics: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({name for topic in topics if (name := normalise_topic(topic))}))


class _Row(BaseModel):
    """A subscription as the file has it: who, when, and every choice."""

    model_config = ConfigDict(extra="forbid")

    target: Annotated[Target, WrapValidator(_read_target), PlainSerializer(str)]
    schedule: str
    topics: Annotated[tuple[str, ...], AfterValidator(_normalised)] = ()
    layout: Layout = Layout.DIGEST
    silent: bool = False
    publish: bool = False
    rich: bool = False
    paused_until: AwareDatetime | None = None
    origin: Origin = Origin.COMMAND

    @classmethod
    def of(cls, subscription: Subscription) -> Self:
        """The row of a subscription."""
        return cls.model_validate(
            {
                **dataclasses.asdict(subscription.choices),
                "target": str(subscription.target),
                "schedule": subscription.schedule,
                "paused_until": subscription.paused_until,
                "origin": subscription.origin,
            }
        )

    @property
    def subscription(self) -> Subscription:
        """The subscription, active: whether its platform still refuses it, the next push shows."""
        choices = {field.name: getattr(self, field.name) for field in dataclasses.fields(Choices)}
        return Subscription(
            target=self.target,
            schedule=self.schedule,
            choices=Choices(**choices),
            origin=self.origin,
            paused_until=self.paused_until,
        )


_Rows = TypeAdapter(list[_Row])


def written(subscriptions: Iterable[Subscription]) -> str:
    """The subscriptions as JSON, without those that have ended."""
    lasting = [each for each in subscriptions if each.state is not SubscriptionState.ENDED]
    rows = _Rows.dump_python([_Row.of(each) for each in lasting], mode="json")
    return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"


def read(path: Path, schedules: Collection[str]) -> list[Subscription]:
    """The subscriptions in a file, or in what is piped in.

    Raises:
        InvalidInputError: it cannot be read, or some of it cannot be used; then nothing of it is.
    """
    try:
        rows = _Rows.validate_json(read_input(path))
    except ValidationError as error:
        raise InvalidInputError(_problem(path, each) for each in error.errors(include_url=False)) from None
    cure = f"Write one of {', '.join(schedules)}"
    strange = [
        Problem(path, f"there is no schedule {row.schedule}", cure, key=f"{number}.schedule")
        for number, row in enumerate(rows, start=1)
        if row.schedule not in schedules
    ]
    if strange:
        raise InvalidInputError(strange)
    return [row.subscription for row in rows]


def _problem(path: Path, error: ErrorDetails) -> Problem:
    """What is wrong with one value. Subscriptions are counted from 1, as people do."""
    first, *rest = error["loc"] or ("",)
    number = str(first + 1) if isinstance(first, int) else first
    cure = _CURES.get(error["type"], _SOME_OTHER_CURE)
    message = error["msg"][:1].lower() + error["msg"][1:]
    return Problem(path, message, cure, key=".".join([number, *map(str, rest)]) or None)
