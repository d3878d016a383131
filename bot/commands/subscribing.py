"""`/subscribe` and `/unsubscribe`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.commands.request import BUTTON_MAX, Answer, Obstacle, notice
from bot.commands.topics import parse_topics, unknown_topic
from bot.model.document import CommandButton, Document, Layout, LinkButton, Note, Paragraph, Section, Span, Style
from bot.model.i18n import gettext_noop
from bot.model.subscription import Origin, Subscription, SubscriptionState
from bot.model.text import shortened

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request
    from bot.model.i18n import Words

LONGEST_PLACE = 40
"""Characters of a place's name in a toast, of the 200 that Telegram shows over a chat."""


async def subscribe(context: CommandContext, request: Request) -> Answer:
    """Subscribe the chat from the next push on, to everything or to some topics."""
    if refusal := not_allowed(request) or not_possible(request):
        return refusal
    async with context.changing:
        current = await _current(context, request)
        held = {topic for each in current for topic in each.choices.topics}
        topics, unknown = parse_topics(context.archive(), request.argument, held)
        if unknown:
            meant = functools.partial(_corrected, request.argument, unknown)
            return unknown_topic(context, request, unknown, "subscribe", meant)
        chosen = [dataclasses.replace(active(each, topics=topics), paused_until=None) for each in current]
        return _confirmation(context, request, await saved(context, request, chosen))


async def again(context: CommandContext, request: Request) -> Answer:
    """Take up the last subscription of the chat with every choice that it had."""
    if refusal := not_allowed(request) or not_possible(request):
        return refusal
    async with context.changing:
        chosen = [active(each) for each in await _current(context, request)]
        return _confirmation(context, request, await saved(context, request, chosen))


async def saved(context: CommandContext, request: Request, chosen: Sequence[Subscription]) -> list[Subscription]:
    """Save the subscriptions, and return those that the database then has."""
    for subscription in chosen:
        await context.subscriptions.save(dataclasses.replace(subscription, is_private=request.is_private))
    return await context.subscriptions.of(request.target)


async def would_get(context: CommandContext, request: Request) -> list[Subscription]:
    """Return the subscriptions of the chat; without any, the one that `/subscribe` would make."""
    return await context.subscriptions.of(request.target) or [Subscription(request.target, context.schedules[0])]


def active(subscription: Subscription, **choices: object) -> Subscription:
    """Return the subscription as active and with these choices: a person who acts in a chat proves that it is there."""
    chosen = dataclasses.replace(subscription.choices, **choices)  # type: ignore[arg-type] # the names and types are those of `Choices`
    return dataclasses.replace(subscription, choices=chosen, state=SubscriptionState.ACTIVE, reason="")


async def _current(context: CommandContext, request: Request) -> list[Subscription]:
    """Return the subscriptions of the chat; else its last one, to be taken up again; else that of a newcomer."""
    if current := await context.subscriptions.of(request.target):
        return current
    last = await context.subscriptions.last_ended(request.target)
    default = context.schedules[0]
    if last is None:
        return [Subscription(request.target, default)]
    schedule = last.schedule if last.schedule in context.schedules else default
    return [dataclasses.replace(last, schedule=schedule, origin=Origin.COMMAND)]


def _corrected(typed: str, wrong: str, right: str) -> str:
    """Return the typed topics with the wrong one put right; the right one alone if a button cannot carry them all."""
    topics = " ".join(right if word == wrong else word for word in re.split(r"[\s,;]+", typed))
    return topics if len(topics.encode()) <= BUTTON_MAX else right


async def unsubscribe(context: CommandContext, request: Request) -> Answer:
    """End the subscriptions of the chat at once."""
    if refusal := not_allowed(request):
        return refusal
    async with context.changing:
        has_ended = await context.subscriptions.end(request.target, "unsubscribed")
    return farewell(request) if has_ended else nothing_here(request)


async def in_private(context: CommandContext, request: Request) -> Answer:
    """Show the way to a private chat with the bot, to a person who reads the recap in a channel."""
    del context
    sentence = request.words.gettext("In a private chat with me, you choose your own subjects, and when they come.")
    return notice(sentence, *_to_private_chat(request))


def _to_private_chat(request: Request) -> list[LinkButton]:
    """Return the button to a private chat with the bot, on platforms that tell its address."""
    label = request.words.gettext("Write to me in private")
    return [LinkButton(label, request.private_chat)] if request.private_chat else []


def farewell(request: Request) -> Answer:
    """Say that the subscriptions have ended; a button brings them back as they were."""
    _ = request.words.gettext
    gone = _("It is done. You will receive nothing more here. /latest and the other commands still work.")
    return notice(gone, CommandButton(_("Subscribe again"), "again"))


def nothing_here(request: Request) -> Answer:
    """Say that there is no subscription, with a button that makes one."""
    _ = request.words.gettext
    return notice(_("There is no subscription here."), CommandButton(_("Subscribe"), "subscribe"))


def not_allowed(request: Request) -> Answer | None:
    """Return a friendly refusal if the person may not change the subscription of this place."""
    _ = request.words.gettext
    if request.obstacle is Obstacle.GUEST:
        sentence = _("I am only a guest here and cannot bring the recap. In a private chat with me, I can!")
    elif request.may_manage is None:
        sentence = _(
            "I cannot find out right now whether you are an admin here. Try again in a moment; if it stays so, make me "
            "an admin too."
        )
    elif not request.may_manage:
        sentence = _("Here only the admins choose the subscription. In a private chat with me, you choose your own!")
    else:
        return None
    return dataclasses.replace(notice(sentence, *_to_private_chat(request)), toast=sentence)


def not_possible(request: Request) -> Answer | None:
    """Return what the admins must change first, if a push could not come here now."""
    return None if request.obstacle is None else notice(request.words.gettext(_OBSTACLES[request.obstacle]))


def no_voice(words: Words, place: str) -> Answer:
    """Say, outside of a place in which the bot may not write, what its admins must change for the pushes to come."""
    name = shortened(place, LONGEST_PLACE)
    sentence = words.gettext(
        "I may not write in {place}. An admin there can let me send messages, or reopen the topic; then type "
        "/subscribe there again."
    ).format(place=words.quoted(name))
    return dataclasses.replace(notice(sentence), toast=sentence)


_OBSTACLES = {
    Obstacle.BLIND: gettext_noop(
        "I cannot see this channel. Somebody who manages it can let me view it and send messages in it; then subscribe "
        "again."
    ),
    Obstacle.MUTE: gettext_noop(
        "I may not write in this channel. Somebody who manages it can let me send messages in it; then subscribe again."
    ),
    Obstacle.LOCKED: gettext_noop(
        "This thread is locked, so I could not write in it. Somebody who manages threads can unlock it; then subscribe "
        "again."
    ),
}


def described(context: CommandContext, request: Request, subscription: Subscription) -> list[str]:
    """Return the choices of the subscription in sentences."""
    catalogue, choices = request.words, subscription.choices
    _ = catalogue.gettext
    sentences = [_("You will receive every episode, with all its subjects.")]
    if choices.topics:
        some = catalogue.ngettext(
            "You will receive each episode's subjects on the topic {topics}.",
            "You will receive each episode's subjects on the topics {topics}.",
            len(choices.topics),
        )
        sentences = [some.format(topics=catalogue.listed([*map(context.archive().hashtag, choices.topics)]))]
    if choices.layout is Layout.BRIEF:
        sentences.append(_("The titles come first; each subject opens when you want to read it."))
    elif choices.layout is Layout.SEGMENTS and choices.silent:
        sentences.append(_("Each subject comes in a message of its own."))
    elif choices.layout is Layout.SEGMENTS:
        sentences.append(_("Each subject comes in a message of its own; only the first one rings."))
    if choices.silent:
        sentences.append(_("The messages come without a sound."))
    if choices.rich:
        sentences.append(_("The messages are rich: if your app shows them badly, go back to simple ones."))
    if context.brings_audio(subscription):
        sentences.append(_("The audio of the episode comes first, to listen to here."))
    if choices.publish:
        sentences.append(_("The messages are published to the channels that follow this one."))
    if (until := paused_until(context, subscription)) is not None:
        sentences.append(_("Pushes are paused until {day}.").format(day=catalogue.date(until)))
    return sentences


def paused_until(context: CommandContext, subscription: Subscription) -> dt.date | None:
    """Return the day on which the pause that people chose ends, in the show's time zone; None without a pause."""
    until, now = subscription.paused_until, context.clock()
    return until.astimezone(now.tzinfo).date() if until is not None and until > now else None


def next_push(context: CommandContext, request: Request, subscriptions: Sequence[Subscription]) -> list[str]:
    """Return the time of the next push of any of the subscriptions, in its schedule's time zone, as a sentence."""
    runs = list(filter(None, (context.agenda.next_run(each.schedule, each.paused_until) for each in subscriptions)))
    sentence = request.words.gettext("Next push: {when}.")
    return [sentence.format(when=request.words.moment(min(runs)))] if runs else []


def _confirmation(context: CommandContext, request: Request, chosen: Sequence[Subscription]) -> Answer:
    _ = request.words.gettext
    title, what = _("Subscribed!"), " ".join(described(context, request, chosen[0]))
    more = _("To choose otherwise: /settings. To stop: /unsubscribe")
    if request.place:
        title, more = (
            _("{place} is subscribed!").format(place=request.place),
            _("To choose otherwise, type /settings in {place}. To stop, type /unsubscribe there.").format(
                place=request.place
            ),
        )
    section = Section(
        (
            Paragraph((Span(title, Style.BOLD), Span(f" {what}"))),
            *(Paragraph((Span(sentence),)) for sentence in next_push(context, request, chosen)),
            Note((Span(more),)),
        )
    )
    latest = CommandButton(_("Read the latest episode"), "latest")
    # Because a button acts on the chat where it stands, none here would change the settings of another place.
    buttons = (latest,) if request.place else (CommandButton(_("Settings"), "settings"), latest)
    return Answer(Document(title, (section,), buttons))
