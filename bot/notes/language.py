"""The words of French and English notes: ends of sentences, sentences that lean on others, words without meaning."""

import re
from collections.abc import Iterable

from bot.model.i18n import Language
from bot.model.text import fold, fold_words

_SENTENCE_END = re.compile(r"""(?<=[.!?…])["”»’)\]]*\s+(?=["“«(\[]?\s?[A-ZÀ-ÖØ-ÞŒ0-9])""")
_ABBREVIATION = re.compile(
    r"(?:\b(?:M|MM|Mme|Mlle|Dr|Mr|Mrs|Ms|St|Ste|vs|cf|env|approx|etc|p|pp|n|no|art|Inc|Ltd|Co|Jr|Sr)|"
    r"\b[A-Z]|^\W*\d{1,3})\.$"
)

_LONGEST_ABBREVIATION = 12

# Beginnings that refer to the sentence before. Compared without accents and case.
_PRONOUNS = (
    "il|ils|elle|elles|lui|eux|cela|ca|c|ce(?= (?:sont|n|qui|que|qu))|ceci|celui|celle|ceux|celles|y|son|sa|ses|"
    "leur|leurs|la dessus|l un|l une|les deux|d autres|un autre|une autre|certains|certaines|tous|"
    "toutes|ici|la bas|voila|une fois|"
    "it|they|he|she|this is|that|those|its|their|his|her|both|such|another|others|here|there|some|which"
)
_CONNECTIVES = (
    "en effet|mais|or|donc|car|et|ou|ni|puis|ensuite|enfin|ainsi|aussi|alors(?! que)|pourtant|cependant|toutefois|"
    "neanmoins|par ailleurs|de plus|en outre|d ailleurs|concretement|par exemple|au contraire|en revanche|du coup|bref|"
    "resultat|d un cote|de l autre|a l inverse|autrement dit|de meme|bien|eh bien|a l heure actuelle|en cause|sinon|"
    "pour ce|pour cela|dans ce|avec ce|avec cette|selon elle|selon lui|selon eux|d apres elle|comme|meme|examinons|"
    "l objectif|le but|l idee|reste|finalement|surtout|en fait|a noter|notamment|"
    "but|and|so|also|however|moreover|meanwhile|then|instead|still|yet|or|nor|because of this|as a result|for example|"
    "for instance|in addition|in other words|therefore|thus|besides|furthermore|nevertheless|otherwise|too"
)
_STAND_INS = (
    r"(?:la|le|l|les) (?:societe|entreprise|plateforme|fonctionnalite|application|appli|groupe|reseau social|firme|"
    r"geant|option|outil|mesure|marque|service|start up|mise a jour|nouveaute|changement)s?|"
    r"the (?:company|platform|app|feature|move|update|service|tool|option|change|firm|network|team|idea|goal)s?"
)
_LEANING = re.compile(rf"(?:{_PRONOUNS}|{_CONNECTIVES}|{_STAND_INS})\b")
# Inside a sentence, a demonstrative that is not about time refers back.
_POINTING = re.compile(
    r"\b(?:cet(?! (?:ete|hiver|automne|apres))|cette(?! (?:semaine|annee|fois|nuit|rentree))|"
    r"ces(?! (?:dernier|derniere|prochain|jours|temps))|"
    r"ce(?= (?!qui|que|qu|n|sont|soir|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|mois|matin|jour|week|"
    r"printemps))|"
    r"celui ci|celle ci|ceux ci|celles ci|"
    r"this(?! (?:week|year|month|monday|tuesday|wednesday|thursday|friday|morning|time|summer|is))|these)\b"
)
# These tie a sentence to the one before it wherever they stand.
_TYING = re.compile(
    r"\b(?:pourtant|d ailleurs|cependant|toutefois|donc|en effet|egalement|en revanche|par contre|a nouveau|"
    r"however|therefore|also|as well|meanwhile|though)\b"
)
_FRAGMENT = re.compile(
    r"^(?:un|une|des|le|la|l|les) (?:\w+ ){1,3}?\w+ant\b|^l objectif .*\betant\b|"
    r"^(?:pour|avec|sur|chez) [\w ]{1,60}? c est\b"
)
_FIRST_PERSON = re.compile(r"\b(?:je|j|moi|mon|mes|i|i m|my|me)\b")
STOP_WORDS = frozenset(
    fold_words(
        "le la les des une un du et est en dans pour que qui sur avec pas plus au par ce l d j c n s t m qu a aux ses "
        "son sa ou mais se ne nous vous ils elle il on y ont sont être fait tout tous cette ces maintenant comment "
        "pourquoi quand entre vers chez sans the of and to in is for that with on are it as by from this be at an its "
        "we you they has have will can was were how why when into or new about your our more than now"
    )
)
"""Words that say nothing about the subject of a text."""
_FRENCH = frozenset(
    fold_words("le la les des un une de du et est en pour que qui sur avec au par aux dans sont ne pas")
)
_ENGLISH = frozenset(
    fold_words("the of and to is for that with are it as by from this be at its you they has have not")
)


def language_of(texts: Iterable[str]) -> Language | None:
    """Return the language of the texts; None when too few words tell."""
    found = [word for text in texts for word in fold_words(text)]
    french, english = (sum(word in telling for word in found) for telling in (_FRENCH, _ENGLISH))
    if french == english:
        return None
    return Language.FRENCH if french > english else Language.ENGLISH


def sentences(text: str) -> list[str]:
    """Return the sentences of a line."""
    found: list[str] = []
    begin = 0
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[max(begin, match.start() - _LONGEST_ABBREVIATION) : match.start()]):
            found.append(text[begin : match.end()])
            begin = match.end()
    return list(filter(None, map(str.strip, (*found, text[begin:]))))


def leans(sentence: str) -> bool:
    """Tell whether the sentence needs the one before it."""
    flat = " ".join(fold_words(sentence))
    return bool(_LEANING.match(flat) or _POINTING.search(flat) or _TYING.search(flat) or _FRAGMENT.match(flat))


def is_personal(sentence: str) -> bool:
    """Tell whether the speaker speaks of themselves, as in a recording."""
    return _FIRST_PERSON.search(" ".join(fold_words(sentence))) is not None


def telling_words(text: str) -> list[str]:
    """Return the words that tell the subject of a text."""
    return [
        word for word in fold_words(text) if word not in STOP_WORDS and (len(word) > 1 or word.isdigit() or word == "x")
    ]


def is_question(sentence: str) -> bool:
    """Tell whether the sentence is a question."""
    return fold(sentence).rstrip(' ”»"').endswith("?")
