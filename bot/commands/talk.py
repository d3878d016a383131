"""The meaning of some words without a command, as people write to a bot: enough of it, thanks, a greeting."""

from __future__ import annotations

import enum

from bot.model.text import fold_words


class Meaning(enum.Enum):
    """A wish that people say in their own words. A text with several wishes has the first of them."""

    STOP = (
        "stop|stopp|stopper|stoppez|arret|arrete|arreter|arretez|arretes|cesse|cesser|cessez|desabonne|desabonner|"
        "desabonnez|desabonnement|desinscris|desinscrire|desinscrivez|desinscription|resilier|resilie|unsubscribe|"
        "unsubscribed|cancel|quit|plus rien|ne plus|no more|enough|leave alone|laisse tranquille|laissez tranquille"
    )
    THANKS = (
        "merci|mercis|mercii|merciii|remercie|remercions|thanks|thank|thx|tks|ty|cheers|bravo|felicitations|chapeau|"
        "congratulations|congrats|good job|well done|great job|nice work|beau travail|bon travail|bon boulot"
    )
    GOODBYE = "revoir|adieu|bye|goodbye|ciao|bientot|see you|good night|bonne nuit|bonne journee|bonne soiree|tchao"
    GREETING = (
        "bonjour|bonsoir|salut|coucou|bjr|slt|cc|hello|hi|hey|hiya|hola|howdy|greetings|good morning|good evening|"
        "good afternoon|good day|re bonjour"
    )

    @property
    def signs(self) -> list[frozenset[str]]:
        """Return the signs of the meaning: each is words that a text must hold together."""
        return [frozenset(sign.split()) for sign in str(self.value).split("|")]


_LITTLE_WORDS = (
    "a abonnement all alors am and any are au aux be beaucoup bel ben bien bon bonne bot c ca car ce cela ces cet "
    "cette cher chers d de dear des done du en encore envoi envois envoyer est et etre everybody everyone fait fine "
    "fois for friend from get going grand grande great guys here how i ici il im immediatement infiniment is it j "
    "je job joli kindly l la le les lot lots m ma madame mails maintenant many me merveilleux message messages "
    "messaging mille moi mon monde monsieur much my need nice notifications nous now oh ok okay on par please pour "
    "pushes que recap recaps receive receiving recevoir s send sending si so souhaite stp subscription super svp t "
    "te tes that the there they this to toi toujours tous tout toute travail tres tu un une us va vais vas very "
    "veux vos votre voudrais voulais vous vraiment want was we work would y ye you your yours"
)
_KNOWN = frozenset(_LITTLE_WORDS.split()).union(*(sign for meaning in Meaning for sign in meaning.signs))
"""The words of wishes, and those that leave one as it is. Any other is to search for: "stop killing games" is none."""


def meaning_of(text: str) -> Meaning | None:
    """Return the wish that the whole text says; None for a text that says more, or something else."""
    said = frozenset(fold_words(text))
    if not said <= _KNOWN:
        return None
    # In a wish to stop, thanks and greetings are manners.
    return next((meaning for meaning in Meaning if any(sign <= said for sign in meaning.signs)), None)
