"""Telegram's section of the config, and the rules of a channel there."""

import re
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from bot.config import PlatformSection
from bot.config.problems import refusal
from bot.config.values import TOKEN_WITH_ID, Id, Number, WebAddress, number_in, shaped
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop

FREE_RATE = 30
"""Messages a second over all chats that Telegram takes from a bot for nothing."""
RATE_LIMIT = 1000
"""Messages a second: Telegram's ceiling with paid broadcasts."""

_NAME = re.compile(r"@[a-z]\w{3,31}", re.ASCII)


# Because Telegram promises only the shape, the length of 35 characters after the bot's id and a colon may change.
_WRONG = gettext_noop("this is no Telegram token, which is a number, a colon and about 35 letters and digits")
Token: TypeAlias = Annotated[
    SecretStr, shaped(TOKEN_WITH_ID, _WRONG, gettext_noop("Copy the whole token from @BotFather again"))
]


class Telegram(PlatformSection):
    """The Telegram bot. `rate` is in messages a second, over all chats.

    With `allow_paid_broadcast`, Telegram takes a fee in Stars for each pushed message above the free rate.
    """

    title = "Telegram"
    token_cure = gettext_noop("Write the token that @BotFather gave you")

    token: Token = Field(examples=["123456789:AAE…"])
    token_file: Path | None = Field(default=None, examples=["telegram-token"])
    api_url: WebAddress = "https://api.telegram.org"
    allow_paid_broadcast: bool = False
    rate: Number = Field(default=FREE_RATE, ge=1, le=RATE_LIMIT)
    admins: tuple[Id, ...] = Field(default=(), examples=[[123456789]])

    @field_validator("api_url")
    @classmethod
    def _without_bot(cls, address: str) -> str:
        if address.endswith("/bot"):
            raise refusal(_("the bot adds /bot and its token to the address itself"))
        return address

    @field_validator("rate")
    @classmethod
    def _free_unless_paid_for(cls, rate: int, info: ValidationInfo) -> int:
        # Because a wrong `allow_paid_broadcast` is missing here and told by itself, only False counts.
        if rate > FREE_RATE and info.data.get("allow_paid_broadcast") is False:
            raise refusal(
                _("Telegram takes at most {rate} messages a second from a bot that does not pay for more").format(
                    rate=FREE_RATE
                ),
                _("Write rate = {rate}, or add allow_paid_broadcast = true").format(rate=FREE_RATE),
            )
        return rate

    @classmethod
    def read_chat(cls, text: str) -> str:
        """Return the public name of a chat, or the number of a chat, a channel or a person."""
        if _NAME.fullmatch(text):
            return text
        if number := number_in(text):
            return str(number)
        raise refusal(
            _("this is no Telegram chat"), _('Write "@name" for a public chat or its number, as in -1001234567890')
        )

    @classmethod
    def is_private(cls, chat: str) -> bool:
        """Return whether the chat has a person's number: groups and channels have negative ones or a name."""
        return chat.isdigit()

    @classmethod
    def check_choice(cls, key: str, value: object) -> None:
        """Refuse the general topic as a thread, followers, and roles."""
        match key, value:
            case "thread", 1:
                # Telegram calls the general topic of a forum 1 and refuses messages to that number.
                raise refusal(_("1 is the general topic, which has no number for bots"), _("Leave it out"))
            case "publish", True:
                raise refusal(
                    _("only Discord's announcement channels have followers to publish to"), _("Take this line out")
                )
            case "mention", str(role) if role:
                raise refusal(_("roles are Discord's; Telegram has none to mention"), _("Take this line out"))

    def fixed_keys(self, running: Self) -> list[str]:
        """Add the rate if `allow_paid_broadcast` has changed too, because that needs a restart."""
        keys = super().fixed_keys(running)
        return [*keys, "rate"] if "allow_paid_broadcast" in keys and self.rate != running.rate else keys
