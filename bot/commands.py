"""What people can type, and what each command says.

`COMMANDS` is the one table: both platforms register from it, `/help` lists it. A command takes a `Request` and
answers with a `Document`; it knows neither platform nor database.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from bot.document import Button, CommandButton, Document, Heading, Listing, Note, Paragraph, Section, Span, Style
from bot.formatter import Formatter
from bot.i18n import Language, mark, words
from bot.subscription import Subscription, SubscriptionState
from bot.text import fold, normalise_topic

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Awaitable, Callable, Sequence

    from bot.archive import Archive
    from bot.subscription import Subscriptions, Target

PAGE_SIZE = 4
"""Segments in one answer about a topic: about what one message holds."""

LONGEST_TOPIC = 4
"""Words that one topic may be typed in (`l amour ouf`), when several topics stand side by side."""


class Argument(enum.Enum):
    """What a command expects after its name."""

    NONE = enum.auto()
    TOPIC = enum.auto()
    TOPICS = enum.auto()
    EPISODE = enum.auto()


@dataclass(frozen=True, slots=True)
class Request:
    """A command as somebody typed it, or as a button stands for it.

    `may_manage` says whether they may change the target's subscription: in groups and servers only admins may.
    """

    argument: str
    target: Target
    language: Language
    may_manage: bool = True


class Agenda(Protocol):
    """When the next push of a schedule comes."""

    def next_run(self, schedule: str) -> dt.datetime | None:
        """The next occurrence, in the schedule's own time zone."""


class Desk:
    """Answers the commands, from the archive and the subscriptions."""

    def __init__(
        self,
        *,
        show: str,
        archive: Callable[[], Archive],
        subscriptions: Subscriptions,
        schedules: Sequence[str],
        agenda: Agenda,
        today: Callable[[], dt.date],
    ) -> None:
        self._show = show
        self._archive = archive
        self._subscriptions = subscriptions
        self._schedules = schedules
        self._agenda = agenda
        self._today = today

    async def latest(self, request: Request) -> Document:
        """The newest episode."""
        _ = words(request.language).gettext
        episode = self._archive().latest(self._today())
        document = episode and self._formatter(request).episode(episode)
        return document or _notice(_("No episode has been published yet. The first one will be here on a Monday."))

    async def episode(self, request: Request) -> Document:
        """One episode by its number."""
        _ = words(request.language).gettext
        published = self._archive().published(self._today())
        if not request.argument.strip():
            return _notice(_("Which episode? Add its number: /episode 1207"), *self._newest_buttons(request))
        number = re.fullmatch(r"\D*(\d{1,9})\D*", request.argument)
        if number is None:
            return _notice(_("An episode is asked for by its number: /episode 1207"), *self._newest_buttons(request))
        episode = next((episode for episode in published if episode.number == int(number[1])), None)
        document = episode and self._formatter(request).episode(episode)
        return document or _notice(
            _("There is no episode {number}.").format(number=int(number[1])), *self._newest_buttons(request)
        )

    async def topic(self, request: Request) -> Document:
        """One topic through the archive, newest first, a page at a time."""
        _ = words(request.language).gettext
        archive = self._archive()
        if not normalise_topic(request.argument):
            return _notice(_("Which topic? For example: /topic tiktok"), self._topics_button(request))
        name, page = self._topic_and_page(request.argument)
        if name is None:
            return self._unknown_topic(request, request.argument, "topic")
        hits = archive.topic(name, self._today())
        if not hits:
            sentence = _("Nothing about #{topic} so far. It will come!").format(topic=name)
            return _notice(sentence, self._topics_button(request))
        pages = -(-len(hits) // PAGE_SIZE)
        page = min(page, pages)
        buttons = []
        if page > 1:
            buttons.append(CommandButton(_("◀ Newer"), "topic", f"{name} {page - 1}"))
        if page < pages:
            buttons.append(CommandButton(_("Older ▶"), "topic", f"{name} {page + 1}"))
        ngettext = words(request.language).ngettext
        hint = ngettext("{count} subject in the archive", "{count} subjects in the archive", len(hits))
        hint = hint.format(count=len(hits))
        if pages > 1:
            hint += " · " + _("page {page} of {pages}").format(page=page, pages=pages)
        shown = hits[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        return self._formatter(request).excerpts(f"#{name}", shown, hint=hint, buttons=tuple(buttons))

    async def topics(self, request: Request) -> Document:
        """Every topic with the number of its segments, the most frequent first."""
        _ = words(request.language).gettext
        counts = self._archive().topics(self._today())
        if not counts:
            return _notice(_("There are no topics yet."))
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        listing = " · ".join(f"#{topic} ({count})" for topic, count in ordered)
        top = tuple(CommandButton(f"#{topic}", "topic", topic) for topic, _count in ordered[:6])
        return Document(
            title=_("Topics"),
            sections=(
                Section((Heading((Span(_("Topics")),), level=1), Paragraph((Span(listing),)))),
                Section((Note((Span(_("To read about one of them: /topic followed by its name.")),)),)),
            ),
            buttons=top,
        )

    async def subscribe(self, request: Request) -> Document:
        """The push from the next one on: everything, or some topics."""
        _ = words(request.language).gettext
        if not request.may_manage:
            return self._not_allowed(request)
        topics, unknown = self._parse_topics(request.argument)
        if unknown:
            return self._unknown_topic(request, unknown, "subscribe")
        current = await self._subscriptions.of(request.target)
        subscriptions = current or [Subscription(request.target, self._schedules[0])]
        for subscription in subscriptions:
            await self._subscriptions.save(
                dataclasses.replace(
                    subscription,
                    choices=dataclasses.replace(subscription.choices, topics=topics),
                    state=SubscriptionState.ACTIVE,
                    reason="",
                )
            )
        return self._confirmation(request, topics, [subscription.schedule for subscription in subscriptions])

    async def unsubscribe(self, request: Request) -> Document:
        """The way out; it works at once."""
        _ = words(request.language).gettext
        if not request.may_manage:
            return self._not_allowed(request)
        if await self._subscriptions.end(request.target, "unsubscribed"):
            return _notice(
                _("It is done: no more pushes here. /latest and the other commands still work."),
                CommandButton(_("Subscribe again"), "subscribe"),
            )
        return _notice(_("There is no subscription here."), CommandButton(_("Subscribe"), "subscribe"))

    async def help(self, request: Request) -> Document:
        """What the bot is for and every command."""
        _ = words(request.language).gettext
        listing = Listing(
            tuple(
                (
                    Paragraph(
                        (Span(f"/{command.usage(request.language)}"), Span(" – " + _(command.summary))),
                    ),
                )
                for command in COMMANDS
            )
        )
        return Document(
            title=self._show,
            sections=(
                Section((Heading((Span(self._show),), level=1), Paragraph((Span(_(_WHAT_IT_IS)),)))),
                Section((listing,)),
            ),
            buttons=self._welcome_buttons(request),
        )

    async def start(self, request: Request) -> Document:
        """Telegram's first contact; a deep link `1207` or `1207-netflix` opens that episode or segment."""
        link = re.fullmatch(r"(?P<number>\d{1,9})(?:-(?P<slug>[a-z0-9_-]+))?", request.argument.strip())
        if link is None:
            return await self.help(request)
        published = self._archive().published(self._today())
        episode = next((episode for episode in published if episode.number == int(link["number"])), None)
        segments = episode.segments if episode else ()
        segment = next((segment for segment in segments if segment.slug == link["slug"]), None)
        if episode is None or segment is None:
            return await self.episode(dataclasses.replace(request, argument=link["number"]))
        return self._formatter(request).segment(episode, segment)

    def suggest(self, argument: Argument, typed: str) -> list[tuple[str, str]]:
        """What somebody who has typed so far may mean, best first: pairs of what to show and what to type."""
        archive = self._archive()
        typed = typed.strip()
        if argument is Argument.EPISODE:
            return [
                (f"{episode.number} – {episode.title}", str(episode.number))
                for episode in archive.published(self._today())
                if fold(typed) in fold(f"{episode.number} {episode.title}")
            ]
        # Only the last of several topics is still being typed.
        before, _, last = typed.rpartition(" ")
        counts = archive.topics(self._today())
        key = normalise_topic(last)
        fitting = sorted(
            (topic for topic in counts if key in topic),
            key=lambda topic: (not topic.startswith(key), -counts[topic], topic),
        )
        nearest = fitting or archive.nearest_topics(last)
        prefix = f"{before} " if before and argument is Argument.TOPICS else ""
        return [(f"{prefix}{topic}", f"{prefix}{topic}") for topic in nearest]

    def _formatter(self, request: Request) -> Formatter:
        return Formatter(self._show, words(request.language))

    def _topic_and_page(self, text: str) -> tuple[str | None, int]:
        archive = self._archive()
        name = archive.resolve_topic(text)
        paged = re.fullmatch(r"(.+?)\s+(\d{1,4})", text.strip())
        if name is None and paged is not None:
            return archive.resolve_topic(paged[1]), max(1, int(paged[2]))
        return name, 1

    def _parse_topics(self, text: str) -> tuple[tuple[str, ...], str]:
        """The topics that were typed, in whatever way, and the first words that are none."""
        archive = self._archive()
        found: list[str] = []
        for part in re.split(r"[,;\n]+", text):
            rest = part.split()
            while rest:
                for length in range(min(LONGEST_TOPIC, len(rest)), 0, -1):
                    name = archive.resolve_topic(" ".join(rest[:length]))
                    if name is not None:
                        found.append(name)
                        rest = rest[length:]
                        break
                else:
                    return (), rest[0]
        return tuple(sorted(set(found))), ""

    def _unknown_topic(self, request: Request, typed: str, command: str) -> Document:
        _ = words(request.language).gettext
        nearest = self._archive().nearest_topics(typed)
        sentence = _("I do not know the topic {typed}.").format(typed=words(request.language).quoted(_short(typed)))
        if nearest:
            sentence += " " + _("Did you mean:")
        suggestions = (CommandButton(f"#{topic}", command, topic) for topic in nearest)
        return _notice(sentence, *suggestions, self._topics_button(request))

    def _confirmation(self, request: Request, topics: tuple[str, ...], schedules: Sequence[str]) -> Document:
        catalogue = words(request.language)
        _ = catalogue.gettext
        if topics:
            what = catalogue.ngettext(
                "You will receive each episode's subjects on the topic {topics}.",
                "You will receive each episode's subjects on the topics {topics}.",
                len(topics),
            ).format(topics=", ".join(f"#{topic}" for topic in topics))
        else:
            what = _("You will receive every episode, with all its subjects.")
        runs = [run for run in map(self._agenda.next_run, schedules) if run is not None]
        blocks: list[Paragraph | Note] = [Paragraph((Span(_("Subscribed!"), Style.BOLD), Span(f" {what}")))]
        if runs:
            blocks.append(Paragraph((Span(_("Next push: {when}.").format(when=catalogue.moment(min(runs)))),)))
        blocks.append(Note((Span(_("To stop: /unsubscribe")),)))
        return Document(
            title=_("Subscribed!"),
            sections=(Section(tuple(blocks)),),
            buttons=(CommandButton(_("Read the latest episode"), "latest"),),
        )

    def _not_allowed(self, request: Request) -> Document:
        _ = words(request.language).gettext
        return _notice(
            _("Here only the admins choose the subscription. In a private chat with me, you choose your own!"),
        )

    def _newest_buttons(self, request: Request) -> tuple[Button, ...]:
        _ = words(request.language).gettext
        newest = self._archive().published(self._today())[:3]
        return tuple(
            CommandButton(_("Episode {number}").format(number=episode.number), "episode", str(episode.number))
            for episode in newest
        )

    def _topics_button(self, request: Request) -> CommandButton:
        return CommandButton(words(request.language).gettext("All topics"), "topics")

    def _welcome_buttons(self, request: Request) -> tuple[Button, ...]:
        _ = words(request.language).gettext
        return (CommandButton(_("Read the latest episode"), "latest"), CommandButton(_("Subscribe"), "subscribe"))


_WHAT_IT_IS = mark(
    "Every Monday I bring you the recap of the episode: a summary of each subject, with its sources. "
    "You can also ask me at any time:"
)

Answer: TypeAlias = "Callable[[Desk, Request], Awaitable[Document]]"


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table.

    `summary` is a message of the catalogues, at most 100 characters in every language: the shorter of the platforms'
    limits (Discord's). `manages` marks what only admins may do in a group or server.
    """

    name: str
    summary: str
    answer: Answer
    argument: Argument = Argument.NONE
    manages: bool = False

    def usage(self, language: Language) -> str:
        """The command as one types it, with a word for its argument."""
        _ = words(language).gettext
        argument = {
            Argument.NONE: "",
            Argument.TOPIC: _("TOPIC"),
            Argument.TOPICS: "[" + _("TOPICS") + "]",
            Argument.EPISODE: _("NUMBER"),
        }[self.argument]
        return f"{self.name} {argument}".rstrip()


COMMANDS: tuple[Command, ...] = (
    Command("latest", mark("The latest episode"), Desk.latest),
    Command("topic", mark("One topic through the episodes"), Desk.topic, Argument.TOPIC),
    Command("topics", mark("All the topics"), Desk.topics),
    Command("episode", mark("An episode by its number"), Desk.episode, Argument.EPISODE),
    Command(
        "subscribe",
        mark("Receive the recap here, with all subjects or some topics"),
        Desk.subscribe,
        Argument.TOPICS,
        manages=True,
    ),
    Command("unsubscribe", mark("Stop receiving the recap here"), Desk.unsubscribe, manages=True),
    Command("help", mark("What I can do"), Desk.help),
)

START = Command("start", mark("Begin"), Desk.start)
"""Telegram sends it when somebody opens the bot; nobody needs to type it, so `/help` does not list it."""


def _short(text: str) -> str:
    """What somebody typed, as long as it can be quoted back."""
    longest = 40
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _notice(sentence: str, *buttons: Button) -> Document:
    return Document(title=sentence, sections=(Section((Paragraph((Span(sentence),)),)),), buttons=buttons)
