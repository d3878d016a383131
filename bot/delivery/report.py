"""The notices to the admins: from a fact to a document, in the language of the show. Pure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from bot.delivery import cards
from bot.delivery.pieces import as_notice, first_problems, paragraph, small_print
from bot.delivery.reasons import NAMELESS, Names, explain, explain_left_out, labelled, out_of_reach, person_of, place_of
from bot.model import correction, facts, feed, rehearsal, shortfalls
from bot.model.codes import NO_FAILURES, Code, LeftOut
from bot.model.document import Block, Paragraph, Span, bullets
from bot.model.episode import Episode, Status
from bot.model.facts import Ability, Fact, Pushed, Standing
from bot.model.i18n import gettext_noop
from bot.storage.records import NEVER, Notice

if TYPE_CHECKING:
    from bot.model.i18n import Words

_PARTS = {
    "delivery": gettext_noop("sending"),
    "commands": gettext_noop("commands"),
    "lease": gettext_noop("sharing of the work"),
    "start": gettext_noop("start"),
    "heart": gettext_noop("watch over itself"),
    "metrics": gettext_noop("metrics"),
    "content": gettext_noop("watch over the episodes"),
    "clock": gettext_noop("clock"),
    "reports": gettext_noop("reports"),
    "config": gettext_noop("watch over the config"),
    "readiness": gettext_noop("watch over what works"),
    "reach": gettext_noop("search for those out of reach"),
    "feed": gettext_noop("feed"),
}
"""The parts of the bot that start again after an error, by their names in the log, some of them behind a platform."""


def describe(fact: Fact, words: Words, names: Names = NAMELESS) -> Notice:  # noqa: C901, PLR0911, PLR0912, PLR0915 - one case for each fact
    """Return the notice that tells the fact to the admins, with the `names` of its places.

    Raises:
        NotImplementedError: the fact has no words.
    """
    _ = words.gettext
    match fact:
        case facts.Pushed():
            return _pushed(fact, words, names)
        case correction.Correctable():
            return cards.correctable(fact, words)
        case correction.Changed():
            return cards.changed(fact, words, names)
        case rehearsal.Rehearsed():
            return cards.card(fact, words, names)
        case rehearsal.Waiting():
            return cards.reminder(fact, words)
        case rehearsal.Decided():
            return cards.answer(fact, words)
        case facts.OutOfReach():
            lines = bullets(out_of_reach(each, words, names) for each in fact.unreached)
            nothing = _("Nothing that the bot sends comes to them. They are tried again from time to time.")
            return as_notice(_("Not everybody can be reached"), *lines, small_print(nothing))
        case facts.MessageRefused():
            refused = words.ngettext(
                "{platform} refuses this message: three chats have refused it, and none has taken it ({reason}). So it "
                "was stopped: {count} subscriber more does not get it. Everything else goes on.",
                "{platform} refuses this message: three chats have refused it, and none has taken it ({reason}). So it "
                "was stopped: {count} subscribers more do not get it. Everything else goes on.",
                fact.left_out,
            )
            name = fact.platform.title()
            return as_notice(
                _("Episode {number}: {platform} refuses a message").format(number=fact.episode, platform=name),
                paragraph(refused, platform=name, reason=fact.reason, count=fact.left_out),
                small_print(
                    _("Mend the episode, then send it to those who did not get it: {command}"),
                    command=f"recap send {fact.episode} --only failed",
                ),
                episode=fact.episode,
            )
        case shortfalls.AudioGivenUp():
            given_up = _("{platform} cannot get the audio ({reason}). The recap comes with the link to it instead.")
            return as_notice(
                _("The audio comes as a link"),
                paragraph(given_up, platform=fact.platform.title(), reason=fact.reason),
            )
        case facts.NoEpisode():
            nothing = _("Nothing new was found for the push of {when} ({schedule}).")
            cure = _("Put the episode into the content folder before {until}, and it goes out at once.")
            return as_notice(
                _("There is no episode yet"),
                paragraph(nothing, when=words.moment(fact.occurrence), schedule=fact.schedule),
                paragraph(cure, until=words.moment(fact.until)),
                *bullets([*(_unready(episode, words) for episode in fact.unready), *first_problems(fact.problems)]),
            )
        case facts.TooLong():
            long = _("At the platform's pace this push takes {time}. After {limit} the rest is given up.")
            cure = _("A higher rate in the config, if the platform grants you one, reaches everybody in time.")
            return as_notice(
                _("Episode {number}: the push takes too long").format(number=fact.episode),
                paragraph(long, time=words.duration(fact.takes), limit=words.duration(fact.given_up_after)),
                small_print(cure),
                episode=fact.episode,
            )
        case facts.Missed():
            missed = _("The push of {when} ({schedule}) was missed, and it is too late now to send it unasked.")
            command = f"recap send {fact.episode}"
            if fact.is_held:
                missed = _(
                    "Nobody has let it out since {when} ({schedule}), and it is too late now to send it unasked."
                )
                command = f"/admin {fact.episode}"
            return as_notice(
                _("Episode {number} has not been pushed").format(number=fact.episode),
                paragraph(missed, when=words.moment(fact.occurrence), schedule=fact.schedule),
                small_print(_("To send it all the same: {command}"), command=command),
                episode=fact.episode,
            )
        case facts.Restored():
            restored = _("The bot knows nothing of the time since {when}, choices of people included.")
            if fact.since == NEVER:
                restored = _(
                    "The backup is empty: the bot knows nobody who has subscribed, and nothing that was pushed."
                )
            asked = _("An episode that may have been pushed already is not pushed unasked; you hear of each.")
            unsure = words.ngettext(
                "{count} message was on its way then. It may have arrived since, and is not sent again.",
                "{count} messages were on their way then. They may have arrived since, and are not sent again.",
                fact.unsure,
            )
            return as_notice(
                _("The database was restored from a backup"),
                paragraph(restored, when=words.moment(fact.since)),
                paragraph(asked),
                *([paragraph(unsure, count=fact.unsure)] if fact.unsure else []),
            )
        case facts.MayHaveGone():
            gone = _(
                "The database was restored from a backup of {when}. On schedule {schedule} the episode may have been "
                "pushed since, so that the bot does not push it unasked."
            )
            if fact.since == NEVER:
                gone = _(
                    "The database was restored from an empty backup. On schedule {schedule} the episode may have been "
                    "pushed before, so that the bot does not push it unasked."
                )
            return as_notice(
                _("Episode {number} is not pushed again").format(number=fact.episode),
                paragraph(gone, when=words.moment(fact.since), schedule=fact.schedule),
                small_print(_("If nobody has it: {command}"), command=f"recap send {fact.episode}"),
                episode=fact.episode,
            )
        case facts.FileBroken():
            fate = _("It does not count until it is mended.")
            if fact.in_use:
                fate = _("Its last good version goes on counting until the file is mended.")
            ends = () if fact.in_use is None else (paragraph(fate),)
            title = _("A mistake in {name}").format(name=fact.problems[0].path.name)
            return as_notice(title, *bullets(first_problems(fact.problems)), *ends)
        case feed.Drafted():
            told = _("It is a draft: nobody gets it before you take the line {line} out of {file}.")
            if fact.is_offered:
                told = _("Its rehearsal comes before the push. “{button}” below that lets it out; {file} is its file.")
            return as_notice(
                _("The feed has a new episode: {number}").format(number=fact.episode),
                paragraph(words.quoted(fact.title)),
                *([paragraph(_("To look at before:")), *bullets(first_problems(fact.warnings))] * bool(fact.warnings)),
                small_print(told, line=words.quoted("status: draft"), button=_("Good to go"), file=fact.path),
                episode=fact.episode,
                alarming=False,
            )
        case feed.NotDrafted(_item, title, reason):
            by_hand = _("Write its file by hand: {command} begins one.")
            return as_notice(
                _("The feed has a new episode, of which no draft could be made"),
                Paragraph((Span(labelled(words.quoted(title), reason, words)),)),
                small_print(by_hand, command=words.quoted("recap new")),
            )
        case feed.NotesChanged():
            by_hand = _("Its draft was made of the notes before. Compare both, and mend {file} by hand.")
            return as_notice(
                _("The notes of episode {number} have changed in the feed").format(number=fact.episode),
                paragraph(by_hand, file=fact.path),
                episode=fact.episode,
            )
        case feed.NotWritten(path, reason):
            cure = _("Let the bot write there, or take the line {line} out of the file yourself if it is there.")
            return as_notice(
                _("The file of an episode cannot be written"),
                Paragraph((Span(labelled(str(path), reason, words)),)),
                small_print(cure, line=words.quoted("status: draft")),
            )
        case feed.FeedAway():
            kept = _("Until the feed gives a good answer, no episode in it becomes a draft. The bot goes on asking.")
            if fact.since is not None:
                kept = _(
                    "The episodes keep what the feed said on {date}, and no new one becomes a draft. The bot goes on "
                    "asking."
                )
            return as_notice(
                _("The feed cannot be used"),
                Paragraph((Span(labelled(fact.host, fact.reason, words)),)),
                paragraph(kept, date=fact.since and words.date(fact.since)),
            )
        case feed.FeedMoved():
            moved = _(
                "It is on {host} now. Open its old address in a browser: the address that the browser then shows "
                "belongs into the config, at feed.url."
            )
            if fact.address:
                moved = _("Its new address is {address}. Write that into the config, at feed.url.")
            return as_notice(_("The feed has moved"), paragraph(moved, host=fact.host, address=fact.address))
        case facts.ConfigRefused():
            goes_on = paragraph(_("The bot goes on with the settings that it had. Nothing is lost."))
            return as_notice(_("The new settings cannot be used"), *bullets(first_problems(fact.problems)), goes_on)
        case facts.NeedsRestart():
            restart = _("Restart the bot for these to take effect: {keys}. Everything else holds already.")
            return as_notice(_("Some new settings need a restart"), paragraph(restart, keys=", ".join(fact.keys)))
        case facts.PlatformStopped():
            name = fact.platform.title()
            stopped = _(
                "{platform} refuses the bot's token. If the token was changed, put the new one into the config and "
                "restart the bot. Otherwise the bot asks again from time to time and goes on by itself. What has "
                "waited for less than a day is sent then."
            )
            return as_notice(_("{platform} has stopped").format(platform=name), paragraph(stopped, platform=name))
        case facts.PlatformResumed():
            name = fact.platform.title()
            resumed = _("{platform} takes the bot's token again. The bot goes on there, and sends what has waited.")
            title = _("{platform} is back").format(platform=name)
            return as_notice(title, paragraph(resumed, platform=name), alarming=False)
        case facts.AddressBanned() | facts.MadeToWait():
            name = fact.platform.title()
            asked = _(
                "{platform} asks the bot to wait for {time} before it connects. The bot keeps to that, and then sends "
                "everything that waits."
            )
            if isinstance(fact, facts.AddressBanned):
                asked = _(
                    "The protection of {platform} refuses the address of this machine for {time}. Until then the bot "
                    "sends and asks nothing there; everything that waits goes out afterwards."
                )
            title = _("{platform} makes the bot wait").format(platform=name)
            return as_notice(title, paragraph(asked, platform=name, time=words.duration(fact.pause)))
        case facts.Rival():
            name, own_token = fact.platform.title(), _own_token(words)
            rival = _(
                "Another program receives on {platform} with this bot's token, perhaps a second copy of this bot. Each "
                "command reaches one of both. So that nobody gets the recap twice, no push goes out on {platform} "
                "meanwhile; what has waited for less than a day goes out when the other program has been gone for two "
                "minutes."
            )
            return as_notice(
                _("{platform}: another program uses the bot's token").format(platform=name),
                paragraph(rival, platform=name),
                small_print(own_token, platform=name),
            )
        case facts.WebhookRemoved():
            name, own_token = fact.platform.title(), _own_token(words)
            removed = _(
                "Another program had {platform} send all commands to {host} (a webhook). "
                "The bot has taken that back and hears the commands again."
            )
            host = fact.host or _("an address of its own")
            return as_notice(
                _("{platform}: another program uses the bot's token").format(platform=name),
                paragraph(removed, platform=name, host=host),
                small_print(own_token, platform=name),
            )
        case facts.Unreadable():
            name = fact.platform.title()
            skipped = _(
                "{platform} sent something that the bot cannot read ({kind}). The bot skips it and goes on; the log "
                "has the details."
            )
            return as_notice(
                _("Something from {platform} was skipped").format(platform=name),
                paragraph(skipped, platform=name, kind=fact.kind),
            )
        case facts.ClockSet(by, process) if process:
            apart = _("The clock of {process} is ahead of that of the database's server by {time}.")
            if by < dt.timedelta():
                apart = _("The clock of {process} is behind that of the database's server by {time}.")
            mend = _("Have both machines set their clocks by the network (NTP). From two minutes on, it opens no push.")
            text = f"{apart} {mend}"
            return as_notice(_("A clock is wrong"), paragraph(text, process=process, time=words.duration(abs(by))))
        case facts.ClockSet(by):
            jump = _("The clock of the bot's machine was set back by {time}.")
            if by > dt.timedelta():
                jump = _("The clock of the bot's machine was set forward by {time}.")
            survived = _("Pushes under way go on, and nothing is sent twice. If the clock is wrong now, mend it.")
            text = f"{jump} {survived}"
            return as_notice(_("The clock has changed"), paragraph(text, time=words.duration(abs(by))))
        case facts.StorageTrouble(reason):
            waits = _(
                "Until then the bot pushes nothing, saves nothing, and tells people so. Nothing that it knows is lost."
            )
            return as_notice(_("The database cannot be used"), paragraph("{reason}.", reason=reason), paragraph(waits))
        case facts.StorageMended():
            again = paragraph(_("The bot goes on where it was."))
            return as_notice(_("The database can be used again"), again, alarming=False)
        case facts.ServiceRestarted(service, reason):
            failed = _("“{service}” failed and was started again ({reason}). If this goes on, look into the log.")
            name = " · ".join(_(_PARTS[each]) if each in _PARTS else each.title() for each in service.split())
            return as_notice(_("A part of the bot was restarted"), paragraph(failed, service=name, reason=reason))
        case facts.NotPublished():
            kept = _("The recap is in {target}, but it could not be published to the channel's followers ({reason}).")
            return as_notice(
                _("The recap was not published"),
                paragraph(kept, target=place_of(fact.target, words, names), reason=fact.reason),
                small_print(_("You can publish it by hand in {platform}."), platform=fact.target.platform.title()),
            )
        case shortfalls.NotAsChosen():
            short = _("{target}: {reason}. The recap comes there all the same.")
            return as_notice(
                _("A choice of the config cannot be kept"),
                paragraph(short, target=place_of(fact.target, words, names), reason=fact.reason),
            )
        case shortfalls.NotPinned():
            kept = _("The recap is in {target}, but it could not be pinned there ({reason}).")
            return as_notice(
                _("The recap was not pinned"),
                paragraph(kept, target=place_of(fact.target, words, names), reason=fact.reason),
                small_print(_("Pin it by hand. If the bot lacks the right, `recap check --online` names that right.")),
            )
        case facts.PausedTooLong():
            ended = _("{target} has not let the bot write for weeks ({reason}). Its subscription has ended.")
            return as_notice(
                _("A subscription has ended"),
                paragraph(ended, target=place_of(fact.target, words, names), reason=fact.reason),
                small_print(_("To bring it back: {command}"), command=f"recap subscriptions add {fact.target}"),
            )
        case facts.Welcome():
            text = _("The bot is running, and its reports will come here.")
            if fact.next_push is not None:
                text += " " + _("Next push: {when}.")
            when = fact.next_push and words.moment(fact.next_push)
            lines = bullets(labelled(each.platform.title(), standing_of(each, words), words) for each in fact.standings)
            if not any(each.failing for each in fact.standings):
                return as_notice(_("All is set"), paragraph(text, when=when), *lines, alarming=False)
            return as_notice(_("The bot is running, but not everything works"), paragraph(text, when=when), *lines)
        case facts.Standing():
            state, more = _("everything works"), []
            if fact.failing:
                state = _("not everything works")
                more = [small_print(_("The bot goes on trying, and says here when this changes."))]
            title = labelled(fact.platform.title(), state, words)
            return as_notice(title, paragraph(standing_of(fact, words)), *more, alarming=bool(fact.failing))
        case _:
            raise NotImplementedError(type(fact).__name__)


def _own_token(words: Words) -> str:
    return words.gettext(
        "Stop that program. If nobody knows it, get a new token from {platform}, write it into the config and restart "
        "the bot."
    )


def standing_of(standing: Standing, words: Words) -> str:
    """Return what works on a platform, in one line."""
    _ = words.gettext
    phrases = {
        Ability.CONNECTED: (_("connected"), _("not connected ({reason})")),
        Ability.MENU: (_("menu of commands accepted"), _("menu of commands not accepted ({reason})")),
        Ability.LISTENING: (_("commands are heard"), _("commands are not heard ({reason})")),
    }
    if standing.reasons.get(Ability.CONNECTED):
        # Because nothing else can work without a connection, that says it all.
        phrases = {Ability.CONNECTED: phrases[Ability.CONNECTED]}
    reasons = {ability: standing.reasons.get(ability, _("no answer yet")) for ability in phrases}
    said = (fails.format(reason=reasons[each]) if reasons[each] else works for each, (works, fails) in phrases.items())
    return ", ".join(said)


def _pushed(push: Pushed, words: Words, names: Names) -> Notice:
    _, codes = words.gettext, {each.code for each in push.unserved}
    title = _("Episode {number} has been pushed")
    if Code.RECALLED in codes or (not push.sent and Code.STOPPED in codes):
        title = _("Episode {number}: the push was stopped")
    elif push.failed or push.unknown:
        title = _("Episode {number} has been pushed, not to everybody")
    blocks: list[Block] = [_served(push, words)]
    lines = explain(push.unserved, words, names)
    if push.mended:
        later = words.ngettext("{count} got it at a later attempt.", "{count} got it at a later attempt.", push.mended)
        lines.append(later.format(count=push.mended))
    lines += explain_left_out(push, words)
    if push.approved_by:
        lines.append(_("Approved by {who}.").format(who=person_of(push.approved_by, words)))
    if push.publishing:
        waiting = words.ngettext(
            "{count} message of an announcement channel is still to be published to the followers.",
            "{count} messages of announcement channels are still to be published to the followers.",
            push.publishing,
        )
        lines.append(waiting.format(count=push.publishing))
    blocks += bullets(lines)
    if Code.CLOSED in codes:
        blocks.append(small_print(_("Where the bot may not write: give it the right to, then type /subscribe there.")))
    if any(each.code not in {*NO_FAILURES, Code.NOT_FOUND} and not each.unknown for each in push.unserved):
        again = f"recap send {push.episode} --only failed"
        blocks.append(small_print(_("To try again with those who failed: {command}"), command=again))
    alarming = bool(push.failed or push.unknown or push.unaccounted)
    is_there = (push.sent or push.unknown) and Code.RECALLED not in codes
    buttons = (cards.to_recall(push.episode, words),) if is_there else ()
    title = title.format(number=push.episode)
    return as_notice(title, *blocks, episode=push.episode, alarming=alarming, buttons=buttons)


def _served(push: Pushed, words: Words) -> Paragraph:
    if not push.total:
        nobody = words.gettext("Nobody is subscribed to {schedule} with topics that came up.")
        if push.left_out.keys() - {LeftOut.TOPICS}:
            nobody = words.gettext("Nobody got this episode.")
        return paragraph(nobody, schedule=push.schedule)
    sentence = words.ngettext(
        "It reached {sent} subscriber of {count}, in {time}.",
        "It reached {sent} subscribers of {count}, in {time}.",
        push.sent,
    ).format(sent=push.sent, count=push.total, time=words.duration(push.took))
    if len(push.served) > 1:
        by_platform = (labelled(name.title(), count, words) for name, count in sorted(push.served.items()))
        sentence += " " + " · ".join(by_platform) + "."
    if push.ended_at is not None:
        sentence += " " + words.gettext("End: {when}.").format(when=words.moment(push.ended_at))
    return Paragraph((Span(sentence),))


def _unready(episode: Episode, words: Words) -> str:
    text = words.gettext("Episode {number} is not pushed before its date, {date}.")
    if episode.status is Status.DRAFT:
        text = words.gettext("Episode {number} is still a draft: take the line {line} out of {file}.")
    line, date = words.quoted("status: draft"), words.date(episode.date)
    return text.format(number=episode.number, line=line, file=episode.path, date=date)
