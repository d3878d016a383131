"""What only Telegram has: menus, links into the bot, inline mode, coming and going."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.commands import COMMANDS, sorry
from bot.model.i18n import Language, words
from bot.model.subscription import PlatformName, Target
from bot.sandbox.shared.faults import BAD_GATEWAY, Fault, Hook, Match
from bot.sandbox.telegram.model import Status
from bot.sandbox.telegram.world import TelegramWorld
from bot.storage.records import LedgerError
from tests.conversation import talking
from tests.world import town

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    import time_machine

    from bot.model.subscription import Subscription
    from bot.sandbox.shared.faults import Call
    from bot.sandbox.telegram.model import Chat, Message
    from bot.sandbox.telegram.server import TelegramStandIn
    from tests.conversation import Talk, TelegramPerson


async def subscriptions_of(talk: Talk, chat: Chat) -> list[Subscription]:
    """Those of the chat itself."""
    return await talk.app.ledger.subscriptions.of(Target(PlatformName("telegram"), str(chat.id)))


# Menus


async def test_the_menu_shows_what_one_may_use(clock: time_machine.Traveller, tmp_path: Path) -> None:
    """In private chats and to admins everything; in groups what everybody may; each in both languages."""
    del clock
    async with town(is_new=True) as place, talking(place, tmp_path):
        menus = {
            (menu.scope["type"], menu.language): {entry["command"]: entry["description"] for entry in menu.commands}
            for menu in place.telegram.menus
        }
    everything = {command.name for command in COMMANDS}
    for scope, names in (
        ("all_private_chats", everything),
        ("all_chat_administrators", everything),
        ("all_group_chats", everything - {"subscribe", "unsubscribe", "settings", "privacy"}),
    ):
        for language in ("", "fr", "en"):
            menu = menus[scope, language]
            assert menu.keys() == names
            assert menu["latest"] == ("The latest episode" if language == "en" else "Le dernier épisode")


async def test_the_menu_is_told_only_when_it_changed(clock: time_machine.Traveller, tmp_path: Path) -> None:
    """A restart asks what Telegram knows, and tells what is new: a command, or the words about one."""
    del clock
    async with town(is_new=True) as place:
        told: list[int] = []
        for _start in range(4):
            before = len(calls(place.telegram.traffic, "setMyCommands"))
            async with talking(place, tmp_path):
                told.append(len(calls(place.telegram.traffic, "setMyCommands")) - before)
            menu = place.telegram.menus[0].commands
            if len(told) == 2:
                menu.pop()
            elif len(told) == 3:
                menu[0]["description"] = "As it was called before"
        assert told == [12, 0, 1, 1]


def calls(traffic: Any, method: str) -> list[Any]:  # noqa: ANN401 - the stand-in's log
    """The requests of one method."""
    return [request for request in traffic.requests if request.route == method]


# Links


async def test_a_deep_link_opens_its_segment_and_shares_it(anna: TelegramPerson) -> None:
    """The share button passes on the very same link."""
    reply = await anna.says("/start 1207-netflix")
    assert "Netflix Moments" in reply.text
    assert reply.buttons == ("Tout l’épisode 1207", "Partager")
    (message,) = anna.seen()
    address = urlsplit(message.buttons[1]["url"])
    assert address.netloc + address.path == "t.me/share/url"
    assert parse_qs(address.query)["url"] == ["https://t.me/recap_bot?start=1207-netflix"]
    assert parse_qs(address.query)["text"] == ["Netflix Moments\N{NO-BREAK SPACE}: vos scènes cultes prennent le large"]


@pytest.mark.parametrize("link", ["1207", "1207-oublie", "1207-99"])
async def test_a_link_to_what_is_gone_opens_the_episode(anna: TelegramPerson, link: str) -> None:
    """Better the whole than nothing."""
    assert "épisode 1207 · lundi 4 novembre 2024" in (await anna.says(f"/start {link}")).text


# Inline mode


async def inline(talk: Talk, typed: str, offset: str = "") -> dict[str, Any]:
    """What somebody is offered who types the bot's name and this."""
    telegram = talk.town.telegram
    inquiry = telegram.inquire(telegram.add_user("Anna"), typed, offset=offset)
    return await telegram.wait_for(lambda: inquiry.answer or {})


async def test_segments_are_shared_from_any_chat(talk: Talk) -> None:
    """A topic by its name, with text and links as the bot itself sends them, and the way to the bot."""
    answer = await inline(talk, "Tik Tok")
    titles = [result["title"] for result in answer["results"]]
    assert titles[0].startswith("TikTok et Spotify")
    assert len(titles) == 5
    first = answer["results"][0]
    assert first["description"].startswith("Épisode 1207 · ")
    content = first["input_message_content"]
    assert "80 %" in content["message_text"].replace("\N{NO-BREAK SPACE}", " ")
    links = [entity["url"] for entity in content["entities"] if "url" in entity]
    assert any(url.startswith("https://images.ctfassets.net/") for url in links)
    buttons = [button["url"] for row in first["reply_markup"]["inline_keyboard"] for button in row]
    assert buttons == ["https://t.me/recap_bot?start=1207-spotify", "https://t.me/recap_bot?start=1207"]
    assert not answer["is_personal"]


async def test_what_is_offered_by_what_is_typed(talk: Talk) -> None:
    """Nothing: the newest episode; a number: that one; a link: that segment; words: what holds them."""
    netflix = "Netflix Moments : vos scènes cultes prennent le large"
    for typed, ids in (
        ("", ["1207-1", "1207-2", "1207-3", "1207-4", "1207-5"]),
        ("1207-netflix", ["1207-1"]),
        ("milliard utilisateurs", ["1207-2"]),
    ):
        results = (await inline(talk, typed))["results"]
        assert [result["id"] for result in results] == ids
    assert (await inline(talk, "1207-netflix"))["results"][0]["title"].replace("\N{NO-BREAK SPACE}", " ") == netflix
    assert {result["id"].split("-")[0] for result in (await inline(talk, "1206"))["results"]} == {"1206"}
    nothing = await inline(talk, "zzzz")
    assert nothing["results"] == []
    assert nothing["button"]["start_parameter"] == "help"


@pytest.mark.parametrize(("count", "pieces"), [(120, [50, 50, 20]), (100, [50, 50])])
async def test_long_lists_are_offered_piece_by_piece(
    clock: time_machine.Traveller, tmp_path: Path, count: int, pieces: list[int]
) -> None:
    """Fifty at a time, and no further piece after the last, even a full one; whatever offset a client sends."""
    del clock
    content = tmp_path / "content"
    content.mkdir()
    subjects = "".join(f"## Sujet {number}\n\n#tiktok\n\nTexte.\n\n" for number in range(1, count + 1))
    (content / "1.md").write_text(f"---\nnumber: 1\ntitle: Un\ndate: 2024-11-04\n---\n\n{subjects}", "utf-8")
    async with town() as place, talking(place, tmp_path, content=content) as talk:
        sizes, offset = [], ""
        for _ in pieces:
            answer = await inline(talk, "tiktok", offset)
            sizes.append(len(answer["results"]))
            offset = answer["next_offset"]
        assert (sizes, offset) == (pieces, "")
        for forged in ("-5", "x", "9" * 30):
            assert len((await inline(talk, "tiktok", forged))["results"]) in {0, 50}


# Coming and going


async def test_who_blocks_the_bot_and_comes_back_has_what_they_had(talk: Talk, anna: TelegramPerson) -> None:
    """The subscription ends with the block and is there again with the way back; no push is tried meanwhile."""
    await anna.says("/subscribe tiktok")
    before = await subscriptions_of(talk, anna.chat)
    talk.town.telegram.block(anna.chat.person)
    await anna.settled()
    assert await subscriptions_of(talk, anna.chat) == []
    talk.town.telegram.unblock(anna.chat.person)
    await anna.settled()
    assert await subscriptions_of(talk, anna.chat) == before


async def test_a_start_after_a_block_that_went_unnoticed(talk: Talk, anna: TelegramPerson) -> None:
    """A push that was refused ends the subscription; `/start` brings it back, and offers its settings."""
    await anna.says("/subscribe tiktok")
    target = Target(PlatformName("telegram"), str(anna.chat.id))
    await talk.app.ledger.subscriptions.left(target, "Forbidden: bot was blocked by the user")
    reply = await anna.says("/start")
    assert "Réglages" in reply.buttons
    assert [each.choices.topics for each in await subscriptions_of(talk, anna.chat)] == [("tiktok",)]


async def test_a_link_brings_back_who_had_blocked_the_bot(talk: Talk, anna: TelegramPerson) -> None:
    """It is a start like any other, and shows what it leads to as well."""
    await anna.says("/subscribe tiktok")
    target = Target(PlatformName("telegram"), str(anna.chat.id))
    await talk.app.ledger.subscriptions.left(target, "Forbidden: bot was blocked by the user")
    assert "Netflix Moments" in (await anna.says("/start 1207-netflix")).text
    assert [each.choices.topics for each in await subscriptions_of(talk, anna.chat)] == [("tiktok",)]


async def test_who_unsubscribed_and_starts_again_stays_unsubscribed(talk: Talk, anna: TelegramPerson) -> None:
    """Nobody is subscribed by saying hello."""
    await anna.says("/subscribe")
    await anna.says("/unsubscribe")
    talk.town.telegram.block(anna.chat.person)
    talk.town.telegram.unblock(anna.chat.person)
    assert "S’abonner" in (await anna.says("/start")).buttons
    assert await subscriptions_of(talk, anna.chat) == []


async def test_a_group_that_takes_the_bot_in_is_greeted_once(talk: Talk) -> None:
    """With how to subscribe; not again when it comes back to a subscription, and never in a channel."""
    telegram = talk.town.telegram
    grace = telegram.add_user("Grace")
    club = telegram.add_supergroup("Le club", admins=[grace], bot=Status.LEFT)
    channel = telegram.add_channel("La chaîne", bot=Status.LEFT)
    person = talk.on_telegram(club, grace)
    telegram.set_member(club, telegram.bot, Status.MEMBER, by=grace)
    telegram.set_member(channel, telegram.bot, Status.ADMINISTRATOR, by=grace)
    await person.settled()
    (hello,) = person.seen()
    assert "Bonjour" in hello.text
    assert "/subscribe" in hello.text
    telegram.set_member(club, telegram.bot, Status.ADMINISTRATOR, by=grace)
    await person.settled()
    assert len(person.seen()) == 1
    assert "Abonnement enregistré" in (await person.presses("Abonner ce groupe")).text
    said = len(person.seen())
    telegram.kick(club, grace)
    await person.settled()
    assert await subscriptions_of(talk, club) == []
    telegram.set_member(club, telegram.bot, Status.MEMBER, by=grace)
    await person.settled()
    assert len(await subscriptions_of(talk, club)) == 1
    assert len(person.seen()) == said
    assert channel.messages == []


async def test_a_group_that_may_not_be_written_to_is_not(talk: Talk) -> None:
    """The bot came in as somebody who only reads."""
    telegram = talk.town.telegram
    club = telegram.add_supergroup("Le club", bot=Status.LEFT)
    telegram.set_member(club, telegram.bot, Status.RESTRICTED, rights=())
    person = talk.on_telegram(club, telegram.add_user("Max"))
    await person.settled()
    assert not [call for call in calls(telegram.traffic, "sendMessage") if call.chat == str(club.id)]


async def test_a_group_that_becomes_a_supergroup_keeps_its_subscription(talk: Talk) -> None:
    """It goes along to the new id."""
    telegram = talk.town.telegram
    grace = telegram.add_user("Grace")
    group = telegram.add_group("Le groupe", admins=[grace])
    person = talk.on_telegram(group, grace)
    await person.says("/subscribe tiktok")
    new = telegram.migrate(group)
    await person.settled()
    assert await subscriptions_of(talk, group) == []
    assert [each.choices.topics for each in await subscriptions_of(talk, new)] == [("tiktok",)]


async def test_a_group_that_becomes_a_supergroup_in_mid_answer_is_answered_there(talk: Talk) -> None:
    """The command came from the old id: answer and subscription are at the new one."""
    telegram = talk.town.telegram
    grace = telegram.add_user("Grace")
    group = telegram.add_group("Le groupe", admins=[grace])
    moved: list[Chat] = []

    async def migrate(_call: Call) -> None:
        moved.append(telegram.migrate(group))

    telegram.faults.add(Fault(Hook(migrate), Match("sendMessage", chat=group.id)))
    assert (await talk.on_telegram(group, grace).says("/subscribe tiktok")).texts == ()
    (answer,) = [message.text for message in moved[0].messages if message.by_bot]
    assert "#tiktok" in answer
    assert [each.choices.topics for each in await subscriptions_of(talk, moved[0])] == [("tiktok",)]
    assert await subscriptions_of(talk, group) == []


# Messages


async def test_words_without_a_command_are_an_episode_a_topic_or_a_search(talk: Talk, anna: TelegramPerson) -> None:
    """In a private chat; a command that there is not gets the list of those there are. In groups people talk."""
    assert (await anna.says("Tik Tok")).text.startswith("#tiktok")
    assert "épisode 1206" in (await anna.says("#1206")).text
    assert "Je n’ai rien trouvé" in (await anna.says("1984")).text
    assert (await anna.says("un milliard")).text.startswith("Recherche : « un milliard »")
    assert "/search MOTS" in (await anna.says("/coucou")).text
    assert "/search MOTS" in (await anna.says("/ tiktok")).text
    club = talk.town.telegram.add_supergroup("Le club", bot=Status.ADMINISTRATOR)
    assert (await talk.on_telegram(club, anna.chat.person).says("tiktok")).texts == ()


async def test_an_edited_message_is_no_second_command(talk: Talk, anna: TelegramPerson) -> None:
    """Who corrects a typing mistake is not answered twice."""
    await anna.says("/latest")
    said = len(anna.seen())
    asked = next(message for message in anna.chat.history.values() if not message.by_bot)
    talk.town.telegram.revise(asked, "/topics")
    await anna.settled()
    assert len(anna.seen()) == said


async def test_a_post_passed_on_to_the_group_of_its_readers_is_no_second_command(talk: Talk) -> None:
    """It was answered in the channel."""
    telegram = talk.town.telegram
    channel, group = telegram.add_channel("La chaîne"), telegram.add_supergroup("Le salon")
    person = talk.on_telegram(group, channel)
    with mock.patch.object(telegram, "record", partial(_passed_on, telegram)):
        assert (await person.says("/subscribe")).texts == ()
    assert "seuls les admins" in (await person.says("/subscribe")).text


def _passed_on(telegram: TelegramStandIn, message: Message) -> Message:
    """Mark the message as one that Telegram itself passed on."""
    message.service = {"is_automatic_forward": True}
    return TelegramWorld.record(telegram, message)


async def test_a_button_of_a_message_that_telegram_no_longer_shows(anna: TelegramPerson) -> None:
    """Too old, or deleted: what would take its place comes as a message of its own."""
    await anna.says("/topic tiktok")
    (message,) = anna.seen()
    message.deleted = True
    reply = await anna.presses_on(message, "Plus anciens ▶")
    assert "page 2 sur 2" in reply.text
    assert not reply.replaced


async def test_buttons_work_after_a_restart(clock: time_machine.Traveller, tmp_path: Path) -> None:
    """All that a button says is in its data."""
    del clock
    async with town() as place:
        async with talking(place, tmp_path) as talk:
            anna = talk.on_telegram()
            await anna.says("/topic tiktok")
            await anna.says("/search les")
        async with talking(place, tmp_path) as talk:
            anna = talk.on_telegram(anna.chat)
            assert "page 2 sur" in (await anna.presses("Suite ▶")).text
            assert "page 2 sur 2" in (await anna.presses("Plus anciens ▶")).text


async def test_every_press_is_acknowledged_even_where_something_breaks(talk: Talk, anna: TelegramPerson) -> None:
    """Else the button goes on turning for the one who pressed it."""
    await anna.says("/help")
    (message,) = anna.seen()
    talk.town.telegram.faults.add(Fault(BAD_GATEWAY, Match("sendMessage")))
    press = talk.town.telegram.press(message, "Lire le dernier épisode")
    await talk.town.telegram.wait_for(lambda: press.answer is not None)


async def test_a_command_that_fails_is_excused(
    talk: Talk, anna: TelegramPerson, caplog: pytest.LogCaptureFixture
) -> None:
    """In a word to the one who asked; why it failed is in the log."""
    await anna.says("/subscribe")
    await anna.says("/settings")
    broken = mock.patch.object(talk.app.ledger.for_people, "of", side_effect=LedgerError("recap.db is damaged"))
    with broken:
        pressed = await anna.presses("Sans le son")
        assert (pressed.texts, "rien n’a été enregistré" in pressed.toast) == ((), True)
        assert "rien n’a été enregistré" in (await anna.says("/settings")).text
    assert f"A command in telegram:{anna.chat.id} could not be answered: recap.db is damaged" in caplog.text


async def test_an_answer_that_cannot_be_shown_is_excused_too(
    talk: Talk, anna: TelegramPerson, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in how it is put into messages is no reason for silence."""
    platform = talk.app.connections[PlatformName("telegram")].platform
    render = platform.render
    with mock.patch.object(platform, "render", side_effect=[ValueError("too long a button"), mock.DEFAULT]) as broken:
        broken.return_value = render(sorry(words(Language.FRENCH)).document)
        assert "quelque chose s’est mal passé" in (await anna.says("/help")).text
    assert "too long a button" in caplog.text


async def test_a_button_of_a_forum_whose_topic_nobody_knows_any_more_changes_nothing(talk: Talk) -> None:
    """It would act on another topic of the forum."""
    telegram = talk.town.telegram
    grace = telegram.add_user("Grace")
    forum = telegram.add_supergroup("Forum", topics={7: "Récap"}, admins=[grace])
    for person in (talk.on_telegram(forum, grace), talk.on_telegram(forum, grace, thread=7)):
        await person.says("/subscribe")
        await person.says("/settings")
    message = person.seen()[-1]
    message.deleted = True
    assert "tapez de nouveau /settings" in (await person.presses_on(message, "Se désabonner")).toast
    assert await subscriptions_of(talk, forum) != []


async def test_people_are_answered_in_their_language(talk: Talk) -> None:
    """Whatever the show's; a language the bot does not speak gets the show's."""
    telegram = talk.town.telegram
    english, german = (telegram.add_private(name=name, language=code) for name, code in (("Amy", "en"), ("Uwe", "de")))
    assert "There is no subscription here." in (await talk.on_telegram(english).says("/unsubscribe")).text
    assert "Il n’y a pas d’abonnement ici." in (await talk.on_telegram(german).says("/unsubscribe")).text
