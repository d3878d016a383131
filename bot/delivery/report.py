"""What the admins are told: from facts to a notice, in the words of the show's language. Pure.

A notice has a key: whatever is told under one key is told once, however often it happens or is seen.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from bot.model.document import Block, Document, Heading, Listing, Note, Paragraph, Section, Span
from bot.model.episode import Status
from bot.storage.records import REPORT, WELCOME, Notice, Pushed, Unserved

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from bot.model.episode import Episode
    from bot.model.i18n import Words
    from bot.model.problems import Problem
    from bot.model.subscription import PlatformName, Target

_ALIKE = {"content": "stopped", "rendering": "stopped", "flood": "not-sent", "unknown": "not-sent"}
"""Codes of which the admin reads the same as of another."""

LONGEST_LIST = 5
"""Mistakes shown in one notice; `recap check` shows all."""

MENDABLE = frozenset({"closed", "not-found", "refused"})
"""The codes of failures of which the admin should know the place."""


class Reporter:
    """Writes the notices of one show in one language."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def pushed(self, push: Pushed) -> Notice:
        """The report after a push."""
        _ = self._words.gettext
        number = {"number": push.episode}
        if push.stopped:
            title = _("Episode {number}: the push was stopped").format(**number)
        elif push.failed or push.unknown:
            title = _("Episode {number} has been pushed, not to everybody").format(**number)
        else:
            title = _("Episode {number} has been pushed").format(**number)
        blocks: list[Block] = [self._served(push)]
        if push.stopped:
            why = _("A platform refuses the message itself: {reason}").format(reason=push.stopped)
            blocks.append(_paragraph(why))
        if push.unserved:
            blocks.append(Listing(tuple((_paragraph(line),) for line in self.unserved(push.unserved))))
        if any(each.code == "closed" for each in push.unserved):
            blocks.append(_note(_("Where the bot may not write: give it the right to, then type /subscribe there.")))
        if push.failed:
            hint = _("To try again with those who failed: {command}")
            blocks.append(_note(hint.format(command=f"recap send {push.episode} --only failed")))
        alarming = bool(push.stopped or push.failed or push.unknown)
        return self._notice(f"{REPORT}{push.broadcast}", title, blocks, episode=push.episode, alarming=alarming)

    def unserved(self, unserved: Iterable[Unserved]) -> list[str]:
        """A sentence for each reason why somebody did not get a push, the most frequent first."""
        lines = []
        for each in sorted(_merged(unserved), key=lambda one: -one.count):
            sentence = self._why(each).format(count=each.count)
            if each.targets and (each.unknown or each.code in MENDABLE):
                more = "…" if each.count > len(each.targets) else ""
                sentence += f" ({', '.join(map(str, each.targets))}{more})"
            lines.append(self._labelled(each.platform.title(), sentence))
        return lines

    def _why(self, unserved: Unserved) -> str:
        ngettext, count = self._words.ngettext, unserved.count
        if unserved.unknown:
            return ngettext(
                "{count} may or may not have it: the connection broke at that very moment.",
                "{count} may or may not have it: the connection broke at that very moment.",
                count,
            )
        match unserved.code:
            case "gone":
                return ngettext(
                    "{count} has left (blocked or removed the bot, or is deleted); the subscription has ended.",
                    "{count} have left (blocked or removed the bot, or are deleted); their subscriptions have ended.",
                    count,
                )
            case "not-found":
                return ngettext(
                    "{count} does not exist, perhaps the number is wrong; the subscription has ended.",
                    "{count} do not exist, perhaps the numbers are wrong; their subscriptions have ended.",
                    count,
                )
            case "closed":
                return ngettext(
                    "{count} does not let the bot write; the subscription is paused.",
                    "{count} do not let the bot write; their subscriptions are paused.",
                    count,
                )
            case "refused":
                return ngettext(
                    "{count} refuses this message by a rule of its own, such as a filter on words or links.",
                    "{count} refuse this message by a rule of their own, such as a filter on words or links.",
                    count,
                )
            case "ended":
                return ngettext(
                    "{count} unsubscribed while the push was under way.",
                    "{count} unsubscribed while the push was under way.",
                    count,
                )
            case "stopped":
                return ngettext(
                    "{count} did not get it because the push was stopped.",
                    "{count} did not get it because the push was stopped.",
                    count,
                )
            case _:
                return ngettext(
                    "{count} could not be reached for a whole day.",
                    "{count} could not be reached for a whole day.",
                    count,
                )

    def no_episode(
        self,
        schedule: str,
        occurrence: dt.datetime,
        until: dt.datetime,
        *,
        unready: Sequence[Episode] = (),
        problems: Sequence[Problem] = (),
    ) -> Notice:
        """The hour has come and there is nothing new to push; `until` then, an episode still goes out on arrival.

        `unready` episodes (drafts, or with a later date) and `problems` are what may stand in its way.
        """
        _ = self._words.gettext
        when = self._words.moment(occurrence)
        blocks: list[Block] = [
            _paragraph(
                _("Nothing new was found for the push of {when} ({schedule}).").format(when=when, schedule=schedule)
            ),
            _paragraph(
                _("Put the episode into the content folder before {until}, and it goes out at once.").format(
                    until=self._words.moment(until)
                )
            ),
            *_listed(
                [
                    *map(self._unready, unready),
                    *_shown(problems),
                ]
            ),
        ]
        return self._notice(_occasion("no-episode", schedule, occurrence), _("There is no episode yet"), blocks)

    def _unready(self, episode: Episode) -> str:
        _ = self._words.gettext
        if episode.status is Status.DRAFT:
            return _("Episode {number} is still a draft: take the line {line} out of {file}.").format(
                number=episode.number, line=self._words.quoted("status: draft"), file=episode.path
            )
        return _("Episode {number} is not pushed before its date, {date}.").format(
            number=episode.number, date=self._words.date(episode.date)
        )

    def missed(self, schedule: str, occurrence: dt.datetime, episode: Episode) -> Notice:
        """The push of an occurrence was missed by more than the schedule allows."""
        _ = self._words.gettext
        blocks: list[Block] = [
            _paragraph(
                _("The push of {when} ({schedule}) was missed, and it is too late now to send it unasked.").format(
                    when=self._words.moment(occurrence), schedule=schedule
                )
            ),
            _note(_("To send it all the same: {command}").format(command=f"recap send {episode.number}")),
        ]
        title = _("Episode {number} has not been pushed").format(number=episode.number)
        key = f"{_occasion('missed', schedule, occurrence)} {episode.number}"
        return self._notice(key, title, blocks, episode=episode.number)

    def broken_file(self, version: str, problems: Sequence[Problem], *, in_use: bool) -> Notice:
        """An episode file has mistakes; `in_use` says whether its last good version goes on counting."""
        _ = self._words.gettext
        fate = (
            _("Its last good version goes on counting until the file is mended.")
            if in_use
            else _("It does not count until it is mended.")
        )
        title = _("A mistake in {name}").format(name=problems[0].path.name)
        blocks: list[Block] = [*_listed(_shown(problems)), _paragraph(fate)]
        return self._notice(f"broken {version}", title, blocks)

    def config_refused(self, version: str, problems: Sequence[Problem]) -> Notice:
        """The config was changed into something that cannot be used."""
        _ = self._words.gettext
        blocks: list[Block] = [
            *_listed(_shown(problems)),
            _paragraph(_("The bot goes on with the settings that it had. Nothing is lost.")),
        ]
        return self._notice(f"config {version}", _("The new settings cannot be used"), blocks)

    def needs_restart(self, version: str, keys: Iterable[str]) -> Notice:
        """The config was changed where a running bot cannot follow."""
        _ = self._words.gettext
        sentence = _("Restart the bot for these to take effect: {keys}. Everything else holds already.")
        blocks = [_paragraph(sentence.format(keys=", ".join(keys)))]
        return self._notice(f"restart {version}", _("Some new settings need a restart"), blocks)

    def platform_stopped(self, platform: PlatformName, day: dt.date) -> Notice:
        """A platform refuses the token: nothing goes out or comes in there any more."""
        _ = self._words.gettext
        name = platform.title()
        blocks = [
            _paragraph(
                _(
                    "{platform} refuses the bot's token. Nothing is sent there until you put a valid token into the "
                    "config and restart the bot; what has waited for less than a day is sent then."
                ).format(platform=name)
            )
        ]
        return self._notice(f"stopped {platform} {day}", _("{platform} has stopped").format(platform=name), blocks)

    def restarted(self, service: str, reason: str, day: dt.date) -> Notice:
        """A part of the bot failed and was started again; told once a day."""
        _ = self._words.gettext
        blocks = [
            _paragraph(
                _("“{service}” failed and was started again ({reason}). If this goes on, look into the log.").format(
                    service=service, reason=reason
                )
            )
        ]
        return self._notice(f"restarted {service} {day}", _("A part of the bot was restarted"), blocks)

    def not_published(self, target: Target, message_id: str, reason: str) -> Notice:
        """A message of an announcement channel did not go on to its followers."""
        _ = self._words.gettext
        sentence = _("{target} has the message, but it could not be published to its followers ({reason}).")
        hint = _("You can publish it by hand in Discord.")
        blocks: list[Block] = [_paragraph(sentence.format(target=target, reason=reason)), _note(hint)]
        return self._notice(f"not-published {target} {message_id}", _("A message was not published"), blocks)

    def paused_too_long(self, target: Target, reason: str, day: dt.date) -> Notice:
        """A subscription was paused for so long that it has ended."""
        _ = self._words.gettext
        sentence = _("{target} has not let the bot write for weeks ({reason}). Its subscription has ended.")
        blocks: list[Block] = [
            _paragraph(sentence.format(target=target, reason=reason)),
            _note(_("To bring it back: {command}").format(command=f"recap subscriptions add {target}")),
        ]
        return self._notice(f"ended {target} {day}", _("A subscription has ended"), blocks)

    def welcome(self, next_push: dt.datetime | None) -> Notice:
        """The bot runs for the first time."""
        _ = self._words.gettext
        sentences = [_("The bot is running, and its reports will come here.")]
        if next_push is not None:
            sentences.append(_("Next push: {when}.").format(when=self._words.moment(next_push)))
        return self._notice(WELCOME, _("All is set"), [_paragraph(" ".join(sentences))], alarming=False)

    def _served(self, push: Pushed) -> Paragraph:
        ngettext = self._words.ngettext
        everybody = push.sent + push.failed + push.unknown
        if not everybody:
            sentence = self._words.gettext("Nobody is subscribed to {schedule} with topics that came up.")
            return _paragraph(sentence.format(schedule=push.schedule))
        sentence = ngettext(
            "It reached {sent} subscriber of {count}, in {time}.",
            "It reached {sent} subscribers of {count}, in {time}.",
            push.sent,
        ).format(sent=push.sent, count=everybody, time=self._words.duration(push.took))
        if len(push.served) > 1:
            sentence += " " + " · ".join(
                self._labelled(platform.title(), count) for platform, count in sorted(push.served.items())
            )
        return _paragraph(sentence)

    def _labelled(self, name: str, text: object) -> str:
        return self._words.gettext("{name}: {text}").format(name=name, text=text)

    def _notice(
        self, key: str, title: str, blocks: Sequence[Block], *, episode: int = 0, alarming: bool = True
    ) -> Notice:
        heading = Heading((Span(title),), level=1)
        return Notice(key, Document(title=title, sections=(Section((heading, *blocks)),)), episode, alarming)


def _merged(unserved: Iterable[Unserved]) -> list[Unserved]:
    """One for each platform and sentence: whose turn it was when a push was stopped makes no difference to anybody."""
    merged: dict[tuple[object, ...], Unserved] = {}
    for each in unserved:
        alike = dataclasses.replace(each, code=_ALIKE.get(each.code, each.code))
        key = (alike.platform, alike.code, alike.unknown)
        if key in merged:
            targets = (*merged[key].targets, *alike.targets)
            alike = dataclasses.replace(alike, count=merged[key].count + alike.count, targets=targets)
        merged[key] = alike
    return list(merged.values())


def _occasion(what: str, schedule: str, occurrence: dt.datetime) -> str:
    # By the hour on the wall: the one that autumn repeats is one occasion.
    return f"{what} {schedule} {occurrence:%Y-%m-%d %H:%M}"


def _shown(problems: Sequence[Problem]) -> list[str]:
    shown = [str(problem) for problem in problems[:LONGEST_LIST]]
    return [*shown, "…"] if len(problems) > LONGEST_LIST else shown


def _listed(lines: Iterable[str]) -> list[Block]:
    items = tuple((_paragraph(line),) for line in lines)
    return [Listing(items)] if items else []


def _paragraph(text: str) -> Paragraph:
    return Paragraph((Span(text),))


def _note(text: str) -> Note:
    return Note((Span(text),))
