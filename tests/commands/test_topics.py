"""Topics, as people ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conversation import Talk, TelegramPerson


async def test_a_topic_is_found_however_it_is_typed(talk: Talk) -> None:
    """Case, accents, spaces and signs do not matter; the newest subjects come first, with episode and date."""
    (first,) = (await talk.on_telegram().says("/topic tiktok")).texts
    assert first.startswith("#tiktok")
    assert "Épisode 1207 · lundi 4 novembre 2024" in first
    assert first.index("Épisode 1207") < first.index("Épisode 1206")
    for typed in ("Tik Tok", "TIKTOK", "#tiktok", "tik-tok", "Tïkțok"):
        assert (await talk.on_telegram().says(f"/topic {typed}")).texts == (first,), typed


async def test_the_pages_of_a_topic_are_turned_in_place(anna: TelegramPerson) -> None:
    """The older subjects take the place of the newer ones, and back."""
    first = await anna.says("/topic tiktok")
    assert "page 1 sur 2" in first.text
    second = await anna.presses("Plus anciens ▶")
    assert second.replaced
    assert "page 2 sur 2" in second.text
    assert "Épisode 1205" in second.text
    back = await anna.presses("◀ Plus récents")
    assert back.replaced
    assert back.text == first.text


async def test_a_near_miss_gets_the_nearest_topics(anna: TelegramPerson) -> None:
    """Pressing the button that is suggested answers what was meant."""
    missed = await anna.says("/topic tiktak")
    assert "Je ne connais pas le thème" in missed.text
    assert missed.buttons == ("#tiktok", "Tous les thèmes")
    assert "Épisode 1207" in (await anna.presses("#tiktok")).text


async def test_what_was_answered_on_telegram_is_answered_on_discord(talk: Talk) -> None:
    """The same subjects, in the same order."""
    bob = talk.on_discord()
    reply = await bob.says("/topic Tik Tok")
    assert reply.text.index("Épisode 1207") < reply.text.index("Épisode 1206")
