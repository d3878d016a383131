"""Answers of the demo, drawn again when the file that they were made of has changed.

The real bot leaves an answer as it was. Because people write an episode with its answer in view, the demo gives each
answer that only reads anew, and puts it in the place of the old one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from bot.commands import SAID, START, CommandContext, Press, Request, answered, command_named, press
from bot.commands.request import count_nothing
from bot.commands.talk import meaning_of
from bot.model.document import Document
from bot.model.i18n import Language
from bot.model.rendering import JsonObject, Rendering
from bot.model.subscription import PlatformName
from bot.platforms.discord.render import COMMAND_PREFIX
from bot.sandbox.demo.world import DemoWorld, DiscordPlace, TelegramPlace
from bot.sandbox.discord.interactions import Interaction
from bot.sandbox.discord.messages import Content
from bot.sandbox.discord.world import Message as DiscordMessage
from bot.sandbox.telegram.model import Message as TelegramMessage
from bot.sandbox.telegram.text import formatted

if TYPE_CHECKING:
    from bot.content.archive import Archive

Render: TypeAlias = "Callable[[Document], Rendering]"


async def redraw(
    world: DemoWorld, context: CommandContext, before: Archive, renders: Mapping[PlatformName, Render]
) -> None:
    """Bring every answer of the world that was made from the archive of before in line with that of the context."""
    context = dataclasses.replace(context, count=count_nothing)
    contexts = dataclasses.replace(context, archive=lambda: before), context
    for place in world.places.values():
        is_private = place.key in {"telegram-private", "discord-direct"}
        asked = _on_telegram(world, place) if isinstance(place, TelegramPlace) else _on_discord(world, place)
        # Because a question is asked in the language of the person or of the show, both are tried.
        requests = {
            (
                question.command.answer,
                Request(question.argument, place.target, language, is_private=is_private, page=question.page),
            )
            for question in asked
            if not question.command.manages
            for language in Language
        }
        for answering, request in requests:
            render = renders[place.target.platform]
            given = [(await answered(each, answering, request, render))[1] for each in contexts]
            old, new = (tuple(message.body for message in rendering.messages) for rendering in given)
            if old != new:
                _replace(world, place, old, new)


def _on_telegram(world: DemoWorld, place: TelegramPlace) -> Iterator[Press]:
    for message in place.messages:
        if not message.by_bot and message.via is None and (question := _typed(message.text)):
            yield question
    for pressed in world.telegram.presses.values():
        if pressed.message.chat is place.chat and (question := press(pressed.data)):
            yield question


def _typed(text: str) -> Press | None:
    """Return the command that a text gives, unless it may change something."""
    if not text.startswith("/"):
        is_wish = meaning_of(text) is not None or command_named(text) is not None
        return None if is_wish else Press(SAID, text, None)
    name, _, argument = text.removeprefix("/").partition(" ")
    command = command_named(name.partition("@")[0])
    # Because a start may bring a subscription back, only the segment that it opens is asked for.
    if command is START:
        return press(f"segment {argument.strip()}")
    return Press(command, argument.strip(), None) if command else None


def _on_discord(world: DemoWorld, place: DiscordPlace) -> Iterator[Press]:
    for interaction in world.discord.interactions(place.channel):
        if (question := _interacted(interaction)) is not None:
            yield question


def _interacted(interaction: Interaction) -> Press | None:
    if (custom_id := interaction.data.get("custom_id")) is not None:
        return press(str(custom_id).removeprefix(COMMAND_PREFIX))
    command = command_named(interaction.data["name"])
    values = (option["value"] for option in interaction.data.get("options", ()))
    argument = next((str(value) for value in values if not isinstance(value, bool)), "")
    return Press(command, argument, None) if command else None


def _replace(
    world: DemoWorld, place: TelegramPlace | DiscordPlace, old: tuple[JsonObject, ...], new: tuple[JsonObject, ...]
) -> None:
    """Put the new messages in the place of the old ones, wherever these stand one after the other."""
    shown: list[TelegramMessage | DiscordMessage]
    if isinstance(place, TelegramPlace):
        shown = [message for message in place.messages if message.by_bot]
    else:
        found = world.discord_messages(place)
        # Because the parts of an answer belong together, they stand together also where one came later.
        found.sort(key=lambda message: message.interaction or message.id)
        shown = [message for message in found if message.author.bot]
    at = 0
    while len(run := shown[at : at + len(old)]) == len(old):
        if not all(map(_says, run, old)):
            at += 1
            continue
        at += len(old)
        for message, body in zip(run, new, strict=False):
            _write(world, message, body)
        for message in run[len(new) :]:
            if isinstance(message, TelegramMessage):
                message.deleted = True
            else:
                message.delete()
        for body in new[len(old) :]:
            run.append(_another(world, run[-1]))
            _write(world, run[-1], body)


def _says(message: TelegramMessage | DiscordMessage, body: JsonObject) -> bool:
    if isinstance(message, TelegramMessage):
        said = formatted(body["text"], body.get("entities", ()))
        return ((message.text, message.entities), message.reply_markup) == (said, body.get("reply_markup"))
    return (message.content, message.components) == (body.get("content", ""), tuple(body.get("components", ())))


def _write(world: DemoWorld, message: TelegramMessage | DiscordMessage, body: JsonObject) -> None:
    if isinstance(message, TelegramMessage):
        message.text, message.entities = formatted(body["text"], body.get("entities", ()))
        message.link_preview_options, message.reply_markup = body.get("link_preview_options"), body.get("reply_markup")
        traffic = world.telegram.traffic
    else:
        message.shown = Content(body.get("content", ""), tuple(body.get("components", ())), message.flags)
        traffic = world.discord.traffic
    # The request that the page shows of a message is the one that the bot would make now.
    was = traffic.requests[message.request or 0]
    sent = {"data": {**was.body["data"], **body}} if "data" in was.body else body
    message.request = traffic.arrived(was.at, was.route, was.chat, {**was.body, **sent}).number


def _another(world: DemoWorld, message: TelegramMessage | DiscordMessage) -> TelegramMessage | DiscordMessage:
    """Return one more message of the answer to which the message belongs."""
    if isinstance(message, TelegramMessage):
        more = world.telegram.record(dataclasses.replace(message))
        # Because the parts of an answer stand together, this one follows the last of them.
        *others, _ = list(message.chat.history.values())
        at = others.index(message) + 1
        message.chat.history = {each.id: each for each in (*others[:at], more, *others[at:])}
        return more
    part = dataclasses.replace(message, id=world.discord.world.ids.next())
    if not message.ephemeral:
        message.channel.messages.append(part)
    for interaction in world.discord.interactions(message.channel):
        if interaction.id == message.interaction:
            interaction.followups.append(part)
    return part
