"""What the bot keeps of people, and how it forgets them."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from bot.storage.tables import metadata
from tests.conversation import talking
from tests.world import town

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    import time_machine

    from tests.conversation import Talk, TelegramPerson


async def test_privacy_says_what_is_kept(anna: TelegramPerson) -> None:
    """Ids and choices, and nothing else; with the button that deletes it all."""
    reply = await anna.says("/privacy")
    assert "vos choix" in reply.text
    assert "aucun nom" in reply.text
    assert reply.buttons == ("Tout effacer",)


KEPT = {
    "le numéro que la plateforme donne": {"platform", "chat", "old_chat", "new_chat"},
    "celui de son sujet ou de son fil": {"thread"},
    "si elle est privée": {"is_private"},
    "vos choix (thèmes, présentation, horaire, son, pause)": {
        *("choice_id", "topics", "layout", "rich", "schedule", "silent", "paused_until"),
        *("audio", "publish", "mention", "pin", "origin", "declared"),  # the admin's of the bot
    },
    "leur date": {"created", "updated"},
    "si les envois ont cessé, pourquoi": {"state", "reason", "has_left"},
    "la liste des derniers épisodes envoyés ici": {"broadcast_id", "subscription_id", "rendering_id"},
    "avec la date, le résultat": {"due", "position", "attempts", "code", "rank", "corrects"},
    "les numéros de ces messages": {"message_ids", "message_id", "pinned", "wanted"},
}
"""What `/privacy` says, and the columns about a chat that this is about."""


async def test_privacy_leaves_nothing_out(anna: TelegramPerson) -> None:
    """Whoever gives the database another column about a chat has to say so there."""
    text = (await anna.says("/privacy")).text
    assert [said for said in KEPT if said not in text] == []
    about_chats = [table for table in metadata.tables.values() if any("chat" in each.name for each in table.columns)]
    assert set().union(*KEPT.values()) == {each.name for table in about_chats for each in table.columns} - {"id"}


async def test_everything_is_deleted_after_one_question(alone: Talk, tmp_path: Path) -> None:
    """Who says no keeps it; who says yes is nowhere in the database any more."""
    anna = alone.on_telegram()
    await anna.says("/subscribe tiktok")
    await anna.says("/privacy")
    question = await anna.presses("Tout effacer")
    assert question.replaced
    assert question.text.startswith("Effacer tout ce qui concerne cette conversation ?")
    assert (await anna.presses("Non, garder")).buttons == ("Tout effacer",)
    assert str(anna.chat.id) in database(tmp_path)
    await anna.presses("Tout effacer")
    done = await anna.presses("Oui, tout effacer")
    assert done.replaced
    assert "C’est fait : je ne sais plus rien" in done.text
    assert str(anna.chat.id) not in database(tmp_path)
    assert "pas d’abonnement" in (await anna.says("/settings")).text
    assert len(await alone.app.ledger.subscriptions.all()) == 8


async def test_only_admins_delete_what_is_kept_of_a_group(talk: Talk) -> None:
    """The others may read what it is."""
    admin, member = talk.town.telegram.add_user("Grace"), talk.town.telegram.add_user("Max")
    club = talk.town.telegram.add_supergroup("Le club", admins=[admin])
    grace, max_ = talk.on_telegram(club, admin), talk.on_telegram(club, member)
    await grace.says("/subscribe")
    assert (await max_.says("/privacy")).buttons == ()
    await grace.says("/privacy")
    refused = await max_.presses("Tout effacer")
    assert (refused.texts, "seuls les admins" in refused.toast) == ((), True)
    await grace.presses("Tout effacer")
    assert "C’est fait" in (await grace.presses("Oui, tout effacer")).text


async def test_nobodys_name_or_words_are_kept_or_logged(
    clock: time_machine.Traveller, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the database nor in the logs, whatever people are called and whatever they write."""
    del clock
    caplog.set_level(logging.INFO)
    logging.getLogger("bot").setLevel(logging.DEBUG)
    async with town() as place, talking(place, tmp_path) as talk:
        anna = talk.on_telegram(place.telegram.add_private(name="Zénobie"))
        bob = talk.on_discord()
        for person in (anna, bob):
            await person.says("/topic hippopotame")
            await person.says("/search hippopotame")
        await anna.says("/subscribe hippopotame")
        await anna.says("/subscribe tiktok")
        await anna.says("un hippopotame sans commande")
        club = place.telegram.add_supergroup("Hippodrome")
        await talk.on_telegram(club, anna.chat.person).says("/subscribe hippopotame")
    kept = database(tmp_path) + caplog.text
    assert str(anna.chat.id) in database(tmp_path)
    for word in ("Zénobie", "ippopotame", "Hippodrome", "lectrice"):
        assert word not in kept


def database(folder: Path) -> str:
    """All that the bot's database holds, as text."""
    with closing(sqlite3.connect(folder / "recap.db")) as connection:
        return "\n".join(connection.iterdump())
