"""The formatter: from an episode to the document of a push or of an answer, in the words of one language.

The formatter is pure: the same episode, choices and words give the same document. The platforms' renderers decide how
the document looks.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from bot.model import document as doc
from bot.model.address import at_second, is_player
from bot.model.episode import time_of
from bot.model.split import cut, first_sentence, text_of
from bot.model.text import NO_BREAK_SPACE

if TYPE_CHECKING:
    from bot.model.episode import Episode, Segment
    from bot.model.i18n import Words

SEPARATOR = " · "
LONGEST_TEASER = 180
"""Characters of the sentence that stands for a summary: five lines on a phone."""

LONGEST_LABEL = 32
"""Characters of a segment's button, without an ellipsis: what a row of a phone shows."""
MOST_SUBJECTS = 15
"""Segments that have a button of their own below a push: Discord shows 25 buttons, some of which are others."""
_COLON = re.compile(r":\s")
"""The end of the name with which a title begins, as in `Telegram : le milliard`."""

LONGEST_LINK = 64
"""Characters that a deep link of Telegram carries, each of `[A-Za-z0-9_-]`."""

LONGEST_LIST = 50
"""Characters of an episode's number and those of its segments in a button, of the 64 bytes that Telegram gives it."""


def link_to(episode: Episode, segment: Segment, longest: int = LONGEST_LINK) -> str:
    """Return the segment's name in links and buttons: its slug, or its number if the slug is too long."""
    link = f"{episode.number}-{segment.slug}"
    return link if len(link) <= longest else f"{episode.number}-{segment.number}"


class Formatter:
    """The formatter of one show's episodes in one language."""

    def __init__(self, show: str, words: Words) -> None:
        self.show = show
        self._words = words

    def episode(
        self,
        episode: Episode,
        *,
        topics: Iterable[str] = (),
        layout: doc.Layout = doc.Layout.DIGEST,
        in_private: bool | None = None,
        has_audio: bool = False,
    ) -> doc.Document | None:
        """Return the recap of an episode; with `topics`, only the segments that have one of them.

        With `has_audio`, the recap is a reply to the recording, which a time in plain words starts there.
        A segment keeps the number that it has in the whole episode. The recap is None if no segment has any of the
        topics. `in_private` says of a push whether its chat is private, by which its buttons differ; None for an
        answer, which has no buttons to each segment.
        """
        wanted = set(topics)
        chosen = [segment for segment in episode.segments if not wanted or wanted & set(segment.topics)]
        if not chosen:
            return None
        is_brief = layout is doc.Layout.BRIEF
        # Because a link would open another player, a time has none beside the recording.
        played = episode.model_copy(update={"audio": None, "page": None}) if has_audio else episode
        subjects = (self._segment(played, segment, folded=is_brief) for segment in chosen)
        sections = [self._opening(episode, chosen), *subjects]
        more = self._words.ngettext(
            "{count} subject follows in a message of its own.",
            "{count} subjects follow, each in a message of its own.",
            len(chosen),
        ).format(count=len(chosen))
        if layout is not doc.Layout.SEGMENTS:
            sections, more = _one_preview(sections), self._words.gettext("The rest follows at once.")
        return doc.Document(episode.title, tuple(sections), self._buttons(episode, chosen, in_private), layout, more)

    def rest(self, episode: Episode, segments: Sequence[Segment]) -> doc.Document:
        """Return some segments of an episode, for somebody who has read the others."""
        sections = _one_preview([self._segment(episode, segment) for segment in segments])
        more = self._words.gettext("The rest follows at once.")
        return doc.Document(episode.title, tuple(sections), (self._whole_episode(episode),), more=more)

    def segment(self, episode: Episode, segment: Segment) -> doc.Document:
        """Return one segment, with a button for the whole episode."""
        share = doc.ShareButton(self._words.gettext("Share"), link_to(episode, segment), segment.title)
        return doc.Document(segment.title, (self._excerpt(episode, segment),), (self._whole_episode(episode), share))

    def excerpts(
        self,
        title: str,
        hits: Sequence[tuple[Episode, Segment]],
        *,
        hint: str = "",
        buttons: tuple[doc.Button, ...] = (),
    ) -> doc.Document:
        """Return segments of several episodes under a title, each with its episode and date."""
        opening: list[doc.Block] = [doc.Heading((doc.Span(title),), level=1)]
        if hint:
            opening.append(doc.Note((doc.Span(hint),)))
        sections = [doc.Section(tuple(opening)), *(self._excerpt(episode, segment) for episode, segment in hits)]
        return doc.Document(title=title, sections=tuple(_one_preview(sections)), buttons=buttons)

    def _opening(self, episode: Episode, chosen: Sequence[Segment]) -> doc.Section:
        number = self._words.gettext("episode {number}").format(number=episode.number)
        blocks: list[doc.Block] = [
            doc.Heading((doc.Span(episode.title),), level=1),
            doc.Note((doc.Span(SEPARATOR.join((self.show, number, self._words.date(episode.date)))),)),
            *episode.intro,
        ]
        if len(chosen) < len(episode.segments):
            # Translators: {shown} of the {total} subjects of an episode match the topics somebody chose.
            sentence = self._words.ngettext(
                "Your topics: {shown} subject of {total}.", "Your topics: {shown} subjects of {total}.", len(chosen)
            ).format(shown=len(chosen), total=len(episode.segments))
            blocks.append(doc.Note((doc.Span(sentence),)))
        return doc.Section(tuple(blocks))

    def _segment(self, episode: Episode, segment: Segment, *, folded: bool = False) -> doc.Section:
        title = doc.Span(f"{segment.number}. {segment.title}")
        return self._section(doc.Heading((title, *self._time(episode, segment, " "))), segment, folded=folded)

    def _excerpt(self, episode: Episode, segment: Segment) -> doc.Section:
        number = self._words.gettext("Episode {number}").format(number=episode.number)
        dated = doc.Span(SEPARATOR.join((number, self._words.date(episode.date))))
        reference = doc.Note((dated, *self._time(episode, segment, SEPARATOR)))
        return self._section(doc.Heading((doc.Span(segment.title),)), segment, under_title=(reference,))

    def _section(
        self, title: doc.Heading, segment: Segment, *, under_title: tuple[doc.Block, ...] = (), folded: bool = False
    ) -> doc.Section:
        blocks: list[doc.Block] = [*under_title, *segment.summary]
        if segment.image is not None:
            blocks.append(segment.image)
        if segment.sources:
            spans = [doc.Span(self._words.ngettext("Source: ", "Sources: ", len(segment.sources)))]
            for source in segment.sources:
                spans += [doc.Span(source.title, url=source.url), doc.Span(SEPARATOR)]
            blocks.append(doc.Note(tuple(spans[:-1])))
        if folded:
            # Because a preview takes as much room as all titles, there is none.
            return doc.Section((doc.Fold(title, tuple(blocks), _teaser(segment.summary)),))
        preview = segment.image or next(iter(segment.sources), None)
        return doc.Section((title, *blocks), preview.url if preview else None)

    def _time(self, episode: Episode, segment: Segment, before: str) -> doc.Spans:
        """Return where the segment begins in the recording, as a link if the episode has an address that plays it.

        A text of its own stands `before` the time.
        """
        if segment.begins is None:
            return ()
        address = episode.audio or (episode.page if is_player(episode.page or "") else None)
        url = address and at_second(address, segment.begins)
        return doc.Span(before), doc.Span(f"▶{NO_BREAK_SPACE}{time_of(segment.begins)}", url=url)

    def _buttons(self, episode: Episode, chosen: Sequence[Segment], in_private: bool | None) -> tuple[doc.Button, ...]:
        buttons: list[doc.Button] = []
        if episode.audio:
            buttons.append(doc.LinkButton(self._words.gettext("🎧 Listen"), episode.audio))
        if episode.page:
            buttons.append(doc.LinkButton(self._words.gettext("The episode's page"), episode.page))
        commands = [] if in_private is None else self._subjects(episode, chosen)
        if hidden := [segment for segment in episode.segments if segment not in chosen]:
            label = self._words.ngettext("The other subject", "The {count} other subjects", len(hidden))
            wanted = f"{episode.number}-{'-'.join(str(segment.number) for segment in hidden)}"
            argument = wanted if len(wanted) <= LONGEST_LIST else str(episode.number)
            commands.append(doc.CommandButton(label.format(count=len(hidden)), "rest", argument, private_link=argument))
        if in_private is False:
            label = self._words.gettext("Receive it in private")
            return (*buttons, *commands, doc.CommandButton(label, "private", opens_row=True, private_link="start"))
        commands = [dataclasses.replace(each, private_link="") for each in commands]
        if in_private:
            commands.append(doc.CommandButton(self._words.gettext("Settings"), "settings", opens_row=True))
            commands.append(doc.CommandButton(self._words.gettext("Stop"), "unsubscribe"))
        return (*buttons, *commands)

    def _subjects(self, episode: Episode, chosen: Sequence[Segment]) -> list[doc.CommandButton]:
        """Return the buttons that open one segment each; of an episode with very many, one that opens the whole."""
        if len(chosen) > MOST_SUBJECTS:
            return [dataclasses.replace(self._whole_episode(episode), private_link=str(episode.number))]
        buttons = []
        for segment in chosen:
            name = _COLON.split(segment.title, maxsplit=1)[0].rstrip() or segment.title
            label = text_of(_shortened((doc.Span(f"{segment.number}. {name}"),), LONGEST_LABEL))
            link = link_to(episode, segment, LONGEST_LIST)
            buttons.append(doc.CommandButton(label, "segment", link, private_link=link_to(episode, segment)))
        return [dataclasses.replace(buttons[0], opens_row=True), *buttons[1:]]

    def _whole_episode(self, episode: Episode) -> doc.CommandButton:
        label = self._words.gettext("All of episode {number}").format(number=episode.number)
        return doc.CommandButton(label, "episode", str(episode.number))


def _teaser(blocks: Iterable[doc.Block]) -> doc.Spans:
    """Return the first sentence of the first block that has one, shortened if it is long."""
    sentence = next(filter(text_of, map(first_sentence, _texts(blocks))), ())
    return _shortened(sentence, LONGEST_TEASER)


def _shortened(spans: doc.Spans, longest: int) -> doc.Spans:
    """Return the spans, cut between words and ended with an ellipsis where they are longer."""
    head, rest = cut(spans, lambda some: len(text_of(some)) <= longest)
    return (*head, doc.Span("…")) if rest else spans


def _texts(blocks: Iterable[doc.Block]) -> Iterator[doc.Spans]:
    """Yield the texts of the blocks, however deep."""
    for block in blocks:
        match block:
            case doc.Heading(spans) | doc.Paragraph(spans) | doc.Note(spans):
                yield spans
            case doc.Quote(inner) | doc.Fold(_, inner):
                yield from _texts(inner)
            case doc.Listing(items):
                yield from _texts(itertools.chain(*items))
            case doc.CodeBlock() | doc.Picture():
                pass


def _one_preview(sections: list[doc.Section]) -> list[doc.Section]:
    """Return the sections with one preview at most: the first picture's, else the first source's."""
    previews = [section for section in sections if section.preview]
    pictures = [section for section in previews if any(isinstance(block, doc.Picture) for block in section.blocks)]
    keeper = next(iter(pictures or previews), None)
    return [section if section is keeper else dataclasses.replace(section, preview=None) for section in sections]
