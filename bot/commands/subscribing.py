"""Subscribing and the way out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from bot.commands.desk import Answer, notice
from bot.commands.topics import parse_topics, unknown_topic
from bot.document import CommandButton, Document, Note, Paragraph, Section, Span, Style
from bot.subscription import Subscription, SubscriptionState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.commands.desk import Desk, Request


async def subscribe(desk: Desk, request: Request) -> Answer:
    """The push from the next one on: everything, or some topics."""
    if not request.may_manage:
        return not_allowed(request)
    topics, unknown = parse_topics(desk.archive(), request.argument)
    if unknown:
        return unknown_topic(desk, request, unknown, "subscribe")
    async with desk.changing:
        current = await desk.subscriptions.of(request.target)
        chosen = [
            dataclasses.replace(
                subscription,
                choices=dataclasses.replace(subscription.choices, topics=topics),
                state=SubscriptionState.ACTIVE,
                reason="",
            )
            for subscription in current or [Subscription(request.target, desk.schedules[0])]
        ]
        for subscription in chosen:
            await desk.subscriptions.save(subscription)
    return _confirmation(desk, request, chosen)


async def unsubscribe(desk: Desk, request: Request) -> Answer:
    """The way out; it works at once."""
    _ = request.words.gettext
    if not request.may_manage:
        return not_allowed(request)
    async with desk.changing:
        was_subscribed = await desk.subscriptions.end(request.target, "unsubscribed")
    if was_subscribed:
        return notice(
            _("It is done: no more pushes here. /latest and the other commands still work."),
            CommandButton(_("Subscribe again"), "subscribe"),
        )
    return notice(_("There is no subscription here."), CommandButton(_("Subscribe"), "subscribe"))


def not_allowed(request: Request) -> Answer:
    """A friendly no to who is no admin here."""
    _ = request.words.gettext
    sentence = _("Here only the admins choose the subscription. In a private chat with me, you choose your own!")
    return dataclasses.replace(notice(sentence), toast=sentence)


def _confirmation(desk: Desk, request: Request, chosen: Sequence[Subscription]) -> Answer:
    catalogue = request.words
    _ = catalogue.gettext
    topics = chosen[0].choices.topics
    if topics:
        what = catalogue.ngettext(
            "You will receive each episode's subjects on the topic {topics}.",
            "You will receive each episode's subjects on the topics {topics}.",
            len(topics),
        ).format(topics=", ".join(f"#{topic}" for topic in topics))
    else:
        what = _("You will receive every episode, with all its subjects.")
    runs = [run for each in chosen if (run := desk.agenda.next_run(each.schedule)) is not None]
    blocks: list[Paragraph | Note] = [Paragraph((Span(_("Subscribed!"), Style.BOLD), Span(f" {what}")))]
    if runs:
        blocks.append(Paragraph((Span(_("Next push: {when}.").format(when=catalogue.moment(min(runs)))),)))
    blocks.append(Note((Span(_("To stop: /unsubscribe")),)))
    return Answer(
        Document(
            title=_("Subscribed!"),
            sections=(Section(tuple(blocks)),),
            buttons=(CommandButton(_("Read the latest episode"), "latest"),),
        ),
        is_private=True,
    )
