"""Invented people and companies, word by word: whoever bears such a name is meant by nobody."""

import unicodedata
from random import Random

FIRST_NAMES = {
    "de": (
        "Almut Anke Arne Bastian Birte Carsten Dörte Eike Elif Enno Falk Frauke Gesa Hauke Henrike "
        "Imke Jannis Jördis Kerem Lennart Levke Malte Mareike Merle Nele Ole Rieke Sönke Swantje "
        "Thies Tomke Wiebke"
    ).split(),
    "fr": (
        "Adélaïde Anaïs Aurélien Bastien Capucine Clément Coline Corentin Élodie Émeric Fabien "
        "Gaëlle Gaspard Inès Joachim Léonie Loïc Maël Maëlys Margaux Nadège Nassim Océane Rémi "
        "Romane Samir Solène Tanguy Thibault Yaël"
    ).split(),
    "es": (
        "Ainhoa Álvaro Amaya Begoña Candela Ciro Elisenda Fermín Gael Itziar Jimena Leire Lorenzo "
        "Maite Nahia Néstor Olaya Quim Rocío Saúl Tirso Ximena Yago Zoe"
    ).split(),
    "en": (
        "Alastair Beatrix Callum Darcy Edwina Elowen Fergus Gwen Hollis Imogen Isla Jago Keira "
        "Lachlan Maeve Merritt Nerys Orla Piers Quincy Rhys Rowan Saffron Tamsin Tobias Winifred"
    ).split(),
}

LAST_NAMES = {
    "de": (
        "Aschenbrink Birkenstrom Dachsgruber Eulenhorst Fährenkamp Ginsterloh Haselwarder "
        "Igelmoor Kieselbrunn Lindensteg Marderwald Moosgrund Nebelthau Otterbeck Priemelhof "
        "Quellental Regenpfad Schlehenhain Sturmwiese Tannenkiel Uferlandt Wacholderer "
        "Windmöllner Zaunrieder"
    ).split(),
    "fr": (
        "Aubrépine Boisclairet Brumevent Chantelande Clairvalon Courtepluie Dorvallière Épinetout "
        "Fontebrune Grandpréau Hauterivel Joliruisseau Lavandou-Brès Merlevent Noirétang "
        "Olivarède Pierremousse Rochevigne Sablonnet Tilleulac Vaudoré Vertegarenne"
    ).split(),
    "es": (
        "Almendrares Bosqueverde Campoluna Cerezales Fuentebrava Granadal Hinojares Lobomonte "
        "Mareclara Nogaleda Olivaluz Peñarrubia Riomanso Salinaclara Torrelinde Valdenube Yerbasanta "
        "Zarzalejos"
    ).split(),
    "en": (
        "Ashenmoor Bramblethorpe Candleford-Reed Dunmarrow Elderwick Fernhollow Gorsebank "
        "Hazelbury Inglemere Larkmeadow Mossgate Nettlefell Oakenstead Pebbleworth Quillbrook "
        "Rushmarsh Sedgewell Thistlemont Underhaye Willowtarn"
    ).split(),
}

TRADES = {
    "de": (
        "Bäckerei Buchhandlung Fahrradladen Fotostudio Gärtnerei Goldschmiede Hebammenpraxis "
        "Imkerei Kaffeerösterei Kanzlei Keramikwerkstatt Klavierstimmer Malerbetrieb Metallbau "
        "Musikschule Optik Physiotherapie Reisebüro Schreinerei Steuerberatung Tanzschule "
        "Tierarztpraxis Weinhandlung Zimmerei"
    ).split(),
    "fr": (
        "Atelier Bijouterie Boulangerie Brasserie Cabinet Chocolaterie Ébénisterie Fleuriste "
        "Fromagerie Garage Imprimerie Librairie Menuiserie Opticien Papeterie Pâtisserie "
        "Pépinière Photographe Poterie Torréfaction Traiteur Vignoble"
    ).split(),
    "es": (
        "Academia Bodega Carpintería Cerámica Clínica Estudio Farmacia Ferretería Floristería "
        "Gestoría Heladería Imprenta Librería Óptica Panadería Papelería Peluquería Taller "
        "Tienda Vivero"
    ).split(),
    "en": (
        "Bakery|Bicycle Works|Bookshop|Brewery|Carpentry|Ceramics|Coffee Roasters|Dance School|"
        "Dental Practice|Florist|Framing|Garden Design|Joinery|Letterpress|Music School|Opticians|"
        "Photography|Pottery|Tailoring|Translations|Upholstery|Veterinary Clinic"
    ).split("|"),
}

EPITHETS = {
    "de": (
        "Am Deich|Apfelgarten|Blaue Stunde|Drei Eichen|Eisvogel|Feldrain|Goldammer|Himmelsleiter|"
        "Kupferkessel|Leuchtturm|Morgenrot|Nordwind|Siebenstern|Sonnenhang|Steinbutt|Wolkenkuckuck"
    ).split("|"),
    "fr": (
        "de la Brume|de l'Écluse|des Deux Ponts|des Glycines|des Hirondelles|du Beffroi|"
        "du Chat Gris|du Coquelicot|du Grand Large|du Lavoir|du Mistral|du Petit Jour|"
        "du Tilleul|du Vieux Moulin"
    ).split("|"),
    "es": (
        "Cuatro Vientos|del Azahar|del Faro|del Jilguero|El Olivar|La Alondra|La Brújula|"
        "La Golondrina|La Media Luna|Las Encinas|Los Almendros|Mar Adentro|Sol de Invierno|"
        "Tres Puentes"
    ).split("|"),
    "en": (
        "Blue Heron|Copper Kettle|Fiddlehead|Foxglove|Half Moon|Harbour Light|Kingfisher|Larkspur|"
        "Milestone|Old Ferry|Paper Lantern|Quiet Corner|Saltmarsh|Seven Gates|Stonecrop|Windmill"
    ).split("|"),
}

LEGAL_FORMS = {
    "DE": ["", "", "GmbH", "GbR", "e. K."],
    "AT": ["", "", "GmbH", "e.U."],
    "CH": ["", "GmbH", "AG", "Sàrl"],
    "FR": ["", "", "SARL", "SAS"],
    "BE": ["", "SRL"],
    "ES": ["", "", "S.L."],
    "GB": ["", "", "Ltd"],
    "US": ["", "LLC", "Inc."],
}


def person(rng: Random, language: str) -> str:
    return f"{rng.choice(FIRST_NAMES[language])} {rng.choice(LAST_NAMES[language])}"


def company(rng: Random, language: str, country: str) -> str:
    """Like "Bäckerei Morgenrot GmbH" or "Kingfisher Bookshop Ltd"."""
    trade = rng.choice(TRADES[language])
    epithet = rng.choice(EPITHETS[language] + LAST_NAMES[language][:8])
    words = [epithet, trade] if language == "en" else [trade, epithet]
    form = rng.choice(LEGAL_FORMS[country])
    if (country, language, form) in {("CH", "fr", "GmbH"), ("CH", "fr", "AG"), ("CH", "de", "Sàrl")}:
        form = ""
    return " ".join([*words, form]).strip()


def slug(text: str) -> str:
    """The text as part of an address: plain lower-case letters, hyphens between words."""
    for umlaut, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.lower().replace(umlaut, plain)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "-".join("".join(c if c.isalnum() else " " for c in plain).split())
