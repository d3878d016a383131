"""The parts of notes that are no subject, recognised by their words: ads, calls, greetings, contents, chores, credits.

A title must be one of these wholly, and a text must speak to the listener or of the episode: news about an ad is news.
"""

import itertools
import re
from collections.abc import Sequence

from bot.model.text import fold, fold_words
from bot.notes.language import sentences
from bot.notes.model import Line

_FEW, _HELLO, _THANKS = 2, 6, 14
"""Words of a greeting to somebody, of one to all, and of thanks, that hold nothing else."""
_MAX_ADDRESSED = 90
"""Characters of a line that only says where to write to."""
_SPONSOR = (
    r"(?:pubs?|publicites?|partenaires?|partenariats?|sponsors?|sponsoring|sponso\w*|annonces?|ads?|ad break|"
    r"advertisements?)"
)
_SHOW = r"(?:podcasts?|episodes?|emissions?|numeros?|recap|show|newsletter|lettre|chaine|channel)"
_US = r"(?:nous|notre|nos|moi|us|our|me)"
_PLACES = (
    r"(?:patreon|tipeee|ko fi|kofi|discord|instagram|twitter|facebook|linkedin|mastodon|bluesky|tiktok|youtube|"
    r"spotify|deezer|apple podcasts?|mail|email|reseaux|application|appli|app|plateformes?|amis|cloche|avis|note|"
    r"etoiles?|stars?|commentaires?|reviews?|rating|coffee|cafe)"
)
_ASKED = r"(?:abonne|suive|retrouve|rejoigne|soutene|laisse|contacte|inscrive|note|ecrive|like|commente)z"
_TO_DO = (
    r"(?:abonner|suivre|retrouver|rejoindre|soutenir|laisser|contacter|inscrire|partager|noter|ecrire|mettre|ecouter|"
    r"envoyer|subscribe|follow|find|leave|support|rate|review|share|join|write|email|listen|buy|send|visit|become|"
    r"tell)"
)
# Because a title may begin with an infinitive, one must be asked for: "pensez à partager".
_BEFORE = (
    r"(?:(?:pour|to|please|pensez a|n hesitez pas a|n oubliez pas (?:de |d )?|don t forget to|you can|vous pouvez|"
    r"(?:if|si) .{0,60}) ?\b){1,2}(?:vous |nous )?"
)
_TITLES = re.compile(
    r"(?:(?:la |le |les |un |une |notre |nos |the |our |a |petite? |mot |message |page |minute |instant |fin |"
    r"end )*(?:de |d |of |du |des |from )?(?:la |le |notre |our |nos |the |cette |this |this week s |today s )?"
    rf"(?:{_SPONSOR}|pause|pause pub|pause musicale|coupure pub|remerciements?|soutien|interlude)"
    r"(?: de (?:la )?(?:semaine|l episode|cet episode))?|(?:la )?semaine prochaine|(?:le |l |au |"
    r"du )?prochain(?:e)? (?:episode|fois|numero)|next (?:week|episode|time)|coming up(?: next)?|a venir|a suivre|"
    r"(?:au |le )?(?:sommaire|programme|menu)|chapitres?|chapters?|time ?(?:stamps?|codes?)|table (?:des matieres|"
    r"of contents)|contents|(?:in|dans) (?:this|cet) episode|agenda|"
    rf"(?:la )?vie du (?:podcast|club)|(?:nous )?(?:{_ASKED}|{_TO_DO})(?: (?:{_US}|vous|le|l|the|{_SHOW}))*|"
    rf"contact(?:s| us)?|"
    r"(?:get|keep|restez) (?:in touch|en contact)|connect with us|housekeeping|admin|credits?|about (?:the show|us|"
    r"this podcast)|a propos|mentions legales|generique|intro(?:duction)?|outro|conclusion|(?:le )?mot de la fin|fin|"
    r"end|bonjour|bienvenue|welcome|goodbye|au revoir|a faire|to ?do(?: list)?|taches|rappels?|reminders?|pense bete|"
    r"notes? (?:internes?|de production)|production notes|(?:nos |our )?reseaux(?: sociaux)?|social media|newsletter|"
    r"(?:la )?(?:playlist|musique)|music|transcript(?:ion)?)"
)
_OWN_WORDS = re.compile(
    rf"(?:cet(?:te)?|this(?: week s)?|today s|l|la) {_SHOW} (?:du jour )?(?:vous )?(?:est|a ete|is|"
    rf"was) (?:\w+ ){{0,2}}?"
    r"(?:sponsori\w+|presente\w*|soutenue?|offert\w*|propose\w*|parraine\w*|rendue? possible|sponsored|brought|"
    r"supported|presented|made possible)|"
    rf"\b(?:notre|nos|our) (?:partenaires?|sponsors?|partners?)\b|\b(?:brought to you|sponsored) by\b|\bpause pub\b|"
    rf"^vous recevez ce|^(?:on|nous) remerci|\byou are receiving this\b|"
    r"\b(?:avec|notre|use|with) (?:le |un |the |our )?(?:code|promo code)\b|\ben partenariat avec .{0,40}(?:code|"
    r"offre|reduction|remise)|\bad ?choices\b|\b(?:paid subscribers?|reader supported)\b|"
    r"\bview (?:this \w+ )?in (?:your )?browser\b|\bdans (?:le|votre) navigateur$|\bpolitique de confidentialite\b|"
    r"\bprivacy policy\b|^collaboration commerciale|"
    rf"^(?:et |and )?(?:{_ASKED}|{_BEFORE}{_TO_DO})\b.{{0,60}}?\b(?:{_US}|vous|{_SHOW}|{_PLACES})\b|^(?:(?:partage|"
    rf"telecharge|ecoute|envoye|pose)z|{_TO_DO}) (?:\w+ ){{0,3}}?(?:{_US}|a friend|a review|{_SHOW})\b|"
    r"^(?:reagissez|(?:mette|active)z .{0,30}(?:etoiles?|note|avis|pouce|commentaire|cloche))\b|"
    rf"^(?:follow|find|listen|rate|review) (?:\w+ )?on {_PLACES}\b|^(?:{_BEFORE})?(?:subscribe|unsubscribe|sign up|"
    rf"get in touch|forwarded this|abonnez|desabonne\w*|(?:se |me )?desinscri\w*|likez)\b|\bn (?:oubliez|"
    rf"hesitez) pas (?:de|d|a) (?:vous |nous )?{_TO_DO}\b|^(?:voila )?c est tout pour\b|"
    r"^that s (?:it|all)(?: for|$)|\b(?:five|5|cinq) (?:stars?|etoiles?)\b.{0,60}$|^(?:hosted (?:on|by)|"
    r"heberge (?:par|sur)|produit par|produced by|presente par|presented by|musique (?:de|par)|music by|edited by|"
    r"see acast|transcription par)\b|^(?:bye|best|cheers|regards|a demain|a vendredi)(?: \w+){0,2}$|^(?:a (?:lundi|"
    r"bientot|la semaine prochaine|la prochaine|tres vite)|see you|until next|kind regards|(?:tres )?(?:bonne|belle|"
    r"excellente) (?:soiree|semaine|journee|ecoute|fin)|bien a (?:toi|vous)|cordialement|amicalement|bises|"
    r"envoye de(?:puis)? mon|sent from my|get outlook|(?:voici|here (?:are|is)) (?:les|mes|nos|the|my|our) (?:notes|"
    r"sujets|stories|topics|links|deux|trois|quatre|cinq|two|three|four|five)|rendez vous (?:lundi|vendredi|"
    r"la semaine)|on se (?:retrouve|revoit)|next time)\b|^(?:la semaine prochaine|next week|lundi prochain|"
    r"dans le prochain episode|next episode) (?:on |nous |we |i |je )|^(?:a faire|to ?do|rappel|reminder|"
    r"note (?:interne|de production)|nb) (?=\w)|^(?:penser a|pense a|ne pas oublier|relancer|voir avec|remember to|"
    r"don t forget to|ask \w+ (?:for|about|if))\b"
)
# A word that may begin a title is a label only where a colon or nothing follows it.
_LABEL = re.compile(
    rf"\W*(?:{_SPONSOR}|credits?|generique|jingle|lancement|desannonce|virgule(?: sonore| de fin)?|montage|realisation|"
    rf"musique|music|"
    r"contact|hosts?|guests?|(?:in |up |coming )?next (?:week|time|episode)|(?:la )?semaine prochaine|"
    r"prochaine? (?:episode|fois)|note (?:pour moi|a moi-meme|to self))\s*(?::|[–—-]\s|\bet\b|\bpar\b|\bby\b|$)"
)
_GREETING = re.compile(
    r"(?:(?:super|parfait|top|ok|great|perfect) )?(?:bonjour|bonsoir|salut|hello|hi|hey|dear|chers?|coucou|bienvenue|"
    r"welcome|merci|thanks|thank you|hola)\b"
)
_TO_ALL = re.compile(
    r"\b(?:tous|toutes|all|everyone|team|equipe|amis|friends|back|(?:merci|thanks) (?:a|aux?|d|pour|to|for))\b"
)
_ABOUT_SHOW = re.compile(rf"\b{_SHOW}\b")
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.\w")
_TO_BE_DONE = re.compile(
    r"(?:(?:se |s.)?[a-z’']{3,}(?:er|ir|re)|buy|call|ask|book|check|send|charge|bring|fix|pay|email|upload|record|"
    r"test|print|update)\b"
)
_CODE_WORD = re.compile(r"\b[Cc]ode\s+(?:promo\s+)?[A-Z][A-Z0-9]{2,}\b")


def is_chaff_title(text: str) -> bool:
    """Tell whether a title heads something that is no subject."""
    return _TITLES.fullmatch(" ".join(fold_words(text))) is not None


def is_chaff(line: Line) -> bool:
    """Tell whether a line speaks of the episode or to the listener, and tells no news."""
    return line.aside or any(says_chaff(text) for text in (line.text, *(link.title for link in line.links)) if text)


def says_chaff(text: str) -> bool:
    """Tell whether a text is an ad, a call, a greeting, a credit or a chore."""
    flat = " ".join(fold_words(text))
    if _OWN_WORDS.search(flat) or _CODE_WORD.search(text) or _LABEL.match(fold(text)):
        return True
    if len(text) <= _MAX_ADDRESSED and _ADDRESS.search(text):
        return True
    greeting = _GREETING.match(flat)
    if greeting is None:
        return False
    is_to_all = _TO_ALL.search(flat) or text.rstrip().endswith((",", "!", ":")) or len(flat.split()) <= _FEW
    is_short = len(flat.split()) <= (_THANKS if greeting[0].endswith(("merci", "thanks", "thank you")) else _HELLO)
    return bool((is_to_all and is_short) or (_ABOUT_SHOW.search(flat) and len(sentences(text)) == 1))


def chores(lines: Sequence[Line]) -> set[int]:
    """Return the items of lists of things to do: no links, and each begins with a verb in its dictionary form."""
    found: set[int] = set()
    marks = [line.item and bool(line.text) and not line.links for line in lines]
    for is_item, group in itertools.groupby(range(len(lines)), key=marks.__getitem__):
        run = list(group)
        if is_item and len(run) > 1 and all(_TO_BE_DONE.match(fold(lines[each].text)) for each in run):
            above = lines[run[0] - 1] if run[0] else Line("")
            is_titled = above.text and len(above.text.split()) <= _FEW and not above.links
            found.update(run, [run[0] - 1] if is_titled else [])
    return found
