"""The Telegram of the sandbox, as the unmodified client library and the people in its chats meet it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllPrivateChats,
    ChatMember,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MessageEntity,
    ReplyKeyboardMarkup,
    Update,
)
from telegram.error import BadRequest
from telegram.ext import Application, CommandHandler

from bot.sandbox.telegram.model import Chat, Status
from bot.sandbox.telegram.server import TelegramStandIn

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYBOARD = InlineKeyboardMarkup([[InlineKeyboardButton("TikTok", callback_data="topic tiktok")]])
NEWS = 7


async def _update(client: Bot) -> Update:
    """The one update that is waiting."""
    (update,) = await client.get_updates()
    return update


async def test_the_bot_knows_itself(standin: TelegramStandIn, client: Bot) -> None:
    """`getMe` introduces the bot that the stand-in was made for."""
    assert (client.id, client.username, client.can_join_groups) == (standin.bot.id, "recap_bot", True)


async def test_a_file_can_be_fetched_and_sent(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """By its id and then by its path, as Telegram has both; a caption of more than 1,024 characters is refused."""
    message = standin.send_file(ada, ada.person, "notes.txt", b"Netflix")
    assert message.document is not None
    file = await client.get_file(message.document["file_id"])
    # The library puts Telegram's own address before the path.
    path = (file.file_path or "").partition(f"{standin.token}/")[2]
    address = f"{standin.url}/file/bot{standin.token}/{path}"
    async with aiohttp.ClientSession() as session:
        async with session.get(address) as answer:
            assert await answer.read() == b"Netflix"
        async with session.get(address.replace(standin.token, "x")) as answer:
            assert answer.status == 404
    sent = await client.send_document(ada.id, b"Brouillon", caption="Un mot", filename="1208.md")
    assert sent.document is not None
    assert standin.contents[sent.document.file_id] == b"Brouillon"
    with pytest.raises(BadRequest, match="caption is too long"):
        await client.send_document(ada.id, b"Brouillon", caption="x" * 1025)
    with pytest.raises(BadRequest, match="no text in the message to edit"):
        await client.edit_message_text("Autre", ada.id, sent.message_id)


async def test_a_message_is_kept_as_sent(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """Text, entities, preview, buttons and silence can be looked at, and the client gets the message back."""
    entity, preview = MessageEntity("bold", 3, 2), LinkPreviewOptions(url="https://example.org", show_above_text=True)
    sent = await client.send_message(
        ada.id,
        "hé 😀",
        entities=[entity],
        link_preview_options=preview,
        reply_markup=KEYBOARD,
        disable_notification=True,
        protect_content=True,
    )
    (message,) = ada.messages
    assert (message.id, message.text, message.entities) == (sent.message_id, "hé 😀", (entity.to_dict(),))
    assert (message.link_preview_options, message.reply_markup) == (preview.to_dict(), KEYBOARD.to_dict())
    assert (message.disable_notification, message.protect_content, message.thread) == (True, True, None)
    assert message.request is not None
    assert standin.traffic.requests[message.request].body["text"] == "hé 😀"
    assert sent.has_protected_content
    assert (sent.text, sent.entities, sent.reply_markup, sent.chat.id) == ("hé 😀", (entity,), KEYBOARD, ada.id)
    assert (sent.from_user and sent.from_user.id, sent.date) == (standin.bot.id, message.date.replace(microsecond=0))


async def test_a_keyboard_for_typing_is_no_part_of_its_message(client: Bot, ada: Chat) -> None:
    """It is kept with the message, but only buttons below a message are told of again."""
    keyboard = ReplyKeyboardMarkup([["/latest"]])
    sent = await client.send_message(ada.id, "x", reply_markup=keyboard)
    assert sent.reply_markup is None
    assert (ada.messages[0].reply_markup, ada.messages[0].buttons) == (keyboard.to_dict(), [])


@pytest.mark.parametrize("form", ["json", "data", "params", "multipart"])
async def test_parameters_come_in_any_form(standin: TelegramStandIn, ada: Chat, form: str) -> None:
    """As JSON, as a form, as parts of one, or in the address; and the method's name in any case."""
    flat = {"chat_id": str(ada.id), "text": "x", "entities": json.dumps([{"type": "bold", "offset": 0, "length": 1}])}
    forms: Mapping[str, dict[str, Any]] = {
        "json": {"json": flat | {"chat_id": ada.id, "entities": json.loads(flat["entities"])}},
        "data": {"data": flat},
        "params": {"params": flat},
        "multipart": {"data": aiohttp.FormData(flat, default_to_multipart=True)},
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{standin.url}/bot{standin.token}/SENDmessage", **forms[form]) as response,
    ):
        assert (await response.json())["ok"] is True
    assert [message.entities for message in ada.messages] == [({"type": "bold", "offset": 0, "length": 1},)]


async def test_a_message_goes_to_its_topic(standin: TelegramStandIn, client: Bot) -> None:
    """A thread of a forum is kept with the message; where there is no forum, threads mean nothing."""
    forum, group = standin.add_supergroup(topics={NEWS: "News"}), standin.add_supergroup()
    sent = await client.send_message(forum.id, "x", message_thread_id=NEWS)
    assert (sent.message_thread_id, sent.is_topic_message, forum.messages[0].thread) == (NEWS, True, NEWS)
    assert sent.message_id > NEWS
    assert (await client.send_message(group.id, "x", message_thread_id=NEWS)).message_thread_id is None


async def test_a_channel_speaks_for_itself(standin: TelegramStandIn, client: Bot) -> None:
    """A channel is found by its name in any case, and its posts have no sender but the channel."""
    channel = standin.add_channel("Le récap", username="Le_Recap")
    sent = await client.send_message("@le_recap", "x")
    assert (sent.chat.id, sent.from_user, sent.sender_chat and sent.sender_chat.id) == (channel.id, None, channel.id)


async def test_a_message_can_be_edited(client: Bot, ada: Chat) -> None:
    """The new words and buttons take the place of the old; without buttons in the request there are none."""
    sent = await client.send_message(ada.id, "x", reply_markup=KEYBOARD)
    preview = LinkPreviewOptions(is_disabled=True)
    edited = await client.edit_message_text("y", ada.id, sent.message_id, link_preview_options=preview)
    (message,) = ada.messages
    assert message.link_preview_options == preview.to_dict()
    assert (message.text, message.buttons) == ("y", [])
    assert message.edit_date is not None
    assert isinstance(edited, type(sent))
    assert (edited.text, edited.reply_markup) == ("y", None)


async def test_a_deleted_message_is_marked(client: Bot, ada: Chat) -> None:
    """It stays where it can be looked at."""
    sent = await client.send_message(ada.id, "x")
    await client.delete_message(ada.id, sent.message_id)
    assert [(message.text, message.deleted) for message in ada.messages] == [("x", True)]


async def test_long_polling_gets_a_command(standin: TelegramStandIn, ada: Chat) -> None:
    """An application that polls answers what somebody says, and confirms it."""
    application = Application.builder().token(standin.token).base_url(f"{standin.url}/bot").build()

    async def latest(update: Update, _context: object) -> None:
        assert update.message is not None
        await update.message.reply_text("1207")

    application.add_handler(CommandHandler("latest", latest))
    updater = application.updater
    assert updater is not None
    async with application:
        await application.start()
        await updater.start_polling()
        await standin.wait_for(lambda: standin.updates.polled)
        standin.say(ada, ada.person, "/latest")
        await standin.wait_for(lambda: ada.messages)
        await standin.wait_for(lambda: not standin.updates.pending)
        await updater.stop()
        await application.stop()
    assert [message.text for message in ada.history.values()] == ["/latest", "1207"]


async def test_what_people_say_arrives_with_its_commands(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """Sender, language, chat and the entities that make words a command; a revision says that it is one."""
    said = standin.say(ada, ada.person, "/topic tik tok")
    message = (await _update(client)).message
    assert message is not None
    assert (message.text, message.entities) == ("/topic tik tok", (MessageEntity("bot_command", 0, 6),))
    assert message.from_user is not None
    assert (message.from_user.language_code, message.chat.type) == ("fr", "private")
    standin.revise(said, "/latest")
    edited = (await client.get_updates())[-1].edited_message
    assert edited is not None
    assert (edited.message_id, edited.text, edited.edit_date is not None) == (said.id, "/latest", True)


async def test_posts_arrive_as_posts(standin: TelegramStandIn, client: Bot) -> None:
    """A channel's post has no sender."""
    post = standin.post(standin.add_channel(), "/subscribe")
    standin.revise(post, "/help")
    first, second = await client.get_updates()
    assert first.channel_post is not None
    assert first.channel_post.from_user is None
    assert second.edited_channel_post is not None


async def test_an_anonymous_admin_is_the_group(standin: TelegramStandIn, client: Bot) -> None:
    """Their messages come from the chat itself; those in the name of a channel come from it."""
    group, channel = standin.add_supergroup(), standin.add_channel()
    standin.say(group, group, "/subscribe")
    standin.say(group, channel, "/subscribe")
    messages = [update.message for update in await client.get_updates()]
    senders = [message.sender_chat for message in messages if message]
    assert [sender.id for sender in senders if sender] == [group.id, channel.id]
    names = [message.from_user.username for message in messages if message and message.from_user]
    assert names == ["GroupAnonymousBot", "Channel_Bot"]


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        (Status.MEMBER, ["/latest", "/latest@Recap_Bot"]),
        (Status.ADMINISTRATOR, ["/latest", "/latest@other_bot", "/latest@Recap_Bot", "well /latest", "hello"]),
        (Status.KICKED, []),
    ],
)
async def test_in_groups_the_bot_hears_commands(
    standin: TelegramStandIn, client: Bot, status: Status, seen: list[str]
) -> None:
    """Those for no other bot; as an administrator it hears everything, once removed nothing."""
    group, person = standin.add_supergroup(bot=status), standin.add_user()
    for text in ("/latest", "/latest@other_bot", "/latest@Recap_Bot", "well /latest", "hello"):
        standin.say(group, person, text)
    assert [update.message and update.message.text for update in await client.get_updates()] == seen


async def test_a_pressed_button_asks_and_is_answered(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """The query carries the button's data and its message, and the presser sees the answer."""
    sent = await client.send_message(ada.id, "x", reply_markup=KEYBOARD)
    press = standin.press(ada.messages[0], "TikTok")
    query = (await _update(client)).callback_query
    assert query is not None
    assert query.message is not None
    assert (query.data, query.message.message_id, query.from_user.id) == ("topic tiktok", sent.message_id, ada.id)
    await query.answer("Done", show_alert=True)
    assert await standin.wait_for(lambda: press.answer) == {"text": "Done", "show_alert": True, "url": ""}


async def test_a_button_below_a_deleted_message_still_asks(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """A client may show it longer than it exists; the bot then learns only where it was."""
    sent = await client.send_message(ada.id, "x", reply_markup=KEYBOARD)
    await sent.delete()
    standin.press(ada.messages[0], "TikTok")
    query = (await _update(client)).callback_query
    assert query is not None
    assert query.message is not None
    assert (query.message.message_id, query.message.is_accessible) == (sent.message_id, False)


async def test_only_what_is_there_can_be_pressed(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """A wrong label is the test's mistake, and it is told the right ones."""
    await client.send_message(ada.id, "x", reply_markup=KEYBOARD)
    with pytest.raises(ValueError, match="TikTok"):
        standin.press(ada.messages[0], "Netflix")


async def test_menus_are_kept_by_scope_and_language(standin: TelegramStandIn, client: Bot) -> None:
    """Setting one replaces that one only, and none at all removes it."""
    private = BotCommandScopeAllPrivateChats()
    await client.set_my_commands([("latest", "The latest")])
    await client.set_my_commands([("latest", "Le dernier")], language_code="fr")
    await client.set_my_commands([("/help", " Help ")], private)
    assert await client.get_my_commands(private) == (BotCommand("help", "Help"),)
    await client.set_my_commands([("topics", "Topics")], private)
    assert await client.get_my_commands() == (BotCommand("latest", "The latest"),)
    assert await client.get_my_commands(language_code="fr") == (BotCommand("latest", "Le dernier"),)
    assert await client.get_my_commands(private) == (BotCommand("topics", "Topics"),)
    await client.set_my_commands([], private)
    assert await client.get_my_commands(private) == ()
    assert [(menu.scope["type"], menu.language) for menu in standin.menus] == [("default", ""), ("default", "fr")]


async def test_members_are_told_apart(standin: TelegramStandIn, client: Bot) -> None:
    """Creator, administrators with their rights, members, and who was never there."""
    owner, admin, member, stranger = (standin.add_user(name) for name in "OAMS")
    group = standin.add_supergroup(admins=[owner, admin])
    standin.set_member(group, admin, Status.ADMINISTRATOR, rights=["can_manage_chat"], anonymous=True)
    standin.say(group, member, "hello")
    places = [await client.get_chat_member(group.id, user.id) for user in (owner, admin, member, stranger)]
    assert [place.status for place in places] == [
        ChatMember.OWNER,
        ChatMember.ADMINISTRATOR,
        ChatMember.MEMBER,
        ChatMember.LEFT,
    ]
    rights = places[1].to_dict()
    assert (rights["can_manage_chat"], rights["can_delete_messages"], rights["is_anonymous"]) == (True, False, True)


async def test_a_chat_is_described(standin: TelegramStandIn, client: Bot) -> None:
    """Id, kind, title, name, and whether it is a forum."""
    standin.add_supergroup("Le salon", username="salon", topics={})
    chat = await client.get_chat("@salon")
    assert (chat.type, chat.title, chat.username, chat.is_forum) == ("supergroup", "Le salon", "salon", True)


async def test_the_bot_is_told_its_place(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """Blocked, unblocked, removed: who did it, what was before and what is now."""
    owner = standin.add_user("Owner")
    group = standin.add_group(admins=[owner])
    standin.block(ada.person)
    standin.block(ada.person)
    standin.unblock(ada.person)
    standin.kick(group)
    told = [update.my_chat_member for update in await client.get_updates()]
    assert [(member.from_user.id, member.chat.id) for member in told if member] == [
        (ada.id, ada.id),
        (ada.id, ada.id),
        (owner.id, group.id),
    ]
    assert [(member.old_chat_member.status, member.new_chat_member.status) for member in told if member] == [
        (ChatMember.MEMBER, ChatMember.BANNED),
        (ChatMember.BANNED, ChatMember.MEMBER),
        (ChatMember.MEMBER, ChatMember.BANNED),
    ]


async def test_a_group_that_grew_says_so_twice(standin: TelegramStandIn, client: Bot) -> None:
    """In the old chat where it went, in the new one where it came from; who was there is there."""
    owner = standin.add_user("Owner")
    group = standin.add_group("G", admins=[owner])
    new = standin.migrate(group)
    old_message, new_message = [update.message for update in await client.get_updates()]
    assert old_message is not None
    assert new_message is not None
    assert (old_message.chat.id, old_message.migrate_to_chat_id) == (group.id, new.id)
    assert (new_message.chat.id, new_message.migrate_from_chat_id) == (new.id, group.id)
    assert (await client.get_chat_member(new.id, owner.id)).status == ChatMember.OWNER


async def test_the_world_outlives_the_server(ada: Chat, standin: TelegramStandIn, client: Bot) -> None:
    """After a stop and a start it is at the same address with the same chats."""
    url = standin.url
    await standin.stop()
    await standin.start()
    assert standin.url == url
    await client.send_message(ada.id, "x")
    assert len(ada.messages) == 1


async def test_a_port_can_be_chosen_once(standin: TelegramStandIn) -> None:
    """A second stand-in cannot have it, says so, and leaves nothing behind."""
    port = int(standin.url.rpartition(":")[2])
    with pytest.raises(OSError, match=str(port)):
        await TelegramStandIn(port=port).start()


async def test_stopping_what_is_stopped_is_no_error() -> None:
    """Nor is stopping what never started."""
    standin = TelegramStandIn()
    await standin.stop()
    await standin.start()
    await standin.stop()
    await standin.stop()


async def test_what_is_waited_for_may_not_come(standin: TelegramStandIn) -> None:
    """Then the wait ends with an error instead of the test hanging."""
    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        await standin.wait_for(lambda: False, within=0.01)
