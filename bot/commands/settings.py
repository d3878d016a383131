"""`/settings`, one message with buttons in which every change shows at once, and `/privacy`.

A button carries the state that a press brings about (`on tiktok`, not `toggle tiktok`). So a button of an old message,
or a button pressed twice, does no more than its label says.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from bot.commands.request import Answer, Page, notice
from bot.commands.subscribing import (
    active,
    described,
    farewell,
    next_push,
    not_allowed,
    nothing_here,
    paused_until,
    saved,
)
from bot.model.document import Block, CommandButton, Document, Layout, Paragraph, Span, bullets, titled
from bot.model.i18n import gettext_noop
from bot.model.subscription import AudioAs, Subscription

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request
    from bot.model.i18n import Words

    Change: TypeAlias = Callable[[Subscription], Subscription]

TOPICS_ON_A_PAGE = 12
"""Topics to choose from at once: a keyboard that a phone shows whole."""
HOLIDAYS = (1, 2, 4)
"""Weeks that people may pause for."""
_CHOSEN = "✓ "


async def settings(context: CommandContext, request: Request) -> Answer:
    """Show the choices of a subscription with the buttons that change them; make the change of the button pressed."""
    if refusal := not_allowed(request):
        return refusal
    step, _, value = request.argument.strip().partition(" ")
    async with context.changing:
        if step == "stop":
            has_ended = await context.subscriptions.end(request.target, "unsubscribed")
            return dataclasses.replace(farewell(request) if has_ended else nothing_here(request), replaces=True)
        subscriptions = await context.subscriptions.of(request.target)
        if step == "at":
            chosen = await _rescheduled(context, request, subscriptions, value)
        else:
            change = _change(context, request, subscriptions, step, value)
            chosen = [change(active(each)) for each in subscriptions] if change else []
        if chosen:
            subscriptions = await saved(context, request, chosen)
    answer = _panel(context, request, step, subscriptions)
    return dataclasses.replace(answer, toast=request.words.gettext("Saved.")) if chosen else answer


def _change(
    context: CommandContext, request: Request, subscriptions: Sequence[Subscription], step: str, value: str
) -> Change | None:
    """Return the change that a button makes to a subscription; None for a button that only shows, or a forged one."""
    match step, value:
        case "off", topic if any(topic in each.choices.topics for each in subscriptions):
            # Because no episode may have the topic any more, the subscription alone knows it.
            return lambda each: _with_topic(each, topic, is_wanted=False)
        case (("on" | "off"), topic) if (name := context.archive().resolve_topic(topic)) is not None:
            return lambda each: _with_topic(each, name, is_wanted=step == "on")
        case "all", _:
            return lambda each: active(each, topics=())
        case "layout", _ if value in set(Layout):
            return lambda each: active(each, layout=Layout(value))
        case (("silent" | "rich"), ("on" | "off")):
            return lambda each: active(each, **{step: value == "on"})
        case "audio", ("link" | "file"):
            return lambda each: active(each, audio=AudioAs(value))
        case "publish", ("on" | "off") if request.has_followers:
            return lambda each: active(each, publish=value == "on")
        case "pause", weeks if weeks in set(map(str, HOLIDAYS)):
            until = context.clock() + dt.timedelta(weeks=int(weeks))
            return lambda each: dataclasses.replace(each, paused_until=until)
        case "resume", _:
            return lambda each: dataclasses.replace(each, paused_until=None)
    return None


def _with_topic(subscription: Subscription, topic: str, *, is_wanted: bool) -> Subscription:
    others = {each for each in subscription.choices.topics if each != topic}
    return active(subscription, topics=tuple(sorted({*others, topic} if is_wanted else others)))


async def _rescheduled(
    context: CommandContext, request: Request, subscriptions: Sequence[Subscription], schedule: str
) -> list[Subscription]:
    """End the subscriptions to other schedules, and return the one to this schedule; none if the config lacks it."""
    if schedule not in context.schedules:
        return []
    for each in subscriptions:
        if each.schedule != schedule:
            await context.subscriptions.end(request.target, "moved to another schedule", schedule=each.schedule)
    return [active(dataclasses.replace(each, schedule=schedule)) for each in subscriptions[:1]]


def _panel(context: CommandContext, request: Request, step: str, subscriptions: Sequence[Subscription]) -> Answer:
    if not subscriptions:
        return dataclasses.replace(nothing_here(request), replaces=bool(step))
    match step:
        case "topics" | "on" | "off" | "all":
            document = _topics(context, request, subscriptions[0])
        case "holiday":
            document = _holiday(request)
        case "times":
            document = _times(context, request, subscriptions)
        case _:
            document = _overview(context, request, subscriptions)
    return Answer(document, replaces=bool(step))


def _overview(context: CommandContext, request: Request, subscriptions: Sequence[Subscription]) -> Document:
    first = subscriptions[0]
    choices, is_paused = first.choices, paused_until(context, first) is not None
    _ = request.words.gettext
    layouts = {
        Layout.BRIEF: _("Titles first"),
        Layout.SEGMENTS: _("One message per subject"),
        Layout.DIGEST: _("All in one go"),
    }
    steps = [
        (_("Topics"), "topics"),
        *((label, f"layout {layout}") for layout, label in layouts.items() if layout is not choices.layout),
        (_("With sound"), "silent off") if choices.silent else (_("Without sound"), "silent on"),
        (_("Resume now"), "resume") if is_paused else (_("Pause"), "holiday"),
    ]
    if len(context.schedules) > 1:
        steps.append((_("Time"), "times"))
    if request.target.platform in context.rich_on:
        steps.append((_("Simple messages"), "rich off") if choices.rich else (_("Rich messages"), "rich on"))
    if request.target.platform in context.audio_on:
        is_there = context.brings_audio(first)
        steps.append((_("Audio as a link"), "audio link") if is_there else (_("Audio in the chat"), "audio file"))
    if request.has_followers:
        steps.append((_("Keep from followers"), "publish off") if choices.publish else (_("Publish"), "publish on"))
    steps.append((_("Unsubscribe"), "stop"))
    sentences = [*described(context, request, first), *next_push(context, request, subscriptions)]
    return _page(_("Settings"), sentences, [CommandButton(label, "settings", step) for label, step in steps])


def _topics(context: CommandContext, request: Request, subscription: Subscription) -> Document:
    _ = request.words.gettext
    chosen = set(subscription.choices.topics)
    # Because a chosen topic may vanish from the archive, it stays in the list; else nobody could take it off.
    archive = context.archive()
    known = [*archive.topics(context.today)]
    names = [*known, *sorted(chosen - set(known))]
    page = Page.of(request, names, TOPICS_ON_A_PAGE)
    steps = [
        (_CHOSEN + archive.hashtag(name), f"off {name}") if name in chosen else (archive.hashtag(name), f"on {name}")
        for name in page.items
    ]
    steps.append(((_("All subjects") if chosen else _CHOSEN + _("All subjects")), "all"))
    buttons = [CommandButton(label, "settings", step, page.number) for label, step in steps]
    buttons += page.turning("settings", "topics", _("◀ Back"), _("More ▶"))
    hint = _("Press the topics that you want to read about. Without any, you receive every subject.")
    return _page(_("Topics"), [hint], [*buttons, _done(request)])


def _holiday(request: Request) -> Document:
    _ = request.words.gettext
    labels = {weeks: request.words.ngettext("{count} week", "{count} weeks", weeks) for weeks in HOLIDAYS}
    buttons = [
        CommandButton(label.format(count=weeks), "settings", f"pause {weeks}") for weeks, label in labels.items()
    ]
    hint = _("No pushes for how long? They go on by themselves afterwards.")
    return _page(_("Pause"), [hint], [*buttons, _done(request)])


def _times(context: CommandContext, request: Request, subscriptions: Sequence[Subscription]) -> Document:
    _ = request.words.gettext
    current = {each.schedule for each in subscriptions}
    buttons = []
    for schedule in context.schedules:
        run = context.agenda.next_run(schedule)
        label = schedule if run is None else request.words.weekday(run)
        label = _CHOSEN + label if schedule in current else label
        buttons.append(CommandButton(label, "settings", f"at {schedule}"))
    return _page(_("Time"), [_("When shall I bring you the recap?")], [*buttons, _done(request)])


def _done(request: Request) -> CommandButton:
    return CommandButton(request.words.gettext("Done"), "settings", "show")


def _page(title: str, sentences: Sequence[str], buttons: Sequence[CommandButton]) -> Document:
    return titled(title, (Paragraph((Span(sentence),)) for sentence in sentences), buttons)


_DELETE, _DELETED = "delete", "deleted"
"""The data of two buttons: the first asks for a confirmation, the second confirms."""

# The words for every column of the ledger that holds something of a chat: a new column there wants its words here.
_KEPT = (
    gettext_noop(
        "the number that the platform gives this chat, and that of its topic or thread; whether it is private;"
    ),
    gettext_noop(
        "your choices (topics, layout, time, sound, pause), when you made them, and why pushes stopped, if they did;"
    ),
    gettext_noop(
        "which of the last episodes were sent here, when, with what result, and the numbers of these messages."
    ),
)
_NOT_KEPT = gettext_noop("Nothing else: no name, nothing that anybody writes, and nothing about those who only read.")
_SUMS = gettext_noop(
    "Besides, I add up for each day who came and left and what was asked, and keep these sums for two years. They hold "
    "no number of any chat, so that nobody is in them."
)


async def privacy(context: CommandContext, request: Request) -> Answer:
    """Say what is stored about a chat, and delete it for those who may, after one confirmation."""
    _ = request.words.gettext
    step = request.argument.strip()
    if step and (refusal := not_allowed(request)):
        return refusal
    if step == _DELETED:
        async with context.changing:
            await context.subscriptions.forget(request.target)
        done = _("It is done: I know nothing about this chat any more. The subscription is gone, too.")
        return dataclasses.replace(notice(done, CommandButton(_("Subscribe again"), "subscribe")), replaces=True)
    if step == _DELETE:
        question = _("Delete everything about this chat? It will receive no more pushes.")
        buttons = (
            CommandButton(_("Yes, delete it all"), "privacy", _DELETED),
            CommandButton(_("No, keep it"), "privacy", "show"),
        )
        return dataclasses.replace(notice(question, *buttons), replaces=True)
    blocks: list[Block] = [
        Paragraph((Span(_("About a chat that subscribed I keep only:")),)),
        *bullets(map(_, _KEPT)),
        Paragraph((Span(_for_how_long(context.correctable, request.words)),)),
        Paragraph((Span(_(_NOT_KEPT)),)),
        Paragraph((Span(_(_SUMS)),)),
    ]
    deletion: tuple[CommandButton, ...] = ()
    if request.may_manage:
        blocks.append(Paragraph((Span(_("Unsubscribing deletes none of this; “Delete it all” does.")),)))
        deletion = (CommandButton(_("Delete it all"), "privacy", _DELETE),)
    return Answer(titled(_("What I know"), blocks, deletion), replaces=bool(step))


def _for_how_long(correctable: dt.timedelta, words: Words) -> str:
    days = math.ceil(correctable / dt.timedelta(days=1))
    mended = words.ngettext(
        "With these numbers a mistake can be mended here for {count} day after a push.",
        "With these numbers a mistake can be mended here for {count} days after a push.",
        days,
    )
    return mended.format(count=days)
