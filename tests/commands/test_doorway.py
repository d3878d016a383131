"""Below a push stand the ways on: to listen, to read one subject, to choose otherwise, to stop."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from bot.model.subscription import PlatformName
from tests.conversation import read_labels, talking
from tests.world import town

if TYPE_CHECKING:
    from pathlib import Path

    import time_machine

    from bot.sandbox.telegram.model import Message

SUBJECTS = (
    "1. Netflix Moments",
    "2. Telegram",
    "3. TikTok et Spotify",
    "4. « L’Amour ouf », du grand…",
    "5. TikTok montre patte blanche à…",
)


def labels(message: Message) -> tuple[str, ...]:
    """What stands on the buttons below a message on Telegram."""
    return tuple(button["text"].replace("\N{NO-BREAK SPACE}", " ") for button in message.buttons)


async def test_a_push_is_a_doorway(clock: time_machine.Traveller, tmp_path: Path) -> None:
    """In private chats to the settings and out; elsewhere to a private chat, without noise for others."""
    clock.shift(dt.timedelta(days=-2))
    async with town() as place, talking(place, tmp_path) as talk:
        eve, lea = talk.on_telegram(), talk.on_discord(place.discord.direct(place.reader))
        await eve.says("/subscribe")
        await lea.says("/subscribe")
        clock.shift(dt.timedelta(days=1, minutes=1))
        await talk.app.tick()
        chats = (eve.chat, place.private, place.group, place.forum, place.channel)
        await place.until(
            lambda: (
                all(any(each.buttons for each in chat.messages if each.by_bot) for chat in chats)
                and "Arrêter" in read_labels(lea.channel.messages[-1].components)
                and bool(place.text.messages and read_labels(place.text.messages[-1].components))
            )
        )

        # In a private chat on Telegram, declared or not.
        assert labels(eve.seen()[-1]) == (*SUBJECTS, "Réglages", "Arrêter")
        assert labels(place.private.messages[-1]) == (*SUBJECTS, "Réglages", "Arrêter")
        one = await eve.presses("2. Telegram")
        assert not one.replaced
        assert one.text.startswith("Telegram : le milliard, et les questions qui vont avec\n\nÉpisode 1207")
        assert one.buttons == ("Tout l’épisode 1207", "Partager")
        assert (await eve.presses("Réglages")).text.startswith("Réglages")
        assert "Vous ne recevrez plus rien" in (await eve.presses("Arrêter")).text

        # In groups and channels on Telegram, where an answer would come to everybody.
        for chat in (place.group, place.forum, place.channel):
            message = chat.messages[-1]
            assert labels(message) == (*SUBJECTS, "Le recevoir en privé")
            addresses = [button["url"] for button in message.buttons]
            bot = f"https://t.me/{talk.app.connections[PlatformName('telegram')].platform.username}"
            assert addresses[1:2] + addresses[-1:] == [f"{bot}?start=1207-telegram", f"{bot}?start=start"]
        assert (await eve.says("/start 1207-telegram")).text.startswith("Telegram : le milliard")
        others = (await eve.says("/start 1207-1-3")).text
        assert [f"{number}. " in others for number in range(1, 6)] == [True, False, True, False, False]
        assert "S’abonner" in (await eve.says("/start start")).buttons

        # In a channel on Discord, the person alone sees the answer.
        assert read_labels(place.text.messages[-1].components)[-1] == "Le recevoir en privé"
        reader = talk.on_discord()
        one = await reader.presses("2. Telegram")
        assert (one.is_private, one.replaced) == (True, False)
        assert "le milliard, et les questions" in one.text
        way = await reader.presses_on(place.text.messages[-1], "Le recevoir en privé")
        assert way.is_private
        assert way.buttons == ("M’écrire en privé",)
        # In a conversation with one person.
        assert read_labels(lea.channel.messages[-1].components)[-2:] == ("Réglages", "Arrêter")
