"""What the Telegram of the sandbox refuses, and the typed error the unmodified client library makes of it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from telegram import (
    Bot,
    ChatMember,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    MessageEntity,
)
from telegram.error import BadRequest, ChatMigrated, EndPointNotFound, Forbidden, InvalidToken, TelegramError

from bot.sandbox.telegram.methods import DELETABLE
from bot.sandbox.telegram.model import Chat, ChatType, Status
from bot.sandbox.telegram.rules import (
    ANSWER_TEXT_MAX,
    CALLBACK_DATA_MAX_BYTES,
    COMMAND_MAX,
    COMMANDS_MAX,
    DESCRIPTION_MAX,
    INLINE_OFFSET_MAX_BYTES,
    INLINE_RESULTS_MAX,
)
from bot.sandbox.telegram.server import TelegramStandIn
from bot.sandbox.telegram.text import TEXT_MAX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NEWS = 7


async def _refused(request: Awaitable[object], kind: type[TelegramError], words: str) -> None:
    """The client raises exactly that kind of error, with the server's words; it changes some capitals."""
    with pytest.raises(kind) as caught:
        await request
    assert type(caught.value) is kind
    assert words.lower() in caught.value.message.lower()


def _buttons(**button: Any) -> InlineKeyboardMarkup:  # noqa: ANN401 - whatever a button may hold
    return InlineKeyboardMarkup([[InlineKeyboardButton(**button)]])


# The token, the method, the address


async def test_an_unknown_token_is_refused(standin: TelegramStandIn) -> None:
    """A well-formed token that is no bot's: the client does not even begin."""
    await _refused(Bot("1:x", base_url=f"{standin.url}/bot").__aenter__(), InvalidToken, "rejected by the server")


@pytest.mark.parametrize(
    ("path", "code", "description"),
    [
        ("/bot1:x/getMe", 401, "Unauthorized"),
        ("/bot{token}/dance", 404, "Not Found: method not found"),
        ("/somewhere/else", 404, "Not Found"),
    ],
)
async def test_a_wrong_address_is_answered_in_the_apis_form(
    standin: TelegramStandIn, path: str, code: int, description: str
) -> None:
    """Another bot's, a method's that does not exist, or nobody's."""
    url = standin.url + path.format(token=standin.token)
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == code
        assert await response.json() == {"ok": False, "error_code": code, "description": description}


async def test_an_unknown_method_is_not_found(client: Bot, ada: Chat) -> None:
    """As on a server that is older than the method."""
    await _refused(client.do_api_request("sendHologram", {"chat_id": ada.id}), EndPointNotFound, "not found")


# The chat


@pytest.mark.parametrize("chat_id", [5, -100, "@nobody", "@", "nonsense"])
async def test_a_chat_that_does_not_exist_is_not_found(client: Bot, chat_id: int | str) -> None:
    """By id or by name."""
    await _refused(client.send_message(chat_id, "x"), BadRequest, "Chat not found")


async def test_no_chat_is_refused(client: Bot) -> None:
    """A request that names none."""
    await _refused(client.send_message("", "x"), BadRequest, "Chat_id is empty")


async def test_a_person_may_be_out_of_reach(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """Never started, blocked, or gone; after unblocking they are in reach again."""
    stranger = standin.add_private(started=False)
    await _refused(client.send_message(stranger.id, "x"), Forbidden, "bot can't initiate conversation with a user")
    standin.say(stranger, stranger.person, "/start")
    await client.send_message(stranger.id, "x")
    standin.block(ada.person)
    await _refused(client.send_message(ada.id, "x"), Forbidden, "bot was blocked by the user")
    standin.unblock(ada.person)
    await client.send_message(ada.id, "x")
    standin.deactivate(ada.person)
    await _refused(client.send_message(ada.id, "x"), Forbidden, "user is deactivated")
    assert len(ada.messages) == 1


def test_who_blocked_the_bot_does_not_write_to_it(standin: TelegramStandIn, ada: Chat) -> None:
    """The apps do not allow it: a test that tries is mistaken."""
    standin.block(ada.person)
    with pytest.raises(ValueError, match="unblock"):
        standin.say(ada, ada.person, "/start")


@pytest.mark.parametrize("status", [Status.KICKED, Status.LEFT])
@pytest.mark.parametrize("kind", [ChatType.GROUP, ChatType.SUPERGROUP, ChatType.CHANNEL])
async def test_a_chat_the_bot_is_not_in_is_forbidden(
    standin: TelegramStandIn, client: Bot, kind: ChatType, status: Status
) -> None:
    """The words name the kind of chat, and whether the bot was removed."""
    add: dict[ChatType, Callable[[], Chat]] = {
        ChatType.GROUP: standin.add_group,
        ChatType.SUPERGROUP: standin.add_supergroup,
        ChatType.CHANNEL: standin.add_channel,
    }
    chat = add[kind]()
    standin.set_member(chat, standin.bot, status)
    words = f"bot was kicked from the {kind} chat" if status is Status.KICKED else f"bot is not a member of the {kind}"
    await _refused(client.send_message(chat.id, "x"), Forbidden, words)


async def test_a_public_chat_can_be_read_from_outside(standin: TelegramStandIn, client: Bot) -> None:
    """A bot that is no member may look at a public chat, not at a private one, and at neither once removed."""
    public = standin.add_channel(username="le_recap", bot=Status.LEFT)
    private = standin.add_channel(bot=Status.LEFT)
    assert (await client.get_chat("@le_recap")).id == public.id
    assert (await client.get_chat_member("@le_recap", standin.bot.id)).status == ChatMember.LEFT
    await _refused(client.get_chat(private.id), Forbidden, "bot is not a member of the channel chat")
    standin.kick(public)
    await _refused(client.get_chat(public.id), Forbidden, "bot was kicked from the channel chat")


async def test_a_group_that_became_a_supergroup_gives_its_new_id(standin: TelegramStandIn, client: Bot) -> None:
    """Nothing is stored, and the error says where to send instead."""
    group = standin.add_group()
    new = standin.migrate(group)
    with pytest.raises(ChatMigrated) as caught:
        await client.send_message(group.id, "x")
    assert caught.value.new_chat_id == new.id
    await client.send_message(new.id, "x")
    assert (group.messages, len(new.messages)) == ([], 1)


async def test_a_deleted_group_is_forbidden(standin: TelegramStandIn, client: Bot) -> None:
    """Its creator took it down."""
    group = standin.add_group()
    standin.delete(group)
    await _refused(client.send_message(group.id, "x"), Forbidden, "the group chat was deleted")


# Rights and topics


async def test_writing_takes_rights(standin: TelegramStandIn, client: Bot) -> None:
    """To post in a channel, to write where only administrators may, or where the bot is restricted."""
    channel, group = standin.add_channel(), standin.add_supergroup()
    standin.set_member(channel, standin.bot, Status.ADMINISTRATOR, rights=["can_edit_messages"])
    await _refused(client.send_message(channel.id, "x"), BadRequest, "Need administrator rights in the channel chat")
    group.members_may_write = False
    words = "Not enough rights to send text messages to the chat"
    await _refused(client.send_message(group.id, "x"), BadRequest, words)
    standin.set_member(group, standin.bot, Status.ADMINISTRATOR)
    await client.send_message(group.id, "x")
    standin.set_member(group, standin.bot, Status.RESTRICTED)
    await _refused(client.send_message(group.id, "x"), BadRequest, words)
    standin.set_member(group, standin.bot, Status.RESTRICTED, rights=["can_send_messages"])
    await client.send_message(group.id, "x")


@pytest.mark.parametrize("thread", [1, NEWS + 1])
async def test_a_topic_must_exist(standin: TelegramStandIn, client: Bot, thread: int) -> None:
    """Thread 1, the General topic, is written to by naming none."""
    forum = standin.add_supergroup(topics={NEWS: "News"})
    await _refused(client.send_message(forum.id, "x", message_thread_id=thread), BadRequest, "thread not found")
    assert (await client.send_message(forum.id, "x")).message_thread_id is None


async def test_a_private_chat_has_no_topics(client: Bot, ada: Chat) -> None:
    """A thread there is refused, not ignored."""
    await _refused(client.send_message(ada.id, "x", message_thread_id=NEWS), BadRequest, "thread not found")


async def test_a_closed_topic_is_for_administrators(standin: TelegramStandIn, client: Bot) -> None:
    """Those who may manage topics may still write there."""
    forum = standin.add_supergroup(topics={NEWS: "News"})
    forum.topics[NEWS].closed = True
    await _refused(client.send_message(forum.id, "x", message_thread_id=NEWS), BadRequest, "TOPIC_CLOSED")
    standin.set_member(forum, standin.bot, Status.ADMINISTRATOR)
    await client.send_message(forum.id, "x", message_thread_id=NEWS)


def test_nobody_writes_in_a_topic_that_is_not_there(standin: TelegramStandIn) -> None:
    """The test is told which topics there are."""
    forum = standin.add_supergroup("F", topics={NEWS: "News"})
    with pytest.raises(ValueError, match=r"no topic 8, only \[7\]"):
        standin.say(forum, standin.add_user(), "x", thread=NEWS + 1)


# The message


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"text": ""}, "Message text is empty"),
        ({"text": "x" * (TEXT_MAX + 1)}, "Message is too long"),
        ({"text": "a😀", "entities": [MessageEntity("bold", 2, 1)]}, "begins in a middle of a UTF-16 symbol"),
        ({"text": "x", "entities": [MessageEntity("bold", 0, 2)]}, "ends after the end of the text"),
        ({"text": "x", "entities": [MessageEntity("text_link", 0, 1, url="x")]}, "URL 'x' is invalid"),
        ({"text": "<b>x</b>", "parse_mode": "HTML"}, "entities only, not parse_mode HTML"),
        ({"text": "x", "reply_markup": _buttons(text="x")}, "Text buttons are unallowed"),
        ({"text": "x", "reply_markup": _buttons(text=" ", url="https://example.org")}, "text must be non-empty"),
        ({"text": "x", "reply_markup": _buttons(text="x", url="nowhere")}, "button URL 'nowhere' is invalid"),
        (
            {"text": "x", "reply_markup": _buttons(text="x", callback_data="é" * (CALLBACK_DATA_MAX_BYTES // 2) + "x")},
            "BUTTON_DATA_INVALID",
        ),
    ],
)
async def test_a_message_that_cannot_be_is_refused(
    client: Bot, ada: Chat, parameters: dict[str, Any], words: str
) -> None:
    """Nothing of it is stored."""
    await _refused(client.send_message(ada.id, **parameters), BadRequest, words)
    assert ada.messages == []


async def test_callback_data_may_fill_its_bytes(client: Bot, ada: Chat) -> None:
    """Sixty-four, however many characters that is."""
    data = "é" * (CALLBACK_DATA_MAX_BYTES // 2)
    await client.send_message(ada.id, "x", reply_markup=_buttons(text="x", callback_data=data))
    assert [button["callback_data"] for button in ada.messages[0].buttons] == [data]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("reply_markup", "{", "Can't parse reply keyboard markup json object"),
        ("reply_markup", [], "Object expected as reply markup"),
        ("reply_markup", {"inline_keyboard": [{}]}, "must be an array of arrays"),
        ("reply_markup", {"inline_keyboard": [[1]]}, "must be an object"),
        ("reply_markup", {"inline_keyboard": [[{}]]}, "can't find field"),
        ("link_preview_options", [1], "Object expected as link preview options"),
        ("entities", [1], "expected an object"),
    ],
)
async def test_a_parameter_of_the_wrong_kind_is_refused(
    client: Bot, ada: Chat, name: str, value: object, words: str
) -> None:
    """What the library would never send, by the road that goes around it."""
    await _refused(client.send_message(ada.id, "x", api_kwargs={name: value}), BadRequest, words)


# Editing, deleting, answering


async def test_an_edit_must_change_something(client: Bot, ada: Chat) -> None:
    """The same words and buttons again are refused."""
    markup = _buttons(text="x", callback_data="x")
    sent = await client.send_message(ada.id, "x", reply_markup=markup)
    await _refused(sent.edit_text("x", reply_markup=markup), BadRequest, "Message is not modified")


async def test_only_what_is_there_and_the_bots_own_can_be_edited(
    standin: TelegramStandIn, client: Bot, ada: Chat
) -> None:
    """Not a message that never was, was deleted, is somebody else's, or stands in another chat's inline answer."""
    said = standin.say(ada, ada.person, "hello")
    sent = await client.send_message(ada.id, "x")
    await _refused(client.edit_message_text("y", ada.id, said.id), BadRequest, "Message can't be edited")
    await _refused(client.edit_message_text("y", ada.id, 999), BadRequest, "Message to edit not found")
    await _refused(client.edit_message_text("y", inline_message_id="1"), BadRequest, "MESSAGE_ID_INVALID")
    await sent.delete()
    await _refused(sent.edit_text("y"), BadRequest, "Message to edit not found")
    await _refused(sent.delete(), BadRequest, "Message to delete not found")


async def test_deleting_takes_rights_or_haste() -> None:
    """Own messages for two days, others' with the right to, in private chats both sides' for two days."""
    now = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
    async with TelegramStandIn(clock=lambda: now) as standin:
        group, ada = standin.add_supergroup(), standin.add_private()
        theirs, hers = standin.say(group, standin.add_user(), "x"), standin.say(ada, ada.person, "x")
        async with Bot(standin.token, base_url=f"{standin.url}/bot") as client:
            sent = await client.send_message(group.id, "x")
            words = "Message can't be deleted"
            await _refused(client.delete_message(group.id, theirs.id), BadRequest, words)
            now += DELETABLE
            await _refused(sent.delete(), BadRequest, words)
            await _refused(client.delete_message(ada.id, hers.id), BadRequest, words)
            standin.set_member(group, standin.bot, Status.ADMINISTRATOR, rights=["can_delete_messages"])
            assert await sent.delete()
            assert await client.delete_message(group.id, theirs.id)
            now -= dt.timedelta(seconds=1)
            assert await client.delete_message(ada.id, hers.id)


async def test_a_query_nobody_made_cannot_be_answered(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """Nor can one be answered at too great a length."""
    words = "Query is too old and response timeout expired or query id is invalid"
    await _refused(client.answer_callback_query("999"), BadRequest, words)
    await _refused(client.answer_inline_query("999", []), BadRequest, words)
    await client.send_message(ada.id, "x", reply_markup=_buttons(text="x", callback_data="x"))
    press = standin.press(ada.messages[0], "x")
    text = "x" * (ANSWER_TEXT_MAX + 1)
    await _refused(client.answer_callback_query(press.id, text), BadRequest, "MESSAGE_TOO_LONG")


@pytest.mark.parametrize(
    ("ids", "offset", "words"),
    [
        (list(range(INLINE_RESULTS_MAX + 1)), "", "RESULTS_TOO_MUCH"),
        ([1, 1], "", "RESULT_ID_DUPLICATE"),
        (["x" * 65], "", "RESULT_ID_INVALID"),
        ([1], "x" * (INLINE_OFFSET_MAX_BYTES + 1), "NEXT_OFFSET_INVALID"),
    ],
)
async def test_inline_results_have_limits(
    standin: TelegramStandIn, client: Bot, ids: list[object], offset: str, words: str
) -> None:
    """Their number, their ids, and where the next ones begin."""
    inquiry = standin.inquire(standin.add_user(), "x")
    results = [InlineQueryResultArticle(str(each), "T", InputTextMessageContent("x")) for each in ids]
    await _refused(client.answer_inline_query(inquiry.id, results, next_offset=offset), BadRequest, words)


# Menus and members


@pytest.mark.parametrize(
    ("commands", "language", "words"),
    [
        ([("Latest", "x")], "", "BOT_COMMAND_INVALID"),
        ([("/", "x")], "", "Command must be non-empty"),
        ([("x" * (COMMAND_MAX + 1), "x")], "", "Command length must not exceed 32"),
        ([("latest", " ")], "", "Command description must be non-empty"),
        ([("latest", "x" * (DESCRIPTION_MAX + 1))], "", "Command description length must not exceed 256"),
        ([(f"c{number}", "x") for number in range(COMMANDS_MAX + 1)], "", "BOT_COMMANDS_TOO_MUCH"),
        ([("latest", "x")], "fra", "Invalid language code specified"),
    ],
)
async def test_a_menu_has_limits(client: Bot, commands: list[tuple[str, str]], language: str, words: str) -> None:
    """Names, descriptions, how many, and two letters for a language."""
    await _refused(client.set_my_commands(commands, language_code=language), BadRequest, words)


async def test_a_menus_scope_must_be_one(client: Bot) -> None:
    """Of those that the stand-in knows."""
    await _refused(
        client.get_my_commands(api_kwargs={"scope": {"type": "world"}}), BadRequest, "Can't parse BotCommandScope"
    )


async def test_who_nobody_knows_is_no_member(client: Bot, ada: Chat) -> None:
    """An id that is nobody's, or no id."""
    await _refused(client.get_chat_member(ada.id, 999), BadRequest, "PARTICIPANT_ID_INVALID")
    await _refused(client.get_chat_member(ada.id, 0), BadRequest, "Invalid user_id specified")
