"""Discord's rules for what a message may hold, from its documentation and its published API description.

What is refused is refused with the real API's error body: 50006 for a message that shows nothing, 50035 with the path
of every field that is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.discord.components import ComponentRules
from bot.sandbox.discord.errors import EMPTY_MESSAGE, ApiError, FormErrors
from bot.sandbox.discord.messages import Content, Flag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.sandbox.discord.messages import Attachment
    from bot.sandbox.discord.world import Json

MAX_CONTENT = 2000
MAX_EMBEDS = 10
MAX_EMBED_TEXT = 6000
"""Characters over all embeds of one message."""
MAX_NONCE = 25
MAX_MENTIONS = 100
"""People, or roles, that `allowed_mentions` may list."""
MENTION_KINDS = ("users", "roles", "everyone")

LEGACY_FIELDS = ("content", "embeds", "poll", "sticker_ids")
"""What a message made of components cannot have."""

SETTABLE_BY_BOT = Flag.SUPPRESS_EMBEDS | Flag.SUPPRESS_NOTIFICATIONS | Flag.COMPONENTS_V2
SETTABLE_BY_ANSWER = SETTABLE_BY_BOT | Flag.EPHEMERAL
SETTABLE_BY_EDIT = Flag.SUPPRESS_EMBEDS | Flag.COMPONENTS_V2


def compose(
    body: Mapping[str, Any], files: Sequence[Attachment], *, settable: Flag, before: Content | None = None
) -> Content:
    """What a message shows that the request makes, or that it makes of `before`.

    Flags that are not `settable` are passed over, as the real API does.

    Raises:
        ApiError: the message breaks a rule.
    """
    errors = FormErrors()
    old = before or Content()
    flags = _flags(errors, body.get("flags"), settable, old.flags)
    attachments = (*_kept(errors, body, old.attachments), *files)
    shown: Json = {"content": old.text, "embeds": old.embeds, "components": old.components, **body}
    text = errors.text(("content",), shown["content"], high=MAX_CONTENT)
    embeds = _embeds(errors, shown["embeds"])
    _check_nonce(errors, body.get("nonce"))
    _check_mentions(errors, body.get("allowed_mentions"))
    if Flag.COMPONENTS_V2 in flags:
        _check_legacy(errors, shown)
    components = shown["components"]
    filenames = {attachment.filename for attachment in attachments}
    rules = ComponentRules(errors, v2=Flag.COMPONENTS_V2 in flags, filenames=filenames)
    rules.check(list(components) if isinstance(components, tuple) else components)
    if not (text.strip() or embeds or components or attachments):
        raise ApiError(EMPTY_MESSAGE)
    return Content(text, tuple(embeds), tuple(components or ()), attachments, flags)


def _flags(errors: FormErrors, value: object, settable: Flag, old: Flag) -> Flag:
    if value is None:
        return old
    if not isinstance(value, int):
        errors.add(("flags",), "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        return old
    # An edit can neither take the components flag back nor touch a flag that it may not set.
    return (Flag(value) & settable) | (old & ~settable) | (old & Flag.COMPONENTS_V2)


def _kept(errors: FormErrors, body: Mapping[str, Any], old: Sequence[Attachment]) -> list[Attachment]:
    if body.get("attachments") is None:
        return list(old)
    listed = errors.items(("attachments",), body["attachments"], high=10)
    ids = {str(item.get("id")) for item in listed if isinstance(item, dict)}
    return [attachment for attachment in old if str(attachment.id) in ids]


def _embeds(errors: FormErrors, value: object) -> list[Json]:
    items = errors.items(("embeds",), list(value) if isinstance(value, tuple) else value, high=MAX_EMBEDS)
    embeds = [errors.mapping(("embeds", index), embed) for index, embed in enumerate(items)]
    if sum(map(_embed_length, embeds)) > MAX_EMBED_TEXT:
        errors.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {MAX_EMBED_TEXT}")
    return embeds


def _embed_length(embed: Json) -> int:
    fields = embed.get("fields") or []
    counted = [
        embed.get("title"),
        embed.get("description"),
        (embed.get("footer") or {}).get("text"),
        (embed.get("author") or {}).get("name"),
        *(field.get(key) for field in fields for key in ("name", "value")),
    ]
    return sum(len(text) for text in counted if isinstance(text, str))


def _check_nonce(errors: FormErrors, nonce: object) -> None:
    if isinstance(nonce, bool) or not isinstance(nonce, str | int | None):
        errors.add(("nonce",), "NONCE_TYPE_INVALID_TYPE", "This field must be a string or integer.")
    elif isinstance(nonce, str) and len(nonce) > MAX_NONCE:
        errors.add(("nonce",), "NONCE_TYPE_TOO_LONG", f"Must be {MAX_NONCE} or fewer characters long.")


def _check_mentions(errors: FormErrors, value: object) -> None:
    if value is None:
        return
    path = ("allowed_mentions",)
    allowed = errors.mapping(path, value)
    parse = errors.items((*path, "parse"), allowed.get("parse"), high=len(MENTION_KINDS))
    for index, kind in enumerate(parse):
        if kind not in MENTION_KINDS:
            errors.choices((*path, "parse", index), MENTION_KINDS)
    for kind in ("users", "roles"):
        ids = errors.items((*path, kind), allowed.get(kind), high=MAX_MENTIONS)
        for index, listed in enumerate(ids):
            if not str(listed).isdecimal():
                errors.add((*path, kind, index), "NUMBER_TYPE_COERCE", f'Value "{listed}" is not snowflake.')
        if ids and kind in parse:
            errors.add(
                path,
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
            )


def _check_legacy(errors: FormErrors, shown: Mapping[str, Any]) -> None:
    for field in LEGACY_FIELDS:
        if shown.get(field):
            errors.add(
                (field,),
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )
