"""Subtitles (SRT and WebVTT), which number their lines and give each a time, as the lines of a transcript."""

import re
from collections.abc import Sequence

_CUE = re.compile(r".*\d\d:\d\d[.,]\d{3} --> .*")
_NO_CUE = re.compile(r"(?:WEBVTT|NOTE)\b\W*")
_VOICE = re.compile(r"<v(?:\.\w+)* ([^<>]{1,40})>")
_STYLED = re.compile(r"</?[a-u][^<>]{0,40}>|</v>")


def is_captions(lines: Sequence[str]) -> bool:
    """Tell whether lines are those of subtitles."""
    return any(_CUE.fullmatch(line.strip()) for line in lines)


def told_captions(lines: Sequence[str]) -> list[str]:
    """Return the lines of subtitles, each sentence in the line where it begins, and the remarks between them."""
    told, at, place, voice = [""] * len(lines), -1, "", ""
    for index, line in enumerate(map(str.strip, lines)):
        if not line or place == "style":
            place = place if line else ""
        elif _CUE.fullmatch(line):
            place = "cue"
        elif place == "cue":
            found = _VOICE.match(line)
            words, name = _STYLED.sub("", line[found.end() if found else 0 :]), found[1] if found else voice
            if at < 0 or name != voice or told[at].endswith((".", "?", "!", "…")):
                at, told[index] = index, f"{name}: {words}" if found else words
            else:
                told[at] += f" {words}"
            voice = name
        elif place == "note" or _NO_CUE.match(line):
            told[index], place, at = _NO_CUE.sub("", line, count=1), "note", -1
        else:
            place = "style" if line.startswith(("STYLE", "REGION")) else ""
    return told
