"""Discord's section of the config, with the checks of a channel there."""

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field, SecretStr

from bot.config import PlatformSection
from bot.config.problems import refusal
from bot.config.values import PRINTABLE, Id, Number, SocketAddress, WebAddress, number_in, shaped
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop

RATE_LIMIT = 50
"""Requests a second that Discord allows a bot over all channels."""
DEFAULT_GATEWAY = "wss://gateway.discord.gg"
ROLE = "role:"
"""The beginning of a `mention`; the number of the role follows."""


_WRONG = gettext_noop("this is no Discord token, which has neither spaces nor accents")
_CURE = gettext_noop("Copy the token alone, without the word Bot before it")
Token: TypeAlias = Annotated[SecretStr, shaped(PRINTABLE, _WRONG, _CURE)]


class Discord(PlatformSection):
    """The Discord bot. `rate` is in messages a second, over all channels."""

    title = "Discord"
    token_cure = gettext_noop("Write the token from the Bot page of your application on discord.com/developers")

    token: Token = Field(examples=["MTIzNDU2…"])
    token_file: Path | None = Field(default=None, examples=["discord-token"])
    api_url: WebAddress = "https://discord.com/api/v10"
    gateway_url: SocketAddress = DEFAULT_GATEWAY
    rate: Number = Field(default=45, ge=1, le=RATE_LIMIT)
    admins: tuple[Id, ...] = Field(default=(), examples=[[1234567890]])

    @classmethod
    def read_chat(cls, text: str) -> str:
        """Return the number of a channel."""
        number = number_in(text)
        if number <= 0:
            raise refusal(_("this is no Discord channel"), _("Write the channel's number, as in 1234567890"))
        return str(number)

    @classmethod
    def check_choice(cls, key: str, value: object) -> None:
        """Refuse threads, rich messages, and mentions of anything but a role."""
        match key, value:
            case "thread", int():
                raise refusal(
                    _("threads are Telegram's; on Discord a thread is a channel of its own"),
                    _("Leave the thread out, and write its number as chat"),
                )
            case "rich", True:
                raise refusal(
                    _("rich messages are Telegram's; Discord has one kind of message"), _("Take this line out")
                )
            case "mention", str(role) if role and not (
                role.startswith(ROLE) and number_in(role.removeprefix(ROLE)) > 0
            ):
                raise refusal(
                    _("this is no role to mention"),
                    _('Write the number of the role behind role:, as in "role:1234567890"'),
                )
