"""Who may change what a group, a channel or a forum topic receives on Telegram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.model.subscription import PlatformName, Target
from bot.sandbox.shared.faults import Fault, Match, Reply
from bot.sandbox.telegram.model import Status

if TYPE_CHECKING:
    from bot.sandbox.telegram.model import Chat, User
    from tests.conversation import Talk


@pytest.fixture
def grace(talk: Talk) -> User:
    """An admin."""
    return talk.town.telegram.add_user("Grace")


@pytest.fixture
def club(talk: Talk, grace: User) -> Chat:
    """Her group."""
    return talk.town.telegram.add_supergroup("Le club", admins=[grace], topics={7: "Récap"})


async def is_subscribed(talk: Talk, chat: Chat, thread: int = 0) -> bool:
    """Whether that very place is."""
    return bool(await talk.app.ledger.subscriptions.of(Target(PlatformName("telegram"), str(chat.id), thread)))


@pytest.mark.parametrize("command", ["/subscribe", "/unsubscribe", "/settings"])
async def test_members_get_a_friendly_no(talk: Talk, club: Chat, command: str) -> None:
    """And nothing changes."""
    member = talk.on_telegram(club, talk.town.telegram.add_user("Max"))
    reply = await member.says(command)
    assert "Ici, seuls les admins choisissent l’abonnement" in reply.text
    assert not await is_subscribed(talk, club)


async def test_admins_choose_and_so_does_who_hides_behind_the_group(talk: Talk, club: Chat, grace: User) -> None:
    """Anonymous admins write in the name of the group itself."""
    assert "Abonnement enregistré" in (await talk.on_telegram(club, grace).says("/subscribe")).text
    anonymous = talk.on_telegram(club, club)
    assert "Vous ne recevrez plus rien ici." in (await anonymous.says("/unsubscribe")).text
    assert not await is_subscribed(talk, club)


async def test_another_channels_name_gives_no_right(talk: Talk, club: Chat) -> None:
    """Who writes in a group in the name of some channel of theirs is no admin of the group."""
    stranger = talk.on_telegram(club, talk.town.telegram.add_channel("Ailleurs"))
    assert "seuls les admins" in (await stranger.says("/subscribe")).text


async def test_what_is_posted_in_a_channel_was_posted_by_an_admin(talk: Talk) -> None:
    """Nobody else can post there."""
    channel = talk.town.telegram.add_channel("La chaîne")
    assert "Abonnement enregistré" in (await talk.on_telegram(channel, channel).says("/subscribe")).text
    assert await is_subscribed(talk, channel)


async def test_buttons_are_for_those_who_are_admins_when_they_press(talk: Talk, club: Chat, grace: User) -> None:
    """A member's press is answered by a few words over the chat; so is that of somebody who is no admin any more."""
    telegram, member = talk.town.telegram, talk.town.telegram.add_user("Max")
    admin, other = talk.on_telegram(club, grace), talk.on_telegram(club, member)
    await admin.says("/subscribe")
    await admin.says("/settings")
    refused = await other.presses("Se désabonner")
    assert refused.texts == ()
    assert "seuls les admins" in refused.toast
    telegram.set_member(club, member, Status.ADMINISTRATOR)
    telegram.set_member(club, grace, Status.MEMBER)
    assert "seuls les admins" in (await admin.presses("Se désabonner")).toast
    assert await is_subscribed(talk, club)
    assert (await other.presses("Se désabonner")).replaced
    assert not await is_subscribed(talk, club)


async def test_a_topic_of_a_forum_subscribes_as_itself(talk: Talk, club: Chat, grace: User) -> None:
    """The answer comes in that topic, and its buttons act there; the general topic is the chat itself."""
    in_topic, in_general = talk.on_telegram(club, grace, thread=7), talk.on_telegram(club, grace)
    await in_topic.says("/subscribe tiktok")
    assert await is_subscribed(talk, club, thread=7)
    assert not await is_subscribed(talk, club)
    await in_general.says("/subscribe")
    assert await is_subscribed(talk, club)
    await in_topic.says("/settings")
    assert (await in_topic.presses("Se désabonner")).replaced
    assert not await is_subscribed(talk, club, thread=7)
    assert await is_subscribed(talk, club)


async def test_a_forged_button_touches_no_other_chat(talk: Talk, club: Chat, grace: User) -> None:
    """Whatever its data says, a button acts where it is: no data names a chat."""
    await talk.on_telegram(club, grace).says("/subscribe")
    eve = talk.on_telegram()
    await eve.says("/settings")
    (message,) = eve.seen()
    for data in (
        f"settings stop {club.id}",
        f"privacy deleted {club.id}",
        f"unsubscribe {club.id}",
        f"settings:{club.id} stop",
        "latest\n",
        "settings on " + "x" * 50,
        "/start",
        "",
    ):
        message.reply_markup = {"inline_keyboard": [[{"text": "Forgé", "callback_data": data}]]}
        await eve.presses_on(message, "Forgé")
    assert await is_subscribed(talk, club)


async def test_a_button_of_another_version_is_answered(talk: Talk) -> None:
    """With a word over the chat on what to do."""
    eve = talk.on_telegram()
    await eve.says("/help")
    (message,) = eve.seen()
    message.reply_markup = {"inline_keyboard": [[{"text": "Ancien", "callback_data": "quiz 3"}]]}
    reply = await eve.presses_on(message, "Ancien")
    assert reply.texts == ()
    assert "/help" in reply.toast


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks Telegram for long."""
    monkeypatch.setattr("bot.platforms.telegram.handlers.RIGHTS_WORTH", 0.2)


UNKNOWN = {
    "500": Reply(500, {"ok": False, "error_code": 500, "description": "Internal Server Error"}),
    "page": Reply(403, "<h1>Blocked by the proxy</h1>", "text/html"),
    "hidden": Reply(400, {"ok": False, "error_code": 400, "description": "Bad Request: member list is inaccessible"}),
}


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("answer", UNKNOWN)
async def test_not_to_know_is_neither_yes_nor_no(talk: Talk, club: Chat, grace: User, answer: str) -> None:
    """Telegram does not tell who is an admin: the admin is not called a stranger, and nobody gets a right."""
    telegram = talk.town.telegram
    telegram.faults.add(Fault(UNKNOWN[answer], Match("getChatMember"), times=None))
    for command in ("/subscribe", "/unsubscribe", "/settings"):
        for person in (grace, telegram.add_user("Max")):
            reply = await talk.on_telegram(club, person).says(command)
            assert (
                "Je n’arrive pas à savoir en ce moment si vous êtes admin ici. Réessayez dans un instant" in reply.text
            )
    assert not await is_subscribed(talk, club)


async def test_one_failed_look_at_a_right_is_made_good(talk: Talk, club: Chat, grace: User) -> None:
    """The bot asks again before it says anything."""
    answer = Reply(502, "<h1>Bad Gateway</h1>", "text/html")
    talk.town.telegram.faults.add(Fault(answer, Match("getChatMember")))
    assert "Abonnement enregistré" in (await talk.on_telegram(club, grace).says("/subscribe")).text
