"""From the rows of a table to lines: the cell of the title, and below it those of the text and the links."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bot.model.text import fold_words
from bot.notes.language import telling_words, words_of
from bot.notes.model import BOLD_LEVEL, Line

_TITLE, _OTHER = (re.compile(words_of(name)) for name in ("title_column", "other_column"))
_TIME = re.compile(r"\W?\d{1,2}\s?[:h'’]\s?\d\d(?::\d\d)?\W?")
_FEW = 3
"""Words of a cell that tells no news: a person, a state, a duration."""


def tabbed(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines, those with tabs between cells as the rows of a table."""
    for is_row, group in itertools.groupby(lines, key=lambda line: line.text.count("\t") > 1):
        run = list(group)
        rows = [[[Line(cell.strip())] for cell in line.text.split("\t")] for line in run]
        yield from table_lines(rows) if is_row and len(rows) > 1 else run


def is_head(text: str) -> bool:
    """Tell whether a text is nothing but names of columns."""
    words = fold_words(text)
    return len(words) > 1 and all(_TITLE.fullmatch(word) or _OTHER.fullmatch(word) for word in words)


def _joined(lines: Sequence[Line]) -> Line:
    links = tuple(link for line in lines for link in line.links)
    return replace(lines[0], text=" ".join(line.text for line in lines), links=links) if lines else Line("")


def _divided(cell: Sequence[Line]) -> Sequence[Line]:
    """Return the paragraphs of a cell, as one line unless the first is a title above the others."""
    is_told = any(line.links or line.text.endswith((".", "!", "?", "…")) for line in cell[1:])
    return cell if is_told and not cell[0].text.endswith(".") else [_joined(cell)]


def table_lines(cells: Sequence[Sequence[Sequence[Line]]]) -> Iterator[Line]:
    """Yield the lines of a table whose rows are subjects, from the paragraphs of its cells; the others are aside."""
    rows = [list(map(_joined, row)) for row in cells]
    heads = [" ".join(fold_words(cell.text)) for cell in rows[0]]
    has_heads = sum(bool(_TITLE.fullmatch(head) or _OTHER.fullmatch(head)) for head in heads) > 1
    below = rows[has_heads:]
    scores = [(bool(_TITLE.fullmatch(head)), _tells(below, column), -column) for column, head in enumerate(heads)]
    title_at = max(range(len(heads)), key=scores.__getitem__)
    if not (has_heads or _tells(below, 0) or all(_TIME.fullmatch(row[0].text) for row in below)):
        # Names and values, which are properties.
        yield from itertools.chain.from_iterable(rows)
        return
    for cell in rows[0] if has_heads else ():
        yield replace(cell, aside=True)
    for row, own in zip(below, cells[has_heads:], strict=True):
        time = next((cell.text.strip("[]() ") for cell in row if _TIME.fullmatch(cell.text)), "")
        for column in sorted(range(len(row)), key=lambda column: column != title_at):
            told = _divided(own[column]) if column == title_at else own[column]
            for at, line in enumerate(told):
                if column == title_at and not at:
                    is_title = not (line.lead or line.text.endswith("."))
                    yield replace(line, level=BOLD_LEVEL if is_title else 0, after_gap=True, time=time)
                elif (line.text or line.links or line.images) and line.text.strip("[]() ") != time:
                    tells = line.links or line.images or "://" in line.text or len(line.text.split()) > _FEW
                    yield replace(line, level=0, after_gap=False, aside=not (tells or column == title_at))


def _tells(rows: Sequence[Sequence[Line]], column: int) -> bool:
    """Tell whether most cells of a column tell something, and are no time and no address."""
    cells = [row[column] for row in rows if column < len(row)]
    told = [cell for cell in cells if "://" not in cell.text and not cell.is_link and telling_words(cell.text)]
    return 2 * sum(len(cell.text.split()) > 1 for cell in told) > len(cells)
