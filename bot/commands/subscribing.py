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

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request


async def subscribe(context: CommandContext, request: Request) -> Answer:
    """Subscribe the chat from the next push on, to everything or to some topics."""
    if refusal := not_allowed(request) or not_possible(request):
        return refusal
    topics, unknown = parse_topics(context.archive(), request.argument)
    if unknown:
        meant = functools.partial(_corrected, request.argument, unknown)
        return unknown_topic(context, request, unknown, "subscribe", meant)
    async with context.changing:
        current = await context.subscriptions.of(request.target) or await _before(context, request)
        chosen = [dataclasses.replace(active(each, topics=topics), paused_until=None) for each in current]
        for subscription in chosen:
            await context.subscriptions.save(subscription)
    return _confirmation(context, request, chosen)


def active(subscription: Subscription, **choices: object) -> Subscription:
    """Return the subscription as active and with these choices: a person who acts in a chat proves that it is there."""
    chosen = dataclasses.replace(subscription.choices, **choices)  # type: ignore[arg-type] # the names and types are those of `Choices`
    return dataclasses.replace(subscription, choices=chosen, state=SubscriptionState.ACTIVE, reason="")


async def _before(context: CommandContext, request: Request) -> list[Subscription]:
    """Return the last subscription of the chat, to be taken up again; else that of a newcomer."""
    last = await context.subscriptions.last_ended(request.target)
    if last is None or last.schedule not in context.schedules:
        return [Subscription(request.target, context.schedules[0])]
    return [dataclasses.replace(last, origin=Origin.COMMAND)]


def _corrected(typed: str, wrong: str, right: str) -> str:
    """Return the typed topics with the wrong one put right; the right one alone if a button cannot carry them all."""
    topics = " ".join(right if word == wrong else word for word in re.split(r"[\s,;]+", typed))
    return topics if len(topics.encode()) <= BUTTON_MAX else right


async def unsubscribe(context: CommandContext, request: Request) -> Answer:
    """End the subscriptions of the chat at once."""
    if refusal := not_allowed(request):
        return refusal
    async with context.changing:
        ended = await context.subscriptions.of(request.target)
        await context.subscriptions.end(request.target, "unsubscribed")
    return farewell(request, ended) if ended else nothing_here(request)


def farewell(request: Request, ended: Sequence[Subscription]) -> Answer:
    """Say that the subscriptions have ended; a button brings them back, with their topics if it can carry them."""
    _ = request.words.gettext
    topics = " ".join(ended[0].choices.topics)
    again = CommandButton(_("Subscribe again"), "subscribe", topics if len(topics.encode()) <= BUTTON_MAX else "")
    return notice(_("It is done: no more pushes here. /latest and the other commands still work."), again)


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
    buttons = [LinkButton(_("Write to me in private"), request.private_chat)] if request.private_chat else []
    return dataclasses.replace(notice(sentence, *buttons), toast=sentence)


def not_possible(request: Request) -> Answer | None:
    """Return what the admins must change first, if a push could not come here now."""
    return None if request.obstacle is None else notice(request.words.gettext(_OBSTACLES[request.obstacle]))


_OBSTACLES = {
    Obstacle.BLIND: gettext_noop(
        "I cannot see this channel. Let me view it and send messages in it, then subscribe again."
    ),
    Obstacle.MUTE: gettext_noop("I may not write here. Let me send messages in this channel, then subscribe again."),
    Obstacle.LOCKED: gettext_noop(
        "This thread is locked, so I could not write in it. Unlock it, then subscribe again."
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
        sentences = [some.format(topics=catalogue.listed([f"#{topic}" for topic in choices.topics]))]
    if choices.layout is Layout.SEGMENTS and choices.silent:
        sentences.append(_("Each subject comes in a message of its own."))
    elif choices.layout is Layout.SEGMENTS:
        sentences.append(_("Each subject comes in a message of its own; only the first one rings."))
    if choices.silent:
        sentences.append(_("The messages come without a sound."))
    if choices.rich:
        sentences.append(_("The messages are rich: if your app shows them badly, go back to simple ones."))
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
    section = Section(
        (
            Paragraph((Span(title, Style.BOLD), Span(f" {what}"))),
            *(Paragraph((Span(sentence),)) for sentence in next_push(context, request, chosen)),
            Note((Span(_("To choose otherwise: /settings. To stop: /unsubscribe")),)),
        )
    )
    buttons = (CommandButton(_("Settings"), "settings"), CommandButton(_("Read the latest episode"), "latest"))
    return Answer(Document(title, (section,), buttons))
