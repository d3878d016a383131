"""Joining without numbers: the ways into groups and channels, and the words about places that cannot be written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.commands import no_voice
from bot.model.i18n import Language, words
from bot.model.subscription import PlatformName, Target
from bot.sandbox.discord.world import BOT, MEMBER, Permission
from bot.sandbox.telegram.model import Status

if TYPE_CHECKING:
    from bot.sandbox.discord.world import Channel
    from tests.conversation import Talk, TelegramPerson

WAYS = [
    ("Ajouter à un groupe", "https://t.me/recap_bot?startgroup"),
    ("Ajouter à un canal", "https://t.me/recap_bot?startchannel&admin=post_messages"),
]


async def subscribed(talk: Talk, channel: Channel) -> bool:
    """Whether the channel has a subscription."""
    return bool(await talk.app.ledger.subscriptions.of(Target(PlatformName("discord"), str(channel.id))))


async def test_a_start_in_private_offers_ways_into_groups_and_channels(talk: Talk, anna: TelegramPerson) -> None:
    """With the one right that the bot needs in a channel, and none in a group; a group and `/help` offer nothing."""
    await anna.says("/start")
    links = [(button["text"], button["url"]) for button in anna.seen()[-1].buttons if "url" in button]
    assert links == WAYS
    await anna.says("/help")
    assert not any("url" in button for button in anna.seen()[-1].buttons)
    there = talk.on_telegram(talk.town.group, anna.chat.person)
    await there.says("/start@recap_bot")
    assert not any("url" in button for button in there.seen()[-1].buttons)


async def test_the_person_who_brings_the_bot_hears_what_is_next(talk: Talk, anna: TelegramPerson) -> None:
    """In private, because a channel's readers need not see it, and a place where the bot may not write cannot."""
    telegram, person = talk.town.telegram, anna.chat.person
    places = {"La radio": ("can_post_messages",), "La télé": ()}
    for title, rights in places.items():
        channel = telegram.add_channel(title, bot=Status.LEFT)
        telegram.set_member(channel, telegram.bot, Status.ADMINISTRATOR, rights=rights, by=person)
    mute = telegram.add_supergroup("Le club", bot=Status.LEFT)
    mute.members_may_write = False
    telegram.set_member(mute, telegram.bot, Status.MEMBER, by=person)
    await anna.settled()
    told = sorted(message.text for message in anna.seen())
    assert len(told) == 3
    assert [text for text in told if "Je peux maintenant publier dans « La radio »" in text.replace("\xa0", " ")]
    assert len([text for text in told if "Un administrateur peut m’y autoriser" in text]) == 2


@pytest.mark.parametrize(("typed", "answer"), [("@recap_bot tiktok", "TikTok"), ("@Recap_Bot zzz", "rien trouvé")])
async def test_the_bot_answers_as_a_guest(talk: Talk, anna: TelegramPerson, typed: str, answer: str) -> None:
    """In a chat that it is not in, by one message with links to the bot."""
    telegram = talk.town.telegram
    elsewhere = telegram.add_supergroup("Ailleurs", bot=Status.LEFT)
    telegram.call(elsewhere, anna.chat.person, typed)
    await telegram.wait_for(lambda: elsewhere.messages)
    (message,) = elsewhere.messages
    assert answer in message.text
    assert all("https://t.me/recap_bot?start=" in button["url"] for button in message.buttons)


async def test_the_bot_says_what_it_is_in_both_languages(talk: Talk) -> None:
    """On its page and in an empty chat, within Telegram's limits, in the show's language where it has no other."""
    about = talk.town.telegram.about
    await talk.town.telegram.wait_for(lambda: len(about) == 6)
    assert about["short_description", ""] == about["short_description", "fr"]
    assert "chaque sujet en bref" in about["short_description", "fr"]
    assert "a summary of each subject" in about["description", "en"]


async def test_a_channel_is_subscribed_by_its_name_on_discord(talk: Talk) -> None:
    """From elsewhere, by somebody who manages the server; the answer says how to choose there."""
    town = talk.town
    manager = talk.on_discord(town.text, town.manager)
    news = town.discord.add_announcement(town.guild, "nouvelles")
    reply = await manager.says("/subscribe", channel=news)
    assert "#nouvelles est abonné" in reply.text
    assert "tapez /settings dans #nouvelles" in reply.text
    assert reply.buttons == ("Lire le dernier épisode",)
    assert reply.is_private
    assert await subscribed(talk, news)
    assert not news.messages


@pytest.mark.parametrize(
    ("of_person", "of_bot", "refusal"),
    [
        (MEMBER, BOT, "seuls les admins"),
        (MEMBER | Permission.MANAGE_GUILD, BOT & ~Permission.SEND_MESSAGES, "Quelqu’un qui le gère peut m’y laisser"),
        (MEMBER | Permission.MANAGE_GUILD, BOT & ~Permission.VIEW_CHANNEL, "Je ne vois pas ce salon"),
        (MEMBER & ~Permission.VIEW_CHANNEL | Permission.MANAGE_GUILD, BOT, "seuls les admins"),
    ],
)
async def test_the_rights_in_the_named_channel_count(
    talk: Talk, of_person: Permission, of_bot: Permission, refusal: str
) -> None:
    """The person's and the bot's there, not those where the command is typed; nothing is subscribed without them."""
    town = talk.town
    secret = town.discord.add_text(town.guild, "secret")
    town.discord.permit(secret, of_bot)
    town.discord.add_member(town.guild, town.reader, of_person)
    reply = await talk.on_discord(town.text, town.reader).says("/subscribe", channel=secret)
    assert refusal in reply.text
    assert not await subscribed(talk, secret)


@pytest.mark.parametrize("language", Language)
def test_a_long_name_leaves_room_for_the_cure_in_a_toast(language: Language) -> None:
    """Telegram shows 200 characters over a chat and refuses more; a group's name may have 128 of them."""
    toast = no_voice(words(language), "x" * 128).toast
    assert len(toast) <= 200
    assert "/subscribe" in toast
