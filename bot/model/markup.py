"""The marks of other programs as those of Markdown, and footnotes at the places of their marks."""

import re
import unicodedata

# A link as Org, AsciiDoc, reStructuredText, MediaWiki and Jira write it.
_LINKS = [
    re.compile(form.replace("U", r"(?P<url>https?://[^\s\[\]<>]+)").replace("W", r"(?P<words>[^\]\[|`\n]+)"))
    for form in [r"\[\[U\]\[W\]\]", r"(?<!\()U\[W\]", r"`W\s<U>`_{1,2}", r"\[U\sW\]", r"\[W\|U\]"]
]
# A link to another note, in a sentence.
_OTHER_NOTE = re.compile(r"\[\[(?:[^\[\]|\n]*\|)?([^\[\]\n]*)\]\](?=[^\n]*[.!?…]\s*(?:\n|\Z))")
_BOX = re.compile(r"^[ \t]*[☐☑☒✓✔]\ufe0f?[ \t]+", re.MULTILINE)
_RAISED = r"[\u00b9\u00b2\u00b3\u2070-\u2079]{1,2}"
_NOTE = re.compile(
    rf"^[ \t]*(?:\[(\^?[\w-]{{1,30}})\]|\((\d{{1,2}})\)|({_RAISED})|(\d{{1,2}})[.)]?(?=[ \t:]+https?://))"
    r"(?:[ \t]?:[ \t]*|[ \t]+)(?P<text>\S[^\n]*)$",
    re.MULTILINE,
)
_CITED = re.compile(rf" ?(?:\[(\^?[\w-]{{1,30}})\](?!\()|\((\d{{1,2}})\)|({_RAISED}))")
_URL = re.compile(r"https?://[^\s<>()\[\]]+")
# A comment may end where it begins (`<!-->`); one without an end hides the rest.
_COMMENT = re.compile(r"<!(?=--).*?(?:-->|\Z)", re.DOTALL)
# Word hides the mark of a list between these: a bullet and spaces, which are no words of the item.
_LIST_MARK = re.compile(r"<!\[if !supportLists\]>.{0,600}?<!\[endif\]>", re.DOTALL)
_CONDITION = re.compile(r"<!\[[^<>\[\]]{0,60}\]>|<!doctype\b[^<>]{0,200}>", re.IGNORECASE)


def as_markdown(text: str, *, is_org: bool) -> str:
    """Return a text with its links and boxes, and the titles of Org, as Markdown writes them."""
    for form in _LINKS:
        text = form.sub(r"[\g<words>](\g<url>)", text)
    text = _OTHER_NOTE.sub(r"\1", _BOX.sub("- [ ] ", text))
    titled = re.sub(r"(?m)^\*+(?= )", lambda stars: "#" * len(stars[0]), text)
    return re.sub(r"(?m)^#\+", "", titled) if is_org else text


def with_footnotes(text: str) -> str:
    """Return the text with the address of each footnote at the place of its mark."""
    marks = [_mark(cited) for cited in _CITED.finditer(_NOTE.sub("", text))]
    found = ((_mark(note), _URL.findall(note["text"])) for note in _NOTE.finditer(text))
    cited = {mark: [url.rstrip(".,;") for url in urls] for mark, urls in found if urls and mark in marks}
    text = _NOTE.sub(lambda note: "" if _mark(note) in cited else note[0], text)
    return _CITED.sub(lambda each: "".join(f" <{url}>" for url in cited.get(_mark(each), ())) or each[0], text)


def _mark(note: re.Match[str]) -> str:
    """Return the mark of a footnote, or of the place that cites it, however it is written."""
    return unicodedata.normalize("NFKC", next(filter(None, note.groups()))).lstrip("^")


def without_conditions(text: str) -> str:
    """Return HTML without its comments, and without what Word writes for programs alone."""
    text = _COMMENT.sub("", _LIST_MARK.sub("", text)).replace("<![CDATA[", "").replace("]]>", "")
    return _CONDITION.sub("", text)
