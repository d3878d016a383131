"""The parts of an episode file: what stands above the first title, and below each one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.content.richtext import SOURCES_LINE, RichText
from bot.model.address import site, web_address
from bot.model.document import Block, Picture
from bot.model.episode import Source
from bot.model.problems import BadValueError
from bot.model.text import LONGEST_TOPIC, normalise_topic, slugify

if TYPE_CHECKING:
    from markdown_it.token import Token

    from bot.content.richtext import Node

_SEGMENT = "h2"
_TITLES = {"h1", _SEGMENT}

_SLUG_BEGINS = "{#"
_SLUG_MARK = re.compile(r"\{#([^{}]*)\}$")
# What Telegram's deep links carry, in the one case that people can tell each other.
_SLUG = re.compile(r"[a-z0-9_-]+")
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")

_TOPIC = re.compile(r"#([^\s#,]+)")
_TOPICS_LINE = re.compile(rf"{_TOPIC.pattern}(?:[\s,]*{_TOPIC.pattern})*,?")
_IMAGE_LINE = re.compile(r"!\[.*\][(\[].*[)\]]")
_ADDRESS_ONLY = re.compile(r"<?([a-z][a-z0-9+.-]*:[^\s<>]*|www\.[^\s<>]+)>?", re.IGNORECASE)

_SOURCE_CURE = "Write '- [Title](https://…)' or '- https://…', and nothing else on the line"


@dataclass(slots=True)
class Part:
    """What stands below one title, or above the first one. A line is 0 for what there is none of."""

    line: int
    title: str = ""
    slug: str = ""
    is_segment: bool = True
    """False above the first title, and below a title of a wrong level, where there is nothing to miss."""
    summary: list[Block] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    topics_line: int = 0
    image: Picture | None = None
    image_line: int = 0
    sources: list[Source] = field(default_factory=list)
    sources_line: int = 0


def read_parts(rich_text: RichText) -> tuple[Part, list[Part]]:
    """Return the part above the first title, and one part for each title."""
    intro = Part(line=1, is_segment=False)
    parts: list[Part] = []
    reader = _PartReader(intro, rich_text)
    for node in rich_text.nodes:
        if node.token.tag not in _TITLES:
            reader.read(node)
        elif node.token.markup in {"=", "-"}:
            reader.underlined(node)
        else:
            reader.close()
            part = _TitleReader(rich_text).read(node)
            parts.append(part)
            reader = _PartReader(part, rich_text)
    reader.close()
    return intro, parts


class _TitleReader:
    """A reader of titles, each of which begins a part."""

    def __init__(self, rich_text: RichText) -> None:
        self._rich_text = rich_text
        self._mistakes = rich_text.mistakes

    def read(self, heading: Node) -> Part:
        line, text = heading.line, heading.text
        mark = _SLUG_MARK.search(text)
        spans = self._rich_text.spans(text[: mark.start()] if mark else text, line)
        title = "".join(span.text for span in spans)
        is_segment = heading.token.tag == _SEGMENT
        if not is_segment:
            self._mistakes.add(
                line,
                "the title of a segment begins with two '#'",
                f"Write '## {title}'; the episode's own title stands in the front matter, and #topics have no space",
            )
        elif not title:
            self._mistakes.add(line, "the segment has no title", "Write one after '##'")
        if any(span.url is not None for span in spans):
            self._mistakes.add(line, "a title cannot be a link", "Put the link into the text below or its sources")
        slug = self._written_slug(mark[1].strip(), line) if mark else self._made_slug(title, line)
        return Part(line, title, slug, is_segment)

    def _written_slug(self, slug: str, line: int) -> str:
        if _SLUG.fullmatch(slug):
            return slug
        self._mistakes.add(
            line,
            f"'{{#{slug}}}' is no name for a link: it is made of the letters a to z, digits, '-' and '_'",
            f"Write {{#{ascii_slug(slug) or 'netflix'}}}",
        )
        return ""

    def _made_slug(self, title: str, line: int) -> str:
        slug = ascii_slug(title)
        if _SLUG_BEGINS in title:
            message = f"the title has '{_SLUG_BEGINS}' and no '}}' at its end"
            self._mistakes.add(line, message, "End it as in {#netflix}")
        if title and not slug:
            self._mistakes.add(
                line,
                f"no name for links can be made from the title '{title}'",
                "Add one at its end, in the letters a to z, as in {#netflix}",
            )
        return slug


def ascii_slug(text: str) -> str:
    """A name for links in the letters a to z; empty when the text has none."""
    return _NOT_IN_SLUG.sub("-", slugify(text)).strip("-")


class _PartReader:
    """Fills one part, element by element."""

    def __init__(self, part: Part, rich_text: RichText) -> None:
        self._part = part
        self._rich_text = rich_text
        self._mistakes = rich_text.mistakes
        # After `Sources :`, a list holds sources; and unless something was told already, there has to be one.
        self._list_may_come = self._list_has_to_come = False

    def read(self, node: Node) -> None:
        if self._list_may_come and node.token.tag in {"ul", "ol"}:
            self._list_may_come = self._list_has_to_come = False
            for item in node.children:
                self._source_item(item)
            return
        self.close()
        if node.token.tag == "p":
            self.paragraph(node)
        else:
            self._part.summary += self._rich_text.blocks([node])

    def close(self) -> None:
        """Nothing more belongs to what has been read so far."""
        if self._list_has_to_come:
            self._mistakes.add(
                self._part.sources_line,
                "no list of sources follows",
                "Begin each line below it with '- ', as in '- [Title](https://…)', or remove 'Sources :'",
            )
        self._list_may_come = self._list_has_to_come = False

    def underlined(self, heading: Node) -> None:
        """Text above a line of `-` or `=`, a title in Markdown, which hardly anybody means."""
        self.close()
        self.paragraph(heading)
        if self._list_has_to_come:
            # The line is the empty first item of a template.
            self._list_has_to_come = False
            self._mistakes.add(self._part.sources_line + 1, "the source is empty", _SOURCE_CURE)
            return
        self._mistakes.add(
            heading.line,
            f"Markdown takes this text for a title, because of the line of '{heading.token.markup}' right below it",
            "Leave a blank line between the two, or write a title as '## Title'",
        )

    def paragraph(self, node: Node) -> None:
        """A paragraph, which may hold lines that mean more than text."""
        line, lines = node.line, node.text.split("\n")
        only_topics = all(_TOPICS_LINE.fullmatch(text.strip()) for text in lines)
        # Where the text begins that is not yet in the summary.
        begin = 0
        for index, text in enumerate(map(str.strip, lines)):
            first = index == begin and self._is_untouched()
            if (only_topics or first) and _TOPICS_LINE.fullmatch(text):
                self._topics(text, line + index)
            elif _IMAGE_LINE.fullmatch(text) and (image := self._only_image(text)) is not None:
                self._text(lines[begin:index], line + begin)
                self._image(image, line + index)
            elif index == len(lines) - 1 and SOURCES_LINE.fullmatch(text):
                self._text(lines[begin:index], line + begin)
                self._part.sources_line = line + index
                self._list_may_come = self._list_has_to_come = True
            else:
                continue
            begin = index + 1
        self._text(lines[begin:], line + begin)

    def _is_untouched(self) -> bool:
        part = self._part
        return part.is_segment and not (part.summary or part.topics_line or part.image_line or part.sources_line)

    def _text(self, lines: list[str], line: int) -> None:
        """Put the lines, which begin at `line`, into the summary."""
        if lines and (paragraph := self._rich_text.paragraph("\n".join(lines), line)) is not None:
            self._part.summary.append(paragraph)

    def _topics(self, text: str, line: int) -> None:
        self._part.topics_line = line
        for hashtag in _TOPIC.findall(text):
            topic = normalise_topic(hashtag)
            if not topic:
                self._mistakes.add(line, f"the topic '#{hashtag}' has neither letters nor digits", "Write a word")
            elif len(topic.encode()) > LONGEST_TOPIC:
                cure = f"Write a shorter one, of {LONGEST_TOPIC} letters without accents at most"
                self._mistakes.add(line, f"the topic '#{hashtag}' is too long for a button", cure)
            elif topic not in self._part.topics:
                self._part.topics.append(topic)

    def _only_image(self, text: str) -> Token | None:
        tokens = self._rich_text.inline(text)
        return tokens[0] if len(tokens) == 1 and tokens[0].type == "image" else None

    def _image(self, image: Token, line: int) -> None:
        part = self._part
        if part.image_line:
            self._mistakes.add(
                line, f"the segment has an image already, on line {part.image_line}", "Keep one of the two"
            )
            return
        part.image_line = line
        alt = "".join(token.content for token in image.children or ()).strip()
        if not alt:
            cure = "Say what it shows between the brackets, as in ![The new logo](https://…)"
            self._mistakes.add(line, "the image has no description for those who cannot see it", cure)
        url = self._address(str(image.attrs["src"]), line)
        part.image = Picture(url, alt)

    def _source_item(self, item: Node) -> None:
        if not item.children:
            self._mistakes.add(item.line, "the source is empty", _SOURCE_CURE)
        elif len(item.children) > 1 or item.children[0].token.tag != "p":
            self._mistakes.add(item.line, "the source is more than a link", _SOURCE_CURE)
        else:
            [only] = item.children
            self._source(only.text, only.line)

    def _source(self, content: str, line: int) -> None:
        bare = _ADDRESS_ONLY.fullmatch(content)
        if bare is not None:
            url = self._address(bare[1], line)
            if url:
                self._part.sources.append(Source(title=site(bare[1]), url=url))
            return
        spans = self._rich_text.spans(content, line)
        urls = {span.url for span in spans}
        if None in urls or len(urls) > 1:
            self._mistakes.add(line, "the source is not just a link", _SOURCE_CURE)
        for url in filter(None, urls):
            self._part.sources.append(Source(title="".join(span.text for span in spans), url=url))

    def _address(self, text: str, line: int) -> str:
        """The address, or nothing when it is a bad one."""
        try:
            return web_address(text)
        except BadValueError as error:
            self._mistakes.add(line, str(error), error.cure)
            return ""
