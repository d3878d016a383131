"""The cards of rehearsals and corrections, which ask the admins for a decision, and the answers to it. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from bot.commands.approving import SURE
from bot.delivery.pieces import as_notice, first_problems, paragraph, small_print
from bot.delivery.reasons import NAMELESS, Names, labelled, person_of, place_of
from bot.model.correction import Changed, Correctable, UnderWay
from bot.model.document import Block, CommandButton, bullets
from bot.model.rehearsal import Decided, Hold, Instruction, Planned, Rehearsal, Rehearsed, Ruling, Waiting
from bot.model.text import shortened

if TYPE_CHECKING:
    from bot.model.facts import Unserved
    from bot.model.i18n import Words
    from bot.storage.records import Notice

DIGITS = 10
"""Digits of a digest in a button, which tell any two texts of an episode apart and leave room for a schedule's name."""
SHOWN_CHANGES = 2
"""Passages of one part that a card shows as they were and as they are."""
AROUND = 2
"""Words before and after a passage, so that a number which changes is read with its noun."""
LONGEST_PASSAGE = 100
"""Characters shown of a passage."""
COMPARED = 600
"""Words of a part up to which its passages are compared: the time grows with the square of their number."""


def buttons_for(push: Planned, words: Words, *decisions: Instruction) -> tuple[CommandButton, ...]:
    """Return the buttons for these decisions on the push. They carry the text that they are about."""
    labels = {
        Instruction.APPROVE: words.gettext("Good to go"),
        Instruction.WITHHOLD: words.gettext("Withhold"),
        Instruction.RELEASE: words.gettext("Release"),
    }
    about = f"{push.schedule} {push.episode} {push.permit.digest[:DIGITS]}"
    return tuple(CommandButton(labels[each], each, about) for each in decisions)


def card(fact: Rehearsed, words: Words, names: Names = NAMELESS) -> Notice:
    """Return the card below a rehearsal: what goes to whom and when, what is wrong with it, and who let it out."""
    _, push = words.gettext, fact.push
    blocks: list[Block] = [paragraph(words.quoted(push.title))]
    buttons: tuple[CommandButton, ...] = ()
    if push.occurrence is None:
        blocks.append(paragraph(_("No schedule is about to push this episode.")))
    else:
        goes = words.ngettext(
            "It goes to {count} subscription on {when} ({schedule}), and takes {time}.",
            "It goes to {count} subscriptions on {when} ({schedule}), and takes {time}.",
            fact.subscribers,
        )
        when, time = words.moment(push.occurrence), words.duration(fact.takes)
        blocks.append(paragraph(goes, count=fact.subscribers, when=when, schedule=push.schedule, time=time))
        buttons = buttons_for(push, words, Instruction.APPROVE, Instruction.WITHHOLD)
    refused = [labelled(place_of(target, words, names), words.retell(reason), words) for target, reason in fact.refused]
    for title, lines in (
        (_("New since the last rehearsal:"), list(changes(fact.rehearsal.before, fact.rehearsal.parts, words))),
        (_("To look at before:"), first_problems(fact.warnings)),
        (_("The rehearsal did not arrive everywhere:"), refused),
    ):
        if lines:
            blocks += [paragraph(title), *bullets(lines)]
    if push.occurrence is not None:
        blocks.append(small_print(state_of(push, fact.rehearsal, words)))
    title = _("Rehearsal of episode {number}").format(number=push.episode)
    return as_notice(title, *blocks, episode=push.episode, alarming=bool(refused), buttons=buttons)


def state_of(push: Planned, rehearsal: Rehearsal, words: Words) -> str:
    """Return the sentence that says whether the push goes out, and by whose decision."""
    _ = words.gettext
    hold = rehearsal.hold(push.permit)
    text = _("It goes out by itself, unless an admin withholds it.")
    if hold is Hold.WITHHELD:
        text = _("Withheld by {who}: nothing goes out before an admin presses “{button}”.")
    elif hold is Hold.UNAPPROVED:
        text = _("Nothing goes out before an admin presses “{button}”.")
    elif rehearsal.approved == push.permit.digest:
        text = _("{who} has approved this text.")
    who = rehearsal.withheld_by or rehearsal.approved_by
    return text.format(who=person_of(who, words), button=words.gettext("Good to go"))


def reminder(fact: Waiting, words: Words) -> Notice:
    """Return the reminder of a push that nobody has let out."""
    _, push, who = words.gettext, fact.push, person_of(fact.rehearsal.withheld_by, words)
    title = _("Episode {number} is withheld") if who else _("Episode {number} is not approved yet")
    blocks: list[Block] = []
    if who:
        blocks.append(paragraph(_("Withheld by {who}."), who=who))
    if fact.stage:
        text = _("Its hour is {when} ({schedule}). Until an admin presses “{button}”, nothing goes out.")
    else:
        title = _("Episode {number} waits: its hour has passed").format(number=push.episode)
        text = _(
            "Nothing went out on {when} ({schedule}). Once an admin presses “{button}”, it goes out, until {until} at "
            "the latest."
        )
    when, until = (moment and words.moment(moment) for moment in (push.occurrence, push.until))
    blocks.append(paragraph(text, when=when, until=until, schedule=push.schedule, button=_("Good to go")))
    decisions = [Instruction.APPROVE] if who else [Instruction.APPROVE, Instruction.WITHHOLD]
    title = title.format(number=push.episode)
    return as_notice(title, *blocks, episode=push.episode, buttons=buttons_for(push, words, *decisions))


def answer(fact: Decided, words: Words) -> Notice:
    """Return what a decision has brought about, with the button that takes it back."""
    _, push, who = words.gettext, fact.push, person_of(fact.who, words)
    blocks: list[Block] = []
    decisions: list[Instruction] = []
    buttons: tuple[CommandButton, ...] = ()
    match fact.ruling, fact.decision:
        case Ruling.OUTDATED, _decision:
            title = _("Episode {number} has changed since that card")
            blocks = [paragraph(_("Nothing was decided. Look at the rehearsal of its new text first."))]
        case Ruling.TOO_LATE, _decision:
            title, buttons = _("Episode {number} has gone out already ({schedule})"), (to_recall(push.episode, words),)
        case _ruling, Instruction.APPROVE:
            title, decisions = _("Episode {number} is good to go"), [Instruction.WITHHOLD]
            blocks = [paragraph(_("Approved by {who}, for this text."), who=who)]
        case _ruling, Instruction.WITHHOLD:
            title, decisions = _("Episode {number} is withheld"), [Instruction.APPROVE]
            blocks = [paragraph(_("Withheld by {who}. Nothing goes out before an admin lets it out."), who=who)]
        case _:
            title, text = _("Episode {number} is no longer withheld"), _("Released by {who}.")
            decisions = [Instruction.WITHHOLD]
            if fact.rehearsal.hold(push.permit):
                text, decisions = text + " " + _("It still waits for an approval."), [Instruction.APPROVE]
            blocks = [paragraph(text, who=who)]
    if fact.ruling is Ruling.TAKEN:
        blocks.append(small_print(_hour_of(fact, words)))
        buttons = buttons_for(push, words, *decisions)
    title = title.format(number=push.episode, schedule=push.schedule)
    return as_notice(title, *blocks, episode=push.episode, alarming=False, buttons=buttons)


def _hour_of(fact: Decided, words: Words) -> str:
    """Return when the push goes out after the decision, if it may."""
    _, push = words.gettext, fact.push
    if push.occurrence is None or push.until is None:
        all_the_same = _("To send it all the same: {command}").format(command=f"/admin {push.episode}")
        return _("No schedule is about to push this episode.") + " " + all_the_same
    text = _("Its hour: {when} ({schedule}).")
    if push.occurrence <= fact.at:
        text = _("Its hour has passed ({schedule}), so it goes out now.")
        if fact.rehearsal.hold(push.permit):
            text = _("Its hour has passed ({schedule}). It can still go out until {until}.")
    when, until = words.moment(push.occurrence), words.moment(push.until)
    return text.format(when=when, until=until, schedule=push.schedule)


def correctable(fact: Correctable, words: Words) -> Notice:
    """Return the card of a file that says something else than what was sent: what would change, and where."""
    _ = words.gettext
    blocks: list[Block] = [paragraph(words.quoted(fact.title))]
    if lines := list(changes(fact.before, fact.text.parts, words)):
        blocks += [paragraph(_("New since it was sent:")), *bullets(lines)]
    blocks += [paragraph(_("Correcting it would change:")), *bullets(extents(fact, words))]
    silent = _("Nobody hears a sound. It takes {time}.").format(time=words.duration(fact.takes))
    about = f"{fact.episode} {fact.text.digest[:DIGITS]}"
    buttons = (
        CommandButton(_("Correct everywhere"), "correct", about),
        to_recall(fact.episode, words),
    )
    title = _("Episode {number} has changed since it was sent").format(number=fact.episode)
    return as_notice(title, *blocks, small_print(silent), episode=fact.episode, buttons=buttons)


def extents(fact: Correctable, words: Words) -> list[str]:
    """Return what a correction would change on each platform, and what it cannot change."""
    lines = []
    for name, extent in fact.extents.items():
        places = words.ngettext("{count} place", "{count} places", extent.places).format(count=extent.places)
        messages = words.ngettext("{count} message", "{count} messages", extent.messages).format(count=extent.messages)
        lines.append(labelled(name.title(), f"{messages}, {places}", words))
    if fact.unknown:
        old = words.ngettext(
            "{count} place got it from version 0.1.0, which noted too little for a correction.",
            "{count} places got it from version 0.1.0, which noted too little for a correction.",
            fact.unknown,
        )
        lines.append(old.format(count=fact.unknown))
    return lines


def changed(fact: Changed, words: Words, names: Names = NAMELESS) -> Notice:
    """Return the report of a correction or a recall that is over."""
    _, outcome = words.gettext, fact.outcome
    left = [each for each in outcome.unserved if each.count]
    title = _("Episode {number} is corrected everywhere")
    if fact.is_recall:
        title = _("Episode {number} is recalled, not everywhere") if left else _("Episode {number} is recalled")
    elif left:
        title = _("Episode {number} is corrected, not everywhere")
    elif not fact.is_whole:
        title = _("Episode {number} is corrected on {platforms}")
    platforms = words.listed([name.title() for name in sorted(outcome.served)])
    sentence = words.ngettext("{count} place, in {time}.", "{count} places, in {time}.", outcome.sent)
    blocks: list[Block] = [paragraph(sentence, count=outcome.sent, time=words.duration(outcome.took))]
    blocks += bullets(unchanged(left, words, names))
    if left and not fact.is_recall:
        again = f"recap correct {outcome.episode}"
        blocks.append(small_print(_("To try again where it failed: {command}"), command=again))
    title = title.format(number=outcome.episode, platforms=platforms)
    return as_notice(title, *blocks, episode=outcome.episode, alarming=bool(left))


def unchanged(unserved: Iterable[Unserved], words: Words, names: Names = NAMELESS) -> list[str]:
    """Return a sentence for each reason why messages stand as they were."""
    lines = []
    for each in unserved:
        told = words.ngettext(
            "{count} place could not be changed ({reason}).",
            "{count} places could not be changed ({reason}).",
            each.count,
        )
        if each.unknown:
            told = words.ngettext(
                "{count} place may or may not have it: the connection broke at that very moment.",
                "{count} places may or may not have it: the connection broke at that very moment.",
                each.count,
            )
        more = "…" if each.count > len(each.targets) else ""
        shown = ", ".join(place_of(target, words, names) for target in each.targets)
        reason = words.retell(each.reason)
        sentence = told.format(count=each.count, reason=reason) + (f" ({shown}{more})" if shown else "")
        lines.append(labelled(each.platform.title(), sentence, words))
    return lines


def to_recall(number: int, words: Words) -> CommandButton:
    """Return the button that asks whether the episode is to be recalled."""
    return CommandButton(words.gettext("Recall"), "recall", str(number))


def asked_to_recall(number: int, words: Words) -> Notice:
    """Return the question before a recall."""
    _ = words.gettext
    question = _(
        "Everybody who got it loses it: its messages are deleted, or replaced by one line where the platform keeps "
        "them. A push under way stops. `{command}` sends it again afterwards."
    )
    buttons = (CommandButton(_("Yes, recall it"), "recall", f"{number} {SURE}"),)
    title = _("Recall episode {number} everywhere?").format(number=number)
    command = f"recap send {number} --again"
    return as_notice(title, paragraph(question, command=command), episode=number, buttons=buttons)


def under_way(change: UnderWay, words: Words) -> str:
    """Return how far a correction or a recall is, and until when it goes on."""
    told = words.ngettext(
        "{title} ({done} of {count} place, expected end: {when})",
        "{title} ({done} of {count} places, expected end: {when})",
        change.places,
    )
    if change.is_latest:
        told = words.ngettext(
            "{title} ({done} of {count} place, end: {when} at the latest)",
            "{title} ({done} of {count} places, end: {when} at the latest)",
            change.places,
        )
    title, when = _being_changed(change.episode, words, is_recall=change.is_recall), words.moment(change.until)
    return told.format(title=title, done=change.done, count=change.places, when=when)


def _being_changed(number: int, words: Words, *, is_recall: bool) -> str:
    _ = words.gettext
    title = _("Episode {number} is being recalled") if is_recall else _("Episode {number} is being corrected")
    return title.format(number=number)


def begun(number: int, count: int, words: Words, *, is_recall: bool = False) -> Notice:
    """Return the answer to the press of a button that corrects or recalls."""
    _ = words.gettext
    title = _being_changed(number, words, is_recall=is_recall)
    told = _("You will read here when it is done.")
    if not count:
        title = _("Episode {number}: nothing is left to change")
        told = _("Everything is up to date, or about to be.")
    return as_notice(title.format(number=number), paragraph(told), episode=number, alarming=False)


def changes(before: Mapping[str, str], after: Mapping[str, str], words: Words) -> Iterator[str]:
    """Yield in words what is new in the parts of a text; nothing for a first text."""
    _ = words.gettext
    if not before:
        return
    found = False
    for name, text in after.items():
        if name not in before:
            yield _("New: {name}").format(name=_named(name, text, words))
        elif text != before[name]:
            yield labelled(_named(name, text, words), _compared(before[name], text, words), words)
        found = found or text != before.get(name)
    for name in (name for name in before if name not in after):
        yield _("Taken out: {name}").format(name=_named(name, before[name], words))
    kept = [name for name in after if name in before]
    if kept != [name for name in before if name in after]:
        yield _("The subjects stand in another order.")
    elif not found and before.keys() == after.keys():
        yield _("Only the form of the messages is new, not a word of the episode.")


def _named(name: str, text: str, words: Words) -> str:
    _ = words.gettext
    names: Mapping[str, str] = {
        "title": _("title"),
        "date": _("date"),
        "intro": _("opening words"),
        "audio": _("address to listen"),
        "page": _("address of the page"),
    }
    # A subject is known by its title, which is its first line.
    return names.get(name) or words.quoted(text.partition("\n")[0])


def _compared(before: str, after: str, words: Words) -> str:
    """Return the passages that differ, as they were and as they are."""
    _, old, new = words.gettext, before.split(), after.split()
    if max(len(old), len(new)) > COMPARED:
        return _("changed")
    passages = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            sides = old[max(0, i - AROUND) : j + AROUND], new[max(0, k - AROUND) : m + AROUND]
            passages.append(
                " → ".join(words.quoted(shortened(" ".join(side), LONGEST_PASSAGE)) for side in sides if side)
            )
    more = ["…"] if len(passages) > SHOWN_CHANGES else []
    # Two texts of the same words differ in spaces alone.
    return "; ".join([*passages[:SHOWN_CHANGES], *more]) or _("changed")
