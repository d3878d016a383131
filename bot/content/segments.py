"""The parts of an episode file: the text above the first title, and the text below each title."""

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it.token import Token

from bot.content.richtext import SOURCES_LINE, Node, RichText, good_address
from bot.model.address import bare_addresses, is_address, site
from bot.model.document import Block, Picture
from bot.model.episode import Source, seconds_in
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import Change, named_lines
from bot.model.split import text_of
from bot.model.text import LONGEST_TOPIC, normalise_topic, slugify

_SEGMENT = "h2"
_TITLE = re.compile(r"h[1-6]")
_UNDERLINED = "underlined"
"""The level of titles above lines of `-` or `=`, in a file that has no others."""
_SIGNS = re.compile(r"#+")

_SLUG_BEGINS = "{#"
SLUG_MARK = re.compile(r"\{#([^{}]*)\}$")
# Telegram's deep links carry these characters and capitals. Because capitals cannot be heard, they are left out.
_SLUG = re.compile(r"[a-z0-9_-]+")
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")
_TIME = re.compile(r"at=(\S+)")
_LIKE_TIME = re.compile(r"(?:^|\s)(?:\w+\s*=|at\s+\d|\d+\s*[:.,h]\s*\d).*", re.IGNORECASE)
"""A text behind a name for links that is meant to be a time."""
LOOSE_TIME = re.compile(r"[{(\[]\s*at\s*=\s*(?P<time>[\d:]+)\s*[})\]]")
"""A time outside of the braces with the name for links, where it is a part of the title."""

# Signs that end or part words belong to no topic.
TOPIC = re.compile(r"#([^\s#,;]*[^\s#,;.:!?])")
TOPICS_LINE = re.compile(rf"{TOPIC.pattern}(?:[\s,;/|·•+–—-]*{TOPIC.pattern})*[\s,;.:]*")
_IMAGE_LINE = re.compile(r"!\[.*\][(\[].*[)\]]")
_ADDRESS_ONLY = re.compile(r"<?([a-z][a-z0-9+.-]*:[^\s<>]*|www\.[^\s<>]+)>?", re.IGNORECASE)

# Words that follow '#' with a space, as in `# netflix, # streaming`.
_SPACED_TOPICS = re.compile(r"[^\W\d_][\w-]*(?:(?:\s*,\s*|\s+)#\s*[\w-]+)*")
EXCHANGED = re.compile(r"\(([^()\[\]\n]+)\)\[(https?://[^\s\[\]]+)\]")
"""A link whose round and square brackets have changed places."""
_LINK = re.compile(r"\[[^\[\]]*\]\([^()\s]*\)")
_SOURCE_CURE = gettext_noop("Write '- [Title](https://…)' or '- https://…', and nothing else on the line")


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
    begins: int | None = None
    """The seconds of the recording before the subject."""


def read_parts(rich_text: RichText) -> tuple[Part, list[Part]]:
    """Return the part above the first title, and one part for each title."""
    intro = Part(line=1, is_segment=False)
    parts: list[Part] = []
    reader = _PartReader(intro, rich_text)
    level = _level(rich_text)
    for node in rich_text.nodes:
        if not _TITLE.fullmatch(node.token.tag):
            reader.read(node)
        elif node.token.markup in {"=", "-"} and level != _UNDERLINED:
            reader.underlined(node)
        elif SOURCES_LINE.fullmatch(f"{node.text.rstrip(' :')}:"):
            reader.sources_title(node)
        elif node.token.tag not in {level, "h1"} and level != _UNDERLINED:
            reader.read(node)
        elif level in {node.token.tag, _UNDERLINED} or (level == _SEGMENT and not reader.spaced_topics(node)):
            reader.close()
            parts.append(_begun(node, rich_text, is_segment=level in {node.token.tag, _UNDERLINED}))
            reader = _PartReader(parts[-1], rich_text)
    reader.close()
    return intro, parts


def _level(rich_text: RichText) -> str:
    """Return the level of the segments' titles. It is a mistake if no title has two '#', told once."""
    titles = [node for node in rich_text.nodes if _TITLE.fullmatch(node.token.tag) and node.token.markup[0] == "#"]
    tags = [node.token.tag for node in titles]
    if not tags:
        return _underlined(rich_text)
    if _SEGMENT in tags:
        return _SEGMENT
    cures = []
    # The likeliest level first; and at each, the first title of the file may be the episode's own.
    levels = sorted(set(tags), key=lambda tag: (-tags.count(tag), tag))
    for level, is_own in itertools.product(levels, (False, True)):
        chosen = [node.line for node in titles[is_own:] if node.token.tag == level]
        own = titles[0].line if is_own or (levels[0] != "h1" and tags[0] == "h1" != level) else 0
        chosen = [line for line in chosen if line != own]
        if chosen:
            edits = [(line, rich_text.lines[line], _SIGNS.sub("##", rich_text.lines[line], count=1)) for line in chosen]
            cure = _("Begin {chosen} with two, as in '{strip}'").format(
                chosen=named_lines(chosen), strip=edits[0][2].strip()
            )
            if own:
                edits.append((own, rich_text.lines[own], ""))
                cure += _(", and delete line {own}, because the episode's title stands in the front matter").format(
                    own=own
                )
            cures.append(Change(cure, tuple(edits)))
    cure = _("Write each as '## Title', with text below it; the episode's own title stands in the front matter")
    rich_text.mistakes.add(
        titles[0].line, _("the title of a segment begins with two '#', and none here does"), *cures, cure
    )
    return levels[0]


def _underlined(rich_text: RichText) -> str:
    """Return the level of titles that are underlined, if they are the file's only ones, and tell it once."""
    titles = [node for node in rich_text.nodes if _TITLE.fullmatch(node.token.tag) and "\n" not in node.text]
    titles = [node for node in titles if not SOURCES_LINE.fullmatch(node.text.strip())]
    if not titles:
        return _SEGMENT
    lines, edits = rich_text.lines, []
    for node in titles:
        edits += [(node.line, lines[node.line], f"## {node.text.strip()}"), (node.end, lines[node.end], "")]
    cure = _("Write '{edits}' and no line of '{markup}' below it").format(
        edits=edits[0][2], markup=titles[0].token.markup
    )
    if more := [node.line for node in titles[1:]]:
        cure += _(", and the same on {more}").format(more=named_lines(more))
    rich_text.mistakes.add(
        titles[0].line,
        _("the title of a segment begins with two '#', and none here does"),
        Change(cure, tuple(edits)),
        cure,
    )
    return _UNDERLINED


def _begun(heading: Node, rich_text: RichText, *, is_segment: bool) -> Part:
    """Return the part that a title begins."""
    line, tell = heading.line, functools.partial(rich_text.mistakes.add, heading.line)
    written = rich_text.lines[line]
    mark = SLUG_MARK.search(heading.text)
    spans = rich_text.spans(heading.text[: mark.start()] if mark else heading.text, line)
    title = text_of(spans)
    if not is_segment:
        tell(
            _("the title of a segment begins with two '#'"),
            Change(_("Write '{mended}'").format(mended=f"## {title}"), ((line, "#", "##"),)),
            Change(
                _("Delete the line, if it is the episode's title: that stands in the front matter"),
                ((line, written, ""),),
            ),
            _("Write '## {title}' and text below it, or delete the line; #topics have no space after '#'").format(
                title=title
            ),
        )
    elif not title:
        tell(_("the segment has no title"), _("Write one after '##'"))
    if any(span.url is not None for span in spans):
        tell(_("a title cannot be a link"), _("Put the link into the text below or its sources"))
    begins = None
    if mark:
        slug, time = _slug_and_time(mark[1], title)
        if time and (begins := seconds_in(read[1]) if (read := _TIME.fullmatch(time)) else None) is None:
            meant = ":".join(re.findall(r"\d+", time))
            named = f"{{#{slug} at={meant}}}"
            change = Change(_("Write {named}").format(named=named), ((line, mark[0], named),))
            tell(
                _("'{time}' does not say when the subject begins").format(time=time),
                *([] if seconds_in(meant) is None else [change]),
                _("Write minutes and seconds, as in {#netflix at=12:34}, and hours before them, as in at=1:02:03"),
            )
        if not _SLUG.fullmatch(slug):
            message = _(
                "'{{#{slug}}}' is no name for a link: it is made of the letters a to z, digits, '-' and '_'"
            ).format(slug=slug)
            named = " ".join(filter(None, [f"{{#{ascii_slug(slug)}", time])) + "}"
            rename = Change(_("Write {named}").format(named=named), ((line, mark[0], named),))
            leave = Change(_("Take {mark} out").format(mark=mark[0]), ((line, mark[0], ""),))
            tell(message, *([rename] if ascii_slug(slug) else []), leave, _("Write another name, as in {#netflix}"))
            slug = ""
    else:
        slug = ascii_slug(title)
        if _SLUG_BEGINS in title:
            name = title.partition(_SLUG_BEGINS)[2].partition("}")[0].strip()
            loose = LOOSE_TIME.search(written)
            name += f" at={loose['time']}" if loose else ""
            begin, _mark, end = written.replace(loose[0] if loose else "", "").partition(_SLUG_BEGINS)
            mended = f"{begin}{end.partition('}')[2].strip()}".rstrip() + f" {{#{name}}}"
            change = Change(_("Write '{mended}'").format(mended=mended), ((line, written, mended),))
            tell(
                _("the title has '{slug_begins}' and no '}}' at its end").format(slug_begins=_SLUG_BEGINS),
                change,
                _("End it as in {#netflix}"),
            )
        if title and not slug:
            cure = _("Add one at its end, in the letters a to z, as in {#netflix}")
            tell(_("no name for links can be made from the title '{title}'").format(title=title), cure)
    return Part(line, title, slug, is_segment, begins=begins)


def _slug_and_time(mark: str, title: str) -> tuple[str, str]:
    """Return the name for links in the braces below a title, and the text behind it that is meant to be a time."""
    found = _LIKE_TIME.search(mark)
    slug = mark[: found.start() if found else None].strip()
    return (slug or ascii_slug(title), found[0].strip()) if found else (slug, "")


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
        self.close(node)
        if node.token.tag == "p":
            self.paragraph(node)
        else:
            self._part.summary += self._rich_text.blocks([node])

    def close(self, node: Node | None = None) -> None:
        """End the part, or the wait for a list of sources, at the block that stands in its place."""
        if self._list_has_to_come:
            below = range(*node.token.map) if node is not None and node.token.map else ()
            edits = tuple(self._rich_text.as_list(at + 1 for at in below))
            change = Change(_("Begin each line below it with '- '"), edits)
            cure = _("Write '- [Title](https://…)' below it for each source, or remove 'Sources :'")
            self._mistakes.add(
                self._part.sources_line, _("no list of sources follows"), *((change,) if edits else ()), cure
            )
        self._list_may_come = self._list_has_to_come = False

    def sources_title(self, heading: Node) -> None:
        """Read a title that says no more than `Sources` as that line."""
        self.close()
        written = self._rich_text.lines[heading.line]
        change = Change(_("Write 'Sources :' without '#' signs"), ((heading.line, written, "Sources :"),))
        cure = _("Write 'Sources :' without '#' signs, and below it a list of links")
        self._mistakes.add(heading.line, _("the sources stand under a title"), change, cure)
        self._part.sources_line, self._list_may_come = heading.line, True

    def spaced_topics(self, heading: Node) -> bool:
        """Read a title of the first level right below a segment's as topics with spaces, and return whether it is."""
        part, is_first = self._part, not (self._part.summary or self._part.topics)
        if not part.is_segment or not _SPACED_TOPICS.fullmatch(heading.text) or not (is_first or "#" in heading.text):
            return False
        written = self._rich_text.lines[heading.line]
        topics = " ".join(f"#{word}" for word in re.split(r"[\s#,]+", heading.text) if word)
        change = Change(
            _("Write '{topics}', if these are topics").format(topics=topics), ((heading.line, written, topics),)
        )
        cure = _("Write '{topics}' right below the title, if these are topics").format(topics=topics)
        self._mistakes.add(heading.line, _("a topic has no space after its '#'"), change, cure)
        # Because the segment's own text follows, the next paragraph is read as if the topics were right.
        part.topics_line = heading.line
        return True

    def underlined(self, heading: Node) -> None:
        """Read text above a line of `-` or `=` as a paragraph: few authors mean the title that Markdown sees."""
        self.close()
        self.paragraph(heading)
        if self._list_has_to_come:
            # Because `Sources :` stands above, the line of one '-' is the empty first item of a template.
            self._list_has_to_come = False
            self._mistakes.add(self._part.sources_line + 1, _("the source is empty"), _(_SOURCE_CURE))
            return
        written, is_rule = self._rich_text.lines[heading.end], heading.token.markup == "-"
        cure = (
            _("Leave a blank line between the two")
            if is_rule
            else _("Delete the line of '{markup}'").format(markup=heading.token.markup)
        )
        self._mistakes.add(
            heading.line,
            _("Markdown takes this text for a title, because of the line of '{markup}' right below it").format(
                markup=heading.token.markup
            ),
            Change(cure, ((heading.end, written, f"\n{written}" if is_rule else ""),)),
            _("{cure}, or write a title as '## Title'").format(cure=cure),
        )

    def paragraph(self, node: Node) -> None:
        """Read a paragraph, which may hold lines of topics, an image or `Sources :`."""
        part, line, lines = self._part, node.line, node.text.split("\n")
        only_topics = all(TOPICS_LINE.fullmatch(text.strip()) for text in lines)
        # The index of the first line that is not yet in the part.
        begin = 0
        for index, text in enumerate(map(str.strip, lines)):
            touched = part.summary or part.topics_line or part.image_line or part.sources_line
            first = index == begin and part.is_segment and not touched
            tokens = self._rich_text.inline(text) if _IMAGE_LINE.fullmatch(text) else ()
            if (only_topics or first) and TOPICS_LINE.fullmatch(text):
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
        for hashtag in TOPIC.findall(text):
            topic = normalise_topic(hashtag)
            if not topic:
                self._mistakes.add(
                    line,
                    _("the topic '#{hashtag}' has neither letters nor digits").format(hashtag=hashtag),
                    _("Write a word"),
                )
            elif len(topic.encode()) > LONGEST_TOPIC:
                cure = _("Write a shorter one, of {longest_topic} letters without accents at most").format(
                    longest_topic=LONGEST_TOPIC
                )
                self._mistakes.add(
                    line, _("the topic '#{hashtag}' is too long for a button").format(hashtag=hashtag), cure
                )
            elif topic not in self._part.topics:
                self._part.topics[topic] = hashtag

    def _image(self, image: Token, line: int) -> None:
        part = self._part
        if part.image_line:
            told = _("the segment has an image already, on line {image_line}").format(image_line=part.image_line)
            self._mistakes.add(line, told, _("Keep one of the two"))
            return
        part.image_line = line
        alt = "".join(token.content for token in image.children or ()).strip()
        if not alt:
            cure = _("Say what it shows between the brackets, as in ![The new logo](https://…)")
            self._mistakes.add(line, _("the image has no description for those who cannot see it"), cure)
        part.image = Picture(good_address(str(image.attrs["src"]), line, self._mistakes), alt)

    def _source_item(self, item: Node) -> None:
        if not item.children:
            self._mistakes.add(item.line, _("the source is empty"), _(_SOURCE_CURE))
        elif len(item.children) > 1 or item.children[0].token.tag != "p":
            self._mistakes.add(item.line, _("the source is more than a link"), _(_SOURCE_CURE))
        else:
            self._source(item.children[0].text, item.children[0].line)

    def _source(self, content: str, line: int) -> None:
        bare = _ADDRESS_ONLY.fullmatch(content)
        if bare is not None:
            if url := good_address(bare[1], line, self._mistakes):
                self._part.sources.append(Source(title=site(bare[1]), url=url))
            return
        known = len(self._mistakes.found)
        spans = self._rich_text.spans(content, line)
        urls = {span.url for span in spans}
        # Because a broken link is told already, that it is no link is the same mistake.
        if len(self._mistakes.found) == known and (None in urls or len(urls) > 1):
            if "\n" in content:
                written = self._rich_text.lines[line]
                change = Change(_("Leave a blank line below it"), ((line, written, f"{written}\n"),))
                self._mistakes.add(line, _("the text below the source belongs to it"), change, _(_SOURCE_CURE))
            else:
                cures = _cures_of_source(content, line)
                self._mistakes.add(line, _("the source is not just a link"), *cures, _(_SOURCE_CURE))
        for url in filter(None, urls):
            self._part.sources.append(Source(title=text_of(spans), url=url))


def _cures_of_source(content: str, line: int) -> Iterator[Change]:
    """Yield the cures of an item with a title and a bare address, or with several links."""
    links = [found[0] for found in _LINK.finditer(content)]
    bare = [] if links else [url for _at, url in bare_addresses(content)]
    title = content.replace(bare[0], "").strip(" \t\u00a0\u202f:;,|()<>–—-→") if len(bare) == 1 else ""
    if title and not set(title) & set("[]*`"):
        mended = f"[{title}]({bare[0]})"
    elif EXCHANGED.fullmatch(content):
        mended = EXCHANGED.sub(r"[\1](\2)", content)
    elif not bare and not links and is_address(f"https://{content}"):
        mended = f"https://{content}"
    else:
        if len(links) > 1 or len(bare) > 1:
            edits = ((line, content, "\n- ".join(links or bare)),)
            yield Change(_("Write each link on a line of its own, which begins with '- '"), edits)
        return
    yield Change(_("Write '{mended}'").format(mended=f"- {mended}"), ((line, content, mended),))
