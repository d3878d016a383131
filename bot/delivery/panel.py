"""The panel of `/admin`: what `recap status` tells, and what `recap send` does, for an admin with a phone.

The panel is one message, in the language of the admin. Its buttons bring the admin to another view in its place.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.commands import Answer, Request
from bot.commands.approving import is_number
from bot.commands.request import Page
from bot.delivery.cards import DIGITS, buttons_for, state_of, to_recall, under_way
from bot.delivery.correction import Corrector, NothingSentError
from bot.delivery.pieces import first_problems, paragraph, small_print
from bot.delivery.reasons import explain, explain_left_out, labelled, place_of
from bot.delivery.rehearsal import Rehearser
from bot.delivery.report import describe, standing_of
from bot.model.document import Block, Button, CommandButton, Layout, Section, bullets, titled
from bot.model.episode import Episode, Status
from bot.model.i18n import speaking
from bot.model.rehearsal import Hold, Instruction
from bot.model.text import shortened
from bot.storage.records import Broadcast, BroadcastKind, BroadcastState, DeliveryState

if TYPE_CHECKING:
    from bot.model.facts import Standing
    from bot.model.i18n import Words
    from bot.model.rehearsal import Planned, Rehearsal

log = logging.getLogger(__name__)

PANEL = "admin"
"""The command of the panel's buttons."""
EPISODES_ON_A_PAGE = 8
LONGEST_LABEL = 40
"""Characters of a button: more are not read on a phone."""
SHOWN_FAILURES = 15
"""Places that one view names; `recap status --json` has all."""
LOOKED_AT = 20
"""Broadcasts among which the last push is looked for; the others went to single chats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The views of the bot, and the presses that change something.

    Args:
        rehearser: knows the pushes to come, and takes the decisions on them.
        corrector: changes what was pushed.
        standings: returns what works on each platform.
    """

    rehearser: Rehearser
    corrector: Corrector
    standings: Callable[[], Sequence[Standing]]

    async def answer(self, request: Request) -> Answer | None:
        """Return the view that an admin asks for, after the change if the button makes one; None for nonsense."""
        step, _, value = request.argument.strip().partition(" ")
        views: dict[str, Callable[[Request], Awaitable[Answer | None]]] = {
            "": self._overview,
            "home": self._overview,
            "next": self._pushes,
            "report": self._report,
            "unserved": self._unserved,
            "episodes": self._episodes,
        }
        of_episode: dict[str, Callable[[Request, Episode], Awaitable[Answer]]] = {
            "episode": self._episode,
            "send": self._ask_to_send,
            "failed": self._send_to_failed,
            "correct": self._correct,
        }
        if not value and is_number(step):
            # As an admin types it behind the command.
            step, value = "episode", step
        if not value:
            return await views[step](request) if step in views else None
        number, _, detail = value.partition(" ")
        if not is_number(number):
            return None
        episode = self.rehearser.broadcaster.archive().get(int(number))
        if episode is None:
            told = paragraph(request.words.gettext("There is no episode {number}."), number=int(number))
            return _view(request.words.gettext("Episodes"), [told], back=request.words)
        if not detail:
            return await of_episode[step](request, episode) if step in of_episode else None
        if step == "sent":
            return await self._send(request, episode, detail)
        return self._look(episode, Layout(detail)) if step == "look" and detail in set(Layout) else None

    async def _overview(self, request: Request) -> Answer:
        words, ledger, rehearser = request.words, self.rehearser.ledger, self.rehearser
        _, archive = words.gettext, rehearser.broadcaster.archive()
        lines = [labelled(each.platform.title(), standing_of(each, words), words) for each in self.standings()]
        if (push := await self._last()) is not None and push.state is BroadcastState.OPEN:
            states = await ledger.tally(push.id)
            told = _("Episode {number} is under way: {sent} of {count} have it.")
            count = sum(states.values())
            lines.append(told.format(number=push.episode, sent=states[DeliveryState.SENT], count=count))
        lines += [under_way(each, words) for each in await self.corrector.under_way()]
        lines += self._times(words)
        for schedule in rehearser.schedules:
            count = await ledger.subscriptions.count(schedule.name, rehearser.broadcaster.platforms)
            told = words.ngettext("{count} subscription on {schedule}", "{count} subscriptions on {schedule}", count)
            lines.append(told.format(count=count, schedule=schedule.name))
        told = words.ngettext("{count} episode", "{count} episodes", len(archive.episodes))
        lines.append(told.format(count=len(archive.episodes)))
        if waiting := await ledger.publications.waiting():
            lines.append(_("Messages still to be published to followers: {count}").format(count=waiting))
        lines += [
            _("Out of reach: {line}").format(line=words.retell(line)) for line in await ledger.heartbeat.unreached()
        ]
        mistakes = [paragraph(_("To mend:")), *bullets(first_problems(archive.problems))] if archive.problems else []
        labels = {
            "next": _("Next pushes"),
            "report": _("Last report"),
            "unserved": _("Who is not served"),
            "episodes": _("Episodes"),
            "home": _("Look again"),
        }
        buttons = (CommandButton(label, PANEL, step) for step, label in labels.items())
        return _view(_("State of the bot"), [*bullets(lines), *mistakes], *buttons)

    def _times(self, words: Words) -> Iterator[str]:
        for schedule in self.rehearser.schedules:
            run = self.rehearser.runs.next_run(schedule.name)
            when = words.gettext("never") if run is None else words.moment(run)
            told = words.gettext("Next push on schedule {schedule}: {when}")
            yield told.format(schedule=schedule.name, when=when)

    async def _pushes(self, request: Request) -> Answer:
        words, blocks = request.words, bullets(self._times(request.words))
        buttons: list[Button] = []
        found = await self.rehearser.planned_all()
        for push, seen in found:
            name = words.gettext("Episode {number} on {schedule}")
            name = name.format(number=push.episode, schedule=push.schedule)
            blocks.append(paragraph("{name}, {title}", name=name, title=words.quoted(push.title)))
            blocks.append(small_print("{state}", state=state_of(push, seen, words)))
            several = f" · {push.schedule}" if len(found) > 1 else ""
            decisions = buttons_for(push, words, *_decisions(push, seen))
            buttons += [dataclasses.replace(each, label=each.label + several) for each in decisions]
            buttons.append(CommandButton(name, PANEL, f"episode {push.episode}"))
        if not found:
            blocks.append(paragraph(words.gettext("There is no episode yet")))
        return _view(words.gettext("Next pushes"), blocks, *buttons, back=words)

    async def _report(self, request: Request) -> Answer:
        words = request.words
        if (push := await self._last()) is None:
            return _view(
                words.gettext("Last report"), [paragraph(words.gettext("Nothing has been pushed yet."))], back=words
            )
        outcome = await self.rehearser.ledger.notices.outcome(push)
        ended_at = push.finished and push.finished.astimezone(self.rehearser.notifier.zone)
        names = await self.rehearser.notifier.names(outcome.places)
        document = describe(dataclasses.replace(outcome, ended_at=ended_at), words, names).document
        buttons = (*document.buttons, CommandButton(words.gettext("Who is not served"), PANEL, "unserved"))
        if recalled := await self._recalled(push, words):
            document, buttons = dataclasses.replace(document, sections=(*document.sections, Section(recalled))), ()
        return Answer(dataclasses.replace(document, buttons=(*buttons, _back(words))), replaces=True)

    async def _unserved(self, request: Request) -> Answer:
        words, ledger, push = request.words, self.rehearser.ledger, await self._last()
        _, title = words.gettext, words.gettext("Who is not served")
        if push is None:
            return _view(title, [paragraph(_("Nothing has been pushed yet."))], back=words)
        outcome, failures = await ledger.notices.outcome(push), await ledger.failures(push.id)
        shown = failures[:SHOWN_FAILURES]
        names = await self.rehearser.notifier.names([*outcome.places, *(each.target for each in shown)])
        lines = [*explain(outcome.unserved, words, names), *explain_left_out(outcome, words)]
        places = [labelled(place_of(each.target, words, names), words.retell(each.reason), words) for each in shown]
        blocks: list[Block] = [paragraph(_("Episode {number} on {schedule}"), number=push.episode, schedule=push.key)]
        if recalled := await self._recalled(push, words):
            return _view(title, [*blocks, *recalled], back=words)
        blocks += bullets(lines or [_("Everybody who was to get it has it.")])
        blocks += bullets([*places, *(["…"] if len(failures) > len(shown) else [])])
        buttons = (
            [CommandButton(_("Send to those who failed"), PANEL, f"failed {push.episode}")] if outcome.failed else []
        )
        return _view(title, blocks, *buttons, back=words)

    async def _episodes(self, request: Request) -> Answer:
        words, episodes = request.words, self.rehearser.broadcaster.archive().episodes
        page = Page.of(request, episodes, EPISODES_ON_A_PAGE)
        buttons = [
            CommandButton(
                shortened(f"{each.number} · {each.title}", LONGEST_LABEL),
                PANEL,
                f"episode {each.number}",
                opens_row=True,
            )
            for each in page.items
        ]
        buttons += page.turning(PANEL, "episodes", words.gettext("◀ Newer"), words.gettext("Older ▶"))
        told = words.gettext("Choose one, or type its number: {command}")
        title = words.gettext("Episodes") + page.place(words)
        return _view(title, [paragraph(told, command=f"/{PANEL} 1207")], *buttons, back=words)

    async def _episode(self, request: Request, episode: Episode) -> Answer:
        words, ledger = request.words, self.rehearser.ledger
        _ = words.gettext
        blocks: list[Block] = [paragraph(words.quoted(episode.title)), paragraph(words.date(episode.date))]
        if episode.status is Status.DRAFT:
            blocks.append(paragraph(_("It is a draft, which is never sent.")))
        zone = self.rehearser.notifier.zone
        is_standing = False
        for push in await self._pushes_of(episode):
            told = _("Pushed on {when} ({schedule}): {sent} of {count} have it.")
            if await ledger.corrections.is_recalled(push):
                told = _("Pushed on {when} ({schedule}), and recalled.")
            else:
                is_standing = True
            states, when = await ledger.tally(push.id), words.moment(push.created.astimezone(zone))
            sent, count = states[DeliveryState.SENT], sum(states.values())
            blocks.append(paragraph(told, when=when, schedule=push.key, sent=sent, count=count))
        labels = {
            Layout.DIGEST: _("All in one go"),
            Layout.SEGMENTS: _("One message per subject"),
            Layout.BRIEF: _("Titles first"),
        }
        looks = [CommandButton(label, PANEL, f"look {episode.number} {layout}") for layout, label in labels.items()]
        steps = [CommandButton(_("Send now"), PANEL, f"send {episode.number}", opens_row=True)]
        if is_standing:
            steps.append(CommandButton(_("Correct everywhere"), PANEL, f"correct {episode.number}"))
            steps.append(to_recall(episode.number, words))
        return _view(_("Episode {number}").format(number=episode.number), blocks, *looks, *steps, back=words)

    def _look(self, episode: Episode, layout: Layout) -> Answer | None:
        document = self.rehearser.broadcaster.formatter.episode(episode, layout=layout, in_private=True)
        return Answer(document) if document else None

    async def _ask_to_send(self, request: Request, episode: Episode) -> Answer:
        words, rehearser = request.words, self.rehearser
        title = words.gettext("Send episode {number} now?").format(number=episode.number)
        if refused := await self._refused(title, episode, words):
            return refused
        blocks: list[Block] = []
        for schedule in rehearser.schedules:
            count, takes = await rehearser.broadcaster.reach(episode, schedule.name)
            time = words.duration(takes)
            told = words.ngettext(
                "It goes to {count} subscription now ({schedule}), and takes {time}.",
                "It goes to {count} subscriptions now ({schedule}), and takes {time}.",
                count,
            )
            blocks.append(paragraph(told, count=count, schedule=schedule.name, time=time))
        step = f"sent {episode.number} {self._digest(episode)}"
        return _view(title, blocks, CommandButton(words.gettext("Yes, send it to everybody"), PANEL, step), back=words)

    async def _send(self, request: Request, episode: Episode, digest: str) -> Answer:
        """Push the episode to everybody, if its text is still the one that the admin was asked about."""
        words, rehearser, title = request.words, self.rehearser, request.words.gettext("Send now")
        if digest != self._digest(episode):
            changed = words.gettext("The episode has changed since. Nothing was sent.")
            return _view(title, [paragraph(changed)], back=words)
        if refused := await self._refused(title, episode, words):
            return refused
        now = rehearser.broadcaster.clock()
        opened = [await rehearser.broadcaster.open(episode, each.name, due=now) for each in rehearser.schedules]
        return self._under_way(request, episode, [each for each in opened if each is not None])

    async def _send_to_failed(self, request: Request, episode: Episode) -> Answer:
        """Push the episode again to those whom its last pushes failed."""
        words, rehearser, title = request.words, self.rehearser, request.words.gettext("Send to those who failed")
        pushes = await self._pushes_of(episode)
        if any(each.state is BroadcastState.OPEN for each in pushes):
            still = words.gettext("This episode is still being pushed. Try again when the report has come.")
            return _view(title, [paragraph(still)], back=words)
        if refused := await self._refused(title, episode, words, again=True):
            return refused
        now = rehearser.broadcaster.clock()
        opened = [await rehearser.broadcaster.open_for_failed(each, episode, due=now) for each in pushes]
        return self._under_way(request, episode, [each for each in opened if each is not None])

    async def _correct(self, request: Request, episode: Episode) -> Answer:
        """Show what a correction of the episode would change, with the button that makes it."""
        words, title = request.words, request.words.gettext("Correct everywhere")
        try:
            # Because the reason is for this person, it is said in the person's language.
            with speaking(lambda: request.language):
                fact = await self.corrector.preview(episode.number)
        except NothingSentError as error:
            return _view(title, [paragraph("{told}", told=error.sentence)], back=words)
        if not fact.extents:
            return _view(title, [paragraph(words.gettext("There is nothing to change."))], back=words)
        document = describe(fact, words).document
        return Answer(dataclasses.replace(document, buttons=(*document.buttons, _back(words))), replaces=True)

    def _under_way(self, request: Request, episode: Episode, opened: Sequence[Broadcast]) -> Answer:
        words = request.words
        told = words.gettext("There is nobody left to send it to.")
        if opened:
            who = f"{request.target.platform}:{request.person}"
            log.info(
                "Episode %d is pushed by hand on %s: %s", episode.number, ", ".join(each.key for each in opened), who
            )
            self.rehearser.on_new()
            told = words.gettext("It is on its way. The report comes to the admins when the push is over.")
        title = words.gettext("Episode {number}").format(number=episode.number)
        return _view(title, [paragraph(told)], back=words)

    async def _refused(self, title: str, episode: Episode, words: Words, *, again: bool = False) -> Answer | None:
        """Return why the episode may not be pushed by hand now, with the button that lets it out; None if it may."""
        _, rehearser = words.gettext, self.rehearser
        if episode.status is Status.DRAFT:
            return _view(title, [paragraph(_("It is a draft, which is never sent."))], back=words)
        for schedule in rehearser.schedules:
            push = rehearser.plan(episode, schedule)
            seen = await rehearser.ledger.rehearsals.of(schedule.name, episode.number)
            if seen.hold(push.permit) is not None:
                state = paragraph("{state}", state=state_of(push, seen, words))
                return _view(title, [state], *buttons_for(push, words, Instruction.APPROVE), back=words)
        pushes = await self._pushes_of(episode)
        recalled = [each for each in pushes if await rehearser.ledger.corrections.is_recalled(each)]
        # Because nobody is to keep what others lost, a recalled episode comes back to everybody or to nobody.
        if recalled if again else len(pushes) == len(rehearser.schedules):
            before = _("It was pushed before. To push it once more to everybody: {command}")
            return _view(title, [paragraph(before, command=f"recap send {episode.number} --again")], back=words)
        return None

    async def _pushes_of(self, episode: Episode) -> list[Broadcast]:
        last = self.rehearser.ledger.broadcast_of
        found = [await last(episode.number, schedule.name) for schedule in self.rehearser.schedules]
        return [push for push in found if push is not None]

    async def _recalled(self, push: Broadcast, words: Words) -> tuple[Block, ...]:
        """Return the sentence that tells of a recall; nothing for a push that stands."""
        is_recalled = await self.rehearser.ledger.corrections.is_recalled(push)
        return (paragraph(words.gettext("It was recalled afterwards.")),) if is_recalled else ()

    async def _last(self) -> Broadcast | None:
        pushes = await self.rehearser.ledger.broadcasts(LOOKED_AT)
        return next((each for each in pushes if each.kind is BroadcastKind.PUSH), None)

    def _digest(self, episode: Episode) -> str:
        return self.rehearser.plan(episode).permit.digest[:DIGITS]


def _decisions(push: Planned, seen: Rehearsal) -> Iterator[Instruction]:
    hold = seen.hold(push.permit)
    if hold is not None:
        yield Instruction.APPROVE
    yield Instruction.RELEASE if hold is Hold.WITHHELD else Instruction.WITHHOLD


def _view(title: str, blocks: Sequence[Block], *buttons: Button, back: Words | None = None) -> Answer:
    more = () if back is None else (_back(back),)
    return Answer(titled(title, blocks, (*buttons, *more)), replaces=True)


def _back(words: Words) -> CommandButton:
    return CommandButton(words.gettext("◀ Panel"), PANEL, "home", opens_row=True)
