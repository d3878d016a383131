"""The parts of an episode file: the text above the first title, and the text below each title."""

import functools
import re
from dataclasses import dataclass, field

from markdown_it.token import Token

from bot.content.richtext import SOURCES_LINE, Node, RichText, good_address
from bot.model.address import site
from bot.model.document import Block, Picture
from bot.model.episode import Source
from bot.model.split import text_of
from bot.model.text import LONGEST_TOPIC, normalise_topic, slugify

_SEGMENT = "h2"
_TITLES = {"h1", _SEGMENT}

_SLUG_BEGINS = "{#"
_SLUG_MARK = re.compile(r"\{#([^{}]*)\}$")
# Telegram's deep links carry these characters and capitals. Because capitals cannot be heard, they are left out.
_SLUG = re.compile(r"[a-z0-9_-]+")
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")

_TOPIC = re.compile(r"#([^\s#,]+)")
_TOPICS_LINE = re.compile(rf"{_TOPIC.pattern}(?:[\s,]*{_TOPIC.pattern})*,?")
_IMAGE_LINE = re.compile(r"!\[.*\][(\[].*[)\]]")
_ADDRESS_ONLY = re.compile(r"<?([a-z][a-z0-9+.-]*:[^\s<>]*|www\.[^\s<>]+)>?", re.IGNORECASE)

_SOURCE_CURE = "Write '- [Title](https://…)' or '- https://…', and nothing else on the line"


@dataclass(slots=True)
class Part:
    """The text below one title, or above the first title. Each line is 0 if the part has nothing of the kind."""

    line: int
    title: str = ""
    slug: str = ""
    is_segment: bool = True
    """False above the first title, and below a title of a wrong level: such a part may be without a summary."""
    summary: list[Block] = field(default_factory=list)
    topics: dict[str, str] = field(default_factory=dict)
    """Each topic, and the hashtag that names it."""
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
            parts.append(_begun(node, rich_text))
            reader = _PartReader(parts[-1], rich_text)
    reader.close()
    return intro, parts


def _begun(heading: Node, rich_text: RichText) -> Part:
    """Return the part that a title begins."""
    line, tell = heading.line, functools.partial(rich_text.mistakes.add, heading.line)
    mark = _SLUG_MARK.search(heading.text)
    spans = rich_text.spans(heading.text[: mark.start()] if mark else heading.text, line)
    title = text_of(spans)
    is_segment = heading.token.tag == _SEGMENT
    if not is_segment:
        tell(
            "the title of a segment begins with two '#'",
            f"Write '## {title}'; the episode's own title stands in the front matter, and #topics have no space",
        )
    elif not title:
        tell("the segment has no title", "Write one after '##'")
    if any(span.url is not None for span in spans):
        tell("a title cannot be a link", "Put the link into the text below or its sources")
    if mark:
        slug = mark[1].strip()
        if not _SLUG.fullmatch(slug):
            message = f"'{{#{slug}}}' is no name for a link: it is made of the letters a to z, digits, '-' and '_'"
            tell(message, f"Write {{#{ascii_slug(slug) or 'netflix'}}}")
            slug = ""
    else:
        slug = ascii_slug(title)
        if _SLUG_BEGINS in title:
            tell(f"the title has '{_SLUG_BEGINS}' and no '}}' at its end", "End it as in {#netflix}")
        if title and not slug:
            cure = "Add one at its end, in the letters a to z, as in {#netflix}"
            tell(f"no name for links can be made from the title '{title}'", cure)
    return Part(line, title, slug, is_segment)


def ascii_slug(text: str) -> str:
    """Return a name for links in the letters a to z and digits; empty if the text has none of them."""
    return _NOT_IN_SLUG.sub("-", slugify(text)).strip("-")


class _PartReader:
    """A reader of blocks, which fills one part."""

    def __init__(self, part: Part, rich_text: RichText) -> None:
        self._part = part
        self._rich_text = rich_text
        self._mistakes = rich_text.mistakes
        # After `Sources :`, a list holds sources. The list has to come, unless a mistake has been told already.
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
        """End the part, or the wait for a list of sources."""
        if self._list_has_to_come:
            cure = "Begin each line below it with '- ', as in '- [Title](https://…)', or remove 'Sources :'"
            self._mistakes.add(self._part.sources_line, "no list of sources follows", cure)
        self._list_may_come = self._list_has_to_come = False

    def underlined(self, heading: Node) -> None:
        """Read text above a line of `-` or `=` as a paragraph: few authors mean the title that Markdown sees."""
        self.close()
        self.paragraph(heading)
        if self._list_has_to_come:
            # Because `Sources :` stands above, the line of one '-' is the empty first item of a template.
            self._list_has_to_come = False
            self._mistakes.add(self._part.sources_line + 1, "the source is empty", _SOURCE_CURE)
            return
        self._mistakes.add(
            heading.line,
            f"Markdown takes this text for a title, because of the line of '{heading.token.markup}' right below it",
            "Leave a blank line between the two, or write a title as '## Title'",
        )

    def paragraph(self, node: Node) -> None:
        """Read a paragraph, which may hold lines of topics, an image or `Sources :`."""
        part, line, lines = self._part, node.line, node.text.split("\n")
        only_topics = all(_TOPICS_LINE.fullmatch(text.strip()) for text in lines)
        # The index of the first line that is not yet in the part.
        begin = 0
        for index, text in enumerate(map(str.strip, lines)):
            touched = part.summary or part.topics_line or part.image_line or part.sources_line
            first = index == begin and part.is_segment and not touched
            tokens = self._rich_text.inline(text) if _IMAGE_LINE.fullmatch(text) else ()
            if (only_topics or first) and _TOPICS_LINE.fullmatch(text):
                self._topics(text, line + index)
            elif [token.type for token in tokens] == ["image"]:
                self._text(lines[begin:index], line + begin)
                self._image(tokens[0], line + index)
            elif index == len(lines) - 1 and SOURCES_LINE.fullmatch(text):
                self._text(lines[begin:index], line + begin)
                part.sources_line = line + index
                self._list_may_come = self._list_has_to_come = True
            else:
                continue
            begin = index + 1
        self._text(lines[begin:], line + begin)

    def _text(self, lines: list[str], line: int) -> None:
        """Add the lines, which begin at `line`, to the summary."""
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
                self._part.topics[topic] = hashtag

    def _image(self, image: Token, line: int) -> None:
        part = self._part
        if part.image_line:
            told = f"the segment has an image already, on line {part.image_line}"
            self._mistakes.add(line, told, "Keep one of the two")
            return
        part.image_line = line
        alt = "".join(token.content for token in image.children or ()).strip()
        if not alt:
            cure = "Say what it shows between the brackets, as in ![The new logo](https://…)"
            self._mistakes.add(line, "the image has no description for those who cannot see it", cure)
        part.image = Picture(good_address(str(image.attrs["src"]), line, self._mistakes), alt)

    def _source_item(self, item: Node) -> None:
        if not item.children:
            self._mistakes.add(item.line, "the source is empty", _SOURCE_CURE)
        elif len(item.children) > 1 or item.children[0].token.tag != "p":
            self._mistakes.add(item.line, "the source is more than a link", _SOURCE_CURE)
        else:
            self._source(item.children[0].text, item.children[0].line)

    def _source(self, content: str, line: int) -> None:
        bare = _ADDRESS_ONLY.fullmatch(content)
        if bare is not None:
            if url := good_address(bare[1], line, self._mistakes):
                self._part.sources.append(Source(title=site(bare[1]), url=url))
            return
        spans = self._rich_text.spans(content, line)
        urls = {span.url for span in spans}
        if None in urls or len(urls) > 1:
            self._mistakes.add(line, "the source is not just a link", _SOURCE_CURE)
        for url in filter(None, urls):
            self._part.sources.append(Source(title=text_of(spans), url=url))
