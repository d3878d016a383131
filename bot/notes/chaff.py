"""The parts of notes that are no subject, recognised by their words: ads, calls, greetings, contents, chores, credits.

A title must be one of these wholly, and a text must speak to the listener or of the episode: news about an ad is news.
"""

import re
from collections.abc import Sequence

from bot.model.text import fold, fold_words
from bot.notes.model import Line

_HELLO, _THANKS = 6, 14
"""Words of a greeting, and of thanks, that hold nothing else."""
_FAREWELL = {"merci", "thanks", "thank you"}
_TITLES = re.compile(
    r"(?:(?:la |le |les |un |une |notre |nos |the |our |a |petite? |mot |message |page |minute |instant |fin |"
    r"end )*(?:de |d |of |du |des |from )?(?:la |le |notre |our |nos |the |cette |this )?(?:pub|pubs|publicite|"
    r"partenaires?|partenariat|sponsors?|sponsoring|sponsorise|pause|annonce|ad|ads|ad break|advertisement|pause pub|"
    r"coupure pub|remerciements?|soutien)(?: de (?:la )?(?:semaine|l episode|cet episode))?|"
    r"fin (?:de )?(?:la )?(?:pub|publicite|annonce)|end (?:of )?ad|(?:our |this week s |today s )?sponsors?|"
    r"(?:la )?semaine prochaine|(?:le |l |au |du )?prochain(?:e)? (?:episode|fois|numero)|next (?:week|episode|time)|"
    r"coming up(?: next)?|a venir|a suivre|(?:au |le )?(?:sommaire|programme|menu)|chapitres?|chapters?|"
    r"time ?(?:stamps?|codes?)|table (?:des matieres|of contents)|contents|in this episode|dans cet episode|agenda|"
    r"(?:la )?vie du (?:podcast|club)|(?:nous )?(?:soutenir|contacter|suivre|ecouter|rejoindre)(?: nous)?|(?:soutenez|"
    r"suivez|contactez|rejoignez|retrouvez)(?: nous| le podcast| l emission| moi)?|abonnez vous|support (?:the show|"
    r"us|the podcast)|follow (?:us|me|the show)|contact(?:s| us)?|get in touch|subscribe|connect with us|housekeeping|"
    r"admin|credits?|about (?:the show|us|this podcast)|a propos|mentions legales|generique|intro(?:duction)?|outro|"
    r"conclusion|(?:le )?mot de la fin|fin|end|bonjour|bienvenue|welcome|goodbye|au revoir|a faire|to ?do|"
    r"todo(?: list)?|taches|rappels?|reminders?|pense bete|notes? (?:internes?|de production)|production notes|"
    r"(?:nos |our )?reseaux(?: sociaux)?|social media|newsletter|(?:la )?(?:playlist|musique)|music|"
    r"transcript(?:ion)?)"
)
_OWN_WORDS = re.compile(
    r"(?:cet(?:te)? (?:episode|emission|numero)|this (?:episode|show|week s episode)|today s episode|"
    r"l episode(?: du jour)?) (?:vous )?(?:est|a ete|is|was) (?:\w+ ){0,2}?(?:sponsori\w+|presente\w*|soutenue?|"
    r"offert\w*|propose\w*|parraine\w*|rendue? possible|sponsored|brought|supported|presented|made possible)|"
    r"\b(?:notre|nos|our) (?:partenaires?|sponsors?|partners?)\b|\bbrought to you by\b|\bsponsored by\b|"
    r"\b(?:avec )?(?:le |un |notre )?code (?:promo|de reduction)\b|\bavec le code [a-z0-9]{3,}\b|\bpromo code\b|"
    r"\b(?:use|with) (?:the |our )?code\b|\bpause pub\b|^(?:pub|publicite|sponsor|sponso|partenaire|annonce|ad|"
    r"advertisement|partenariat) (?=\w)|\ben partenariat avec .{0,40}(?:code|offre|reduction|remise)|"
    r"^collaboration commerciale|^(?:et |pensez a |n hesitez pas a |n oubliez pas (?:de |d )|"
    r"si .{0,60} )?(?:vous )?(?:abonne[zr]|suive[zr]|suivre|retrouve[zr]|rejoigne[zr]|rejoindre|soutene[zr]|soutenir|"
    r"laisse[zr]|contacte[zr]|inscrive[zr]|inscrire|partage[zr]|notez|noter|ecrivez|mettez|mettre|likez|commentez|"
    r"telechargez|ecoutez|reagissez|activez)\b.{0,60}\b(?:nous|vous|podcast|episode|emission|etoiles?|avis|note|"
    r"commentaires?|newsletter|lettre|chaine|patreon|tipeee|discord|instagram|twitter|facebook|linkedin|mastodon|"
    r"bluesky|mail|application|appli|plateformes?|amis|cloche|sur)\b|^(?:and |please |don t forget to |"
    r"if .{0,60} )?(?:subscribe|follow (?:us|me|the|along)|find us|leave (?:us|a)|support (?:us|the)|rate|review|"
    r"share (?:this|the)|join us|join our|sign up|write to us|email us|get in touch|listen (?:on|to us)|"
    r"tell a friend)\b|\b(?:five|5|cinq) (?:stars?|etoiles?)\b.{0,60}$|^(?:hosted (?:on|by)|heberge (?:par|sur)|"
    r"produit par|produced by|presente par|presented by|musique? (?:de|par|by)?|music by|credits?|generique|montage|"
    r"realisation|edited by|see acast|visitez|visit acast|contact|contactez|bonne ecoute|transcription par)\b|"
    r"^(?:a (?:lundi|bientot|la semaine prochaine|tres vite|demain|vendredi)|see you|bye|until next|best|cheers|"
    r"regards|kind regards|bonne (?:soiree|semaine|journee|ecoute)|bien a (?:toi|vous)|cordialement|amicalement|bises|"
    r"envoye de(?:puis)? mon|sent from my|get outlook|voici (?:les|mes|nos) (?:notes|sujets|deux|trois|quatre|cinq)|"
    r"here (?:are|is) (?:the|my|our) (?:notes|stories|topics|links|two|three|four|five))\b|^(?:la semaine prochaine|"
    r"next week|lundi prochain|dans le prochain episode|next time|next episode) (?:on |nous |we |i |je )|^(?:a faire|"
    r"to ?do|todo|rappel|reminder|note (?:interne|de production)|nb) (?=\w)"
)
_GREETING = re.compile(
    r"(?:bonjour|bonsoir|salut|hello|hi|hey|dear|chers?|coucou|bienvenue|welcome|merci|thanks|thank you|dear all|"
    r"hola)\b"
)
_MAIL_ADDRESS = re.compile(r"^\W{0,5}(?:[\w ]{0,20}:\s{0,3})?[\w.+-]{1,64}@[\w.-]{1,253}+\W{0,5}$")
_LIVE = re.compile(
    r"\b(?:le live|notre live|la soiree|l enregistrement|our live show)\b.{0,40}\b(?:complet|sold out|places)\b"
)
_INFINITIVE = re.compile(r"[a-zà-ÿ’']{3,}(?:er|ir|re)\b|(?:se |s’|s')?[a-zà-ÿ]{3,}(?:er|ir|re)\b")
_VERB = re.compile(
    r"(?:buy|call|ask|book|check|send|charge|bring|remember|fix|order|pay|email|upload|record|test|print|update)\b"
)
_CODE_WORD = re.compile(r"\b[Cc]ode\s+(?:promo\s+)?[A-Z][A-Z0-9]{2,}\b")


def is_chaff_title(text: str) -> bool:
    """Tell whether a title heads something that is no subject."""
    flat = " ".join(fold_words(text))
    return _TITLES.fullmatch(flat) is not None


def is_chaff(line: Line) -> bool:
    """Tell whether a line speaks of the episode or to the listener, and tells no news."""
    if line.aside:
        return True
    return any(says_chaff(text) for text in (line.text, *(link.title for link in line.links)) if text)


def says_chaff(text: str) -> bool:
    """Tell whether a text is an ad, a call, a greeting, a credit or a chore."""
    flat = " ".join(fold_words(text))
    if _OWN_WORDS.search(flat) or _CODE_WORD.search(text) or _MAIL_ADDRESS.match(text) or _LIVE.search(flat):
        return True
    greeting = _GREETING.match(flat)
    return greeting is not None and len(flat.split()) <= (_THANKS if greeting[0] in _FAREWELL else _HELLO)


def chores(lines: Sequence[Line]) -> set[int]:
    """Return the items of lists of things to do: no links, and each begins with a verb in its dictionary form."""
    found: set[int] = set()
    run: list[int] = []
    for index, line in enumerate((*lines, Line(""))):
        if line.item and not line.links and line.text:
            run.append(index)
            continue
        texts = [lines[each].text for each in run]
        if len(run) > 1 and all(_INFINITIVE.match(text) or _VERB.match(fold(text)) for text in texts):
            found.update(run)
        run = []
    return found
