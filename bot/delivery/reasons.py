"""The reasons why somebody does not get the recap, as the admins read them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from bot.model.codes import TOLD, Code, LeftOut
from bot.model.facts import Pushed, Unreached, Unserved
from bot.model.subscription import PlatformName, Target

if TYPE_CHECKING:
    from bot.model.i18n import Words

_ALIKE: Mapping[str, str] = {
    Code.CONTENT: Code.REFUSED,
    Code.RENDERING: Code.REFUSED,
    Code.FLOOD: Code.NOT_SENT,
    Code.UNKNOWN: Code.NOT_SENT,
}
"""Codes for which the admins read the sentence of another code, because the cure is the same."""

MENDABLE = frozenset({Code.CLOSED, Code.NOT_FOUND, Code.REFUSED, Code.FILTERED, Code.UNREACHED})
"""Codes of failures that an admin can mend, and whose places a report therefore names."""


Names: TypeAlias = Mapping[Target, str]
"""The names of places, where the platforms tell them."""
NAMELESS: Names = MappingProxyType({})
LONGEST_NAME = 60
"""Characters of a place's name in a notice."""
_QUOTED_NAME = re.compile(r"^[“«]\s?(.*?)\s?[”»](?= \[)")
_NO_QUOTES = str.maketrans(dict.fromkeys('“”«»"\\', "'"))


def explain_left_out(push: Pushed, words: Words) -> list[str]:
    """Return a sentence for each reason why a push left somebody out, and one if its sums do not add up."""
    ngettext = words.ngettext
    lines = []
    for why, count in sorted(push.left_out.items(), key=lambda each: -each[1]):
        sentences = {
            LeftOut.CLOSED: ngettext(
                "{count} was left out: paused, because the bot may not write there.",
                "{count} were left out: paused, because the bot may not write there.",
                count,
            ),
            LeftOut.HOLIDAY: ngettext(
                "{count} was left out: its people have paused the pushes.",
                "{count} were left out: their people have paused the pushes.",
                count,
            ),
            LeftOut.TOPICS: ngettext(
                "{count} was left out: this episode has nothing on its topics.",
                "{count} were left out: this episode has nothing on their topics.",
                count,
            ),
            LeftOut.OFF: ngettext(
                "{count} was left out: its platform is switched off in the config.",
                "{count} were left out: their platform is switched off in the config.",
                count,
            ),
            LeftOut.SERVED: ngettext(
                "{count} was left out: it got this episode at another time.",
                "{count} were left out: they got this episode at another time.",
                count,
            ),
            LeftOut.LATE: ngettext(
                "{count} was left out: it was changed in the moment in which the push began.",
                "{count} were left out: they were changed in the moment in which the push began.",
                count,
            ),
            LeftOut.FORGOTTEN: ngettext(
                "{count} is not counted any more: its people had everything about them deleted.",
                "{count} are not counted any more: their people had everything about them deleted.",
                count,
            ),
            LeftOut.MERGED: ngettext(
                "{count} is not counted any more: the chat became one with another that is counted.",
                "{count} are not counted any more: the chats became one with others that are counted.",
                count,
            ),
        }
        lines.append(sentences[why].format(count=count))
    if push.unaccounted:
        odd = words.gettext(
            "These sums do not add up: there were {count} subscriptions, and {number} of them are not accounted for. "
            "Compare with: {command}"
        )
        command = "recap status --json"
        lines.append(odd.format(count=push.subscribed, number=push.unaccounted, command=command))
    return lines


def explain(unserved: Iterable[Unserved], words: Words, names: Names = NAMELESS) -> list[str]:
    """Return a sentence for each reason why a push did not reach somebody, the most frequent reason first."""
    groups: dict[tuple[PlatformName, str, bool, str], list[Unserved]] = {}
    for each in unserved:
        told = each.reason if each.code in TOLD and not each.unknown else ""
        code = _ALIKE.get(each.code, each.code)
        if each.unknown and code not in {Code.RESTORED, Code.AUDIO}:
            # Because a message in doubt has a code only if something followed, doubt is one reason whatever its code.
            code = Code.UNKNOWN
        groups.setdefault((each.platform, code, each.unknown, told), []).append(each)
    lines = []
    for (platform, code, unknown, _told), alike in groups.items():
        count, targets = sum(each.count for each in alike), [target for each in alike for target in each.targets]
        sentence = _reason(code, count, words, unknown=unknown).format(
            count=count, reason=words.retell(alike[0].reason)
        )
        if targets and (unknown or code in MENDABLE):
            more = "…" if count > len(targets) else ""
            shown = ", ".join(place_of(target, words, names) for target in targets)
            sentence += f" ({shown}{more})"
        lines.append((count, labelled(platform.title(), sentence, words)))
    return [line for _count, line in sorted(lines, key=lambda each: -each[0])]


def out_of_reach(each: Unreached, words: Words, names: Names = NAMELESS) -> str:
    """Return the sentence that no message comes to the place, with the cure."""
    _ = words.gettext
    place = place_of(each.target, words, names)
    if each.is_admin:
        place = _("{place} (admin)").format(place=place)
        cure = _("This person has to write to the bot first, or to unblock it; or else the number is wrong.")
    elif each.is_person:
        cure = _("The number of a group or channel begins with a minus. A person has to write to the bot first.")
    elif each.code in {Code.GONE, Code.NOT_FOUND}:
        cure = _("Correct it in the config if it is misspelt, and make the bot a member there.")
    else:
        # The platforms' texts of a missing right name that right.
        cure = _("Then the bot goes on by itself.") if each.code == Code.CLOSED else ""
    reason = each.reason
    if each.is_admin and not each.code:
        reason = _("did not get the last notice ({reason})").format(reason=reason)
    return labelled(place, f"{reason}. {cure}".strip(), words)


def place_of(target: Target, words: Words, names: Names) -> str:
    """Return the place as the admins know it, with the number by which commands know it."""
    # Because the chat may have its name taken out of the notice later, the name has no quotation marks of its own.
    name = " ".join(names.get(target, "").translate(_NO_QUOTES).split())[:LONGEST_NAME]
    return f"{words.quoted(name)} [{target}]" if name else str(target)


def person_of(who: str, words: Words) -> str:
    """Return a person, as the ledger names one in the language of the show, with the reader's quotation marks."""
    return _QUOTED_NAME.sub(lambda found: words.quoted(found[1]), who)


def _reason(code: str, count: int, words: Words, *, unknown: bool) -> str:
    ngettext = words.ngettext
    if code == Code.RESTORED:
        return ngettext(
            "{count} may or may not have it: the database was restored from a backup meanwhile.",
            "{count} may or may not have it: the database was restored from a backup meanwhile.",
            count,
        )
    if code == Code.AUDIO:
        return ngettext(
            "{count} has the recap, and may or may not have the audio: the connection broke at that very moment.",
            "{count} have the recap, and may or may not have the audio: the connection broke at that very moment.",
            count,
        )
    if unknown:
        return ngettext(
            "{count} may or may not have it: the connection broke at that very moment.",
            "{count} may or may not have it: the connection broke at that very moment.",
            count,
        )
    sentences: dict[str, str] = {
        Code.GONE: ngettext(
            "{count} has left (blocked or removed the bot, or is deleted); the subscription has ended.",
            "{count} have left (blocked or removed the bot, or are deleted); their subscriptions have ended.",
            count,
        ),
        Code.NOT_FOUND: ngettext(
            "{count} does not exist, or no longer; the subscription has ended.",
            "{count} do not exist, or no longer; their subscriptions have ended.",
            count,
        ),
        Code.CLOSED: ngettext(
            "{count} does not let the bot write; the subscription is paused.",
            "{count} do not let the bot write; their subscriptions are paused.",
            count,
        ),
        Code.REFUSED: ngettext(
            "{count} refuses this message ({reason}).", "{count} refuse this message ({reason}).", count
        ),
        Code.FILTERED: ngettext(
            "{count} refuses this message by a rule of its own, such as a filter on words or links ({reason}).",
            "{count} refuse this message by a rule of their own, such as a filter on words or links ({reason}).",
            count,
        ),
        Code.ENDED: ngettext(
            "{count} unsubscribed or chose another time while the push was under way.",
            "{count} unsubscribed or chose another time while the push was under way.",
            count,
        ),
        Code.PAUSED: ngettext(
            "{count} paused the pushes while this one was under way.",
            "{count} paused the pushes while this one was under way.",
            count,
        ),
        Code.UNREACHED: ngettext(
            "{count} of the config cannot be reached ({reason}). It is tried again at each push.",
            "{count} of the config cannot be reached ({reason}). They are tried again at each push.",
            count,
        ),
        Code.RECALLED: ngettext(
            "{count} did not get it, because it was recalled.",
            "{count} did not get it, because it was recalled.",
            count,
        ),
        Code.STOPPED: ngettext(
            "{count} did not get it, because this message was stopped after others had refused it ({reason}).",
            "{count} did not get it, because this message was stopped after others had refused it ({reason}).",
            count,
        ),
    }
    unreached = ngettext(
        "{count} could not be reached for a whole day (the last answer: {reason}).",
        "{count} could not be reached for a whole day (the last answer: {reason}).",
        count,
    )
    return sentences.get(code, unreached)


def labelled(name: str, text: object, words: Words) -> str:
    """Return the text behind the name that it is about."""
    return words.gettext("{name}: {text}").format(name=name, text=text)
