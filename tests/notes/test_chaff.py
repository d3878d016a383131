"""Lines that are no subject, and lines of news that hold the same words."""

from __future__ import annotations

from bot.notes.chaff import is_chaff, is_chaff_title, is_of_show
from bot.notes.model import Line

MAKING = (
    "Pensez à mettre 5 étoiles sur Apple Podcasts",
    "Un petit pouce, ça nous aide énormément",
    "On vous attend sur notre serveur Discord",
    "Merci à Audrey pour la relecture",
    "Tapis musical",
    "Générique de fin",
    "Lancement plateau",
    "Désannonce",
    "Intro (30 s)",
    "À VÉRIFIER AVANT ENREGISTREMENT",
    "à compléter",
    "[à vérifier]",
    "Page de pub",
    "Message sponsorisé",
    "Cet épisode est rendu possible par Bolt Café",
    "En partenariat avec Radio Campus",
    "-10% chez Alvea avec le code RECAP10",
    "Retrouvez toutes nos sources sur le site",
    "Les liens en description",
    "Où nous écouter",
    "Contactez la rédaction : bonjour@recap.example",
    "Laissez-nous un message vocal",
    "On se retrouve lundi prochain",
    "À la prochaine !",
    "Allez, salut, et à lundi",
    "Passez une bonne semaine",
    "C’est la fin de cet épisode",
    "C’était le Récap du lundi",
    "Bien à vous,",
    "Merci d’avance",
    "Coucou la team",
    "Voici le conducteur de lundi",
    "Je vous envoie mes sujets",
    "Présenté par Lise et Tom",
    "Une production Studio Falaise",
    "Version 3, relue par Inès",
    "La semaine prochaine : spécial vacances",
    "Leave us a review on Apple Podcasts",
    "If you enjoyed this episode, tell a friend",
    "Like and subscribe",
    "You can find us on Mastodon",
    "Become a member for bonus episodes",
    "Support for this show comes from Larkwood",
    "Today’s sponsor: Larkwood",
    "Start your free trial at larkwood.example",
    "And now a word from our sponsor",
    "[AD]",
    "(theme music)",
    "Sting",
    "Thanks to our producer, Kim Lee",
    "That’s all, folks",
    "Until next time",
    "Take care,",
    "All the best,",
    "Here’s the rundown for Monday",
    "TBC",
    "Don’t forget to hit record",
    "Produced by Kim Lee",
    "Theme song by The Hollow Trees",
    "Questions? Write to hello@monday.example",
    "Transcript available on our website",
    "This transcript was generated automatically",
    "Coming next Monday: bees",
    "Hors jeu vous est offert par Foulée+",
    "Un mot pour remercier la Maison des Thés, qui vous offre un sachet de découverte",
    "Merci au Crous qui nous prête la salle",
    "Thanks to Larkwood, who pay for the microphones",
    "This episode is brought to you in part by Larkwood",
    "*** PUB *** La voiture qui se gare seule",
    "[Ad] The car that parks itself",
    "ANNONCE (lire telle quelle)",
    "Voilà pour ce matin",
    "Je vous retrouve lundi à la même heure",
    "Merci de nous avoir écoutés",
    "Ah oui, et pour la pub c’est la même que lundi",
    "As for the sponsor, the copy is in the drive",
    "Sponsor read is Cratebox again",
    "@everyone vos sujets avant dimanche",
    "© 2026 Dana Whitlock",
    "Annonce de la semaine prochaine (spéciale transports)",
    "Générique + accueil Sarah",
    "Contribuer",
    "Licence",
    "Terminé",
)
"""Calls, credits, chores, cues, ads and farewells, as teams write them."""
NEWS = (
    "YouTube lance un bouton pour signaler les faux avis",
    "Instagram teste une newsletter payante pour les créateurs",
    "Patreon augmente sa commission à 10 %",
    "Netflix baisse le prix de son offre avec publicité",
    "Les annonceurs quittent X",
    "Nike ne sera plus partenaire du PSG",
    "Apple Podcasts ajoute des chapitres automatiques",
    "L’épisode final de Stranger Things dure deux heures",
    "L’émission de France 2 change d’horaire",
    "« Bonjour » devient obligatoire dans les guichets",
    "La fin du ticket de caisse",
    "Le programme Erasmus rouvre aux Britanniques",
    "Un hôtel perd ses cinq étoiles",
    "Suivre son colis coûtera un euro",
    "Écrire à la main aide à retenir",
    "Rejoindre la Lune en 2028",
    "Le montage vidéo arrive dans WhatsApp",
    "Le code de la route change",
    "Les réductions d’impôt pour les dons",
    "Vous pourrez bientôt écrire à d’autres applications",
    "Pour vous inscrire, il faudra une pièce d’identité",
    "Notre-Dame rouvre ses tours",
    "L’appli demande cinq étoiles à ses clients mécontents",
    "Rappel de 30 000 trottinettes",
    "Le mot de passe, c’est bientôt fini",
    "La transcription automatique arrive dans Teams",
    "Meta vend des lunettes avec micro",
    "Patreon loses its appeal against Apple",
    "A newsletter platform buys a printing press",
    "YouTube removes the dislike count",
    "The theme park of Disney opens in Abu Dhabi",
    "Google ends free storage",
    "The review of the bridge takes five years",
    "Users can subscribe for ten dollars",
    "Music publishers sue Anthropic",
    "Listen to whales, says NASA",
    "Support for Windows 10 ends in October",
    "Note 7 returns",
    "Le son du TGV change",
    "La conclusion du procès est repoussée",
    "La production de Renault s’arrête à Douai",
    "La prise de contrôle de SFR avance",
    "Les jingles de la SNCF changent",
    "Une application qui vous permet de payer sans carte",
    "Le musée qui vous accueille la nuit",
    "Le projet de Dunkerque est soutenu par la région",
    "Des génériques moins chers en pharmacie",
    "L’antenne de Saint-Flour reste debout",
    "Merci Facebook : un village retrouve son chien",
)


def _is_out(text: str) -> bool:
    return is_chaff(Line(text)) or is_chaff_title(text)


def test_lines_of_those_who_make_a_show_are_no_subject() -> None:
    """By what their words have in common, as no list holds all such lines."""
    assert [text for text in MAKING if not _is_out(text)] == []


def test_news_about_shows_ads_and_stars_are_news() -> None:
    """The words of making a show stand beside words that tell something."""
    assert [text for text in NEWS if _is_out(text)] == []


def test_a_name_from_the_head_with_who_pays_or_makes_is_the_show() -> None:
    """Without the name in the head, the same words tell news."""
    head = "Le Fil d’à côté n° 51 Signal Loss, No. 66"
    told = (
        "Signal Loss is made possible by Pinecone Press, publishers of atlases.",
        "Le Fil d’à côté est soutenu par la librairie Corneille.",
        "Le Fil d’à côté est un podcast indépendant.",
        "Signal Loss is produced by Anneke de Boer.",
    )
    assert all(is_of_show(text, head) for text in told)
    assert not any(is_of_show(text, "Le récap du lundi") for text in told)
    assert not is_of_show("Signal Loss moves to Mondays.", head)
