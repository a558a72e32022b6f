"""The one table of grades: what each feed calls a grade, and which grade of the suite's vocabulary that is."""

import unicodedata
from functools import lru_cache

from feeds.base import Why
from schemas.vocabulary import Fuel

NOT_FOR_CARS = "is for tractors and heating, not for cars"
NO_PLACE = "is none of the grades that the platform compares"
UNCLEAR = "is a brand's name that does not say for certain whether it is petrol or diesel"

GRADES: dict[str, dict[str, Fuel | str]] = {
    "france": {
        "Gazole": Fuel.DIESEL_B7, "SP95": Fuel.E5, "E10": Fuel.E10, "SP95-E10": Fuel.E10, "SP98": Fuel.PETROL_98,
        "E85": Fuel.E85, "GPLc": Fuel.LPG, "GPL": Fuel.LPG, "GNV": Fuel.CNG,
    },
    "uk": {
        "E10": Fuel.E10, "E5": Fuel.E5, "B7": Fuel.DIESEL_B7, "SDV": Fuel.PREMIUM_DIESEL,
        "B7_STANDARD": Fuel.DIESEL_B7, "B7_PREMIUM": Fuel.PREMIUM_DIESEL, "LPG": Fuel.LPG,
        "B10": NO_PLACE, "HVO": NO_PLACE,
    },
    "spain": {
        "Gasolina 95 E5": Fuel.E5, "Gasolina 95 E10": Fuel.E10, "Gasolina 95 E5 Premium": Fuel.PREMIUM_PETROL,
        "Gasolina 98 E5": Fuel.PETROL_98, "Gasolina 98 E10": Fuel.PETROL_98, "Gasolina 95 E85": Fuel.E85,
        "Gasoleo A": Fuel.DIESEL_B7, "Gasoleo Premium": Fuel.PREMIUM_DIESEL, "Adblue": Fuel.ADBLUE,
        "Gases licuados del petróleo": Fuel.LPG, "Gas Natural Comprimido": Fuel.CNG, "Hidrogeno": Fuel.HYDROGEN,
        "Gasoleo B": NOT_FOR_CARS, "Gasoleo C": NOT_FOR_CARS, "Gasolina 95 E25": NO_PLACE,
        "Gasolina Renovable": NO_PLACE, "Diésel Renovable": NO_PLACE, "Biodiesel": NO_PLACE, "Bioetanol": NO_PLACE,
        "Gas Natural Licuado": NO_PLACE, "Biogas Natural Comprimido": NO_PLACE, "Biogas Natural Licuado": NO_PLACE,
        "Amoniaco": NO_PLACE, "Metanol": NO_PLACE,
    },
    "italy": {
        "Benzina": Fuel.E5, "Gasolio": Fuel.DIESEL_B7, "GPL": Fuel.LPG, "Metano": Fuel.CNG, "L-GNC": Fuel.CNG,
        "Idrogeno": Fuel.HYDROGEN, "AdBlue": Fuel.ADBLUE,
        "Benzina Plus 98": Fuel.PETROL_98, "Benzina Energy 98 ottani": Fuel.PETROL_98, "SSP98": Fuel.PETROL_98,
        "Benzina Speciale 98 Ottani": Fuel.PETROL_98,
        "Benzina speciale": Fuel.PREMIUM_PETROL, "Benzina WR 100": Fuel.PREMIUM_PETROL, "V-Power": Fuel.PREMIUM_PETROL,
        "Benzina Shell V Power": Fuel.PREMIUM_PETROL, "Blue Super": Fuel.PREMIUM_PETROL,
        "Benzina 100 ottani": Fuel.PREMIUM_PETROL, "Benzina 102 Ottani": Fuel.PREMIUM_PETROL,
        "Benzina Plus": Fuel.PREMIUM_PETROL, "Verde speciale": Fuel.PREMIUM_PETROL,
        "Gasolio Artico": Fuel.DIESEL_B7, "Gasolio Alpino": Fuel.DIESEL_B7, "Gasolio Gelo": Fuel.DIESEL_B7,
        "Gasolio Artico Igloo": Fuel.DIESEL_B7,
        "Blue Diesel": Fuel.PREMIUM_DIESEL, "Blu Diesel Alpino": Fuel.PREMIUM_DIESEL,
        "Hi-Q Diesel": Fuel.PREMIUM_DIESEL, "Supreme Diesel": Fuel.PREMIUM_DIESEL,
        "Excellium Diesel": Fuel.PREMIUM_DIESEL, "Diesel Shell V Power": Fuel.PREMIUM_DIESEL,
        "V-Power Diesel": Fuel.PREMIUM_DIESEL, "Gasolio Premium": Fuel.PREMIUM_DIESEL,
        "Gasolio speciale": Fuel.PREMIUM_DIESEL, "Gasolio Plus": Fuel.PREMIUM_DIESEL,
        "Gasolio Prestazionale": Fuel.PREMIUM_DIESEL, "Gasolio Oro Diesel": Fuel.PREMIUM_DIESEL,
        "Gasolio Ecoplus": Fuel.PREMIUM_DIESEL, "Gasolio Energy D": Fuel.PREMIUM_DIESEL,
        "DieselMax": Fuel.PREMIUM_DIESEL, "Magic Diesel": Fuel.PREMIUM_DIESEL, "S-Diesel": Fuel.PREMIUM_DIESEL,
        "E-DIESEL": Fuel.PREMIUM_DIESEL, "GP DIESEL": Fuel.PREMIUM_DIESEL, "Diesel e+10": Fuel.PREMIUM_DIESEL,
        "HiQ Perform+": UNCLEAR, "F101": UNCLEAR, "F-101": UNCLEAR, "R100": UNCLEAR, "GNL": NO_PLACE,
        "HVO": NO_PLACE, "HVO100": NO_PLACE, "HVOlution": NO_PLACE, "HVOvolution": NO_PLACE, "REHVO": NO_PLACE,
        "BCHVO": NO_PLACE, "Diesel HVO": NO_PLACE, "Gasolio HVO": NO_PLACE, "Gasolio Bio HVO": NO_PLACE,
        "HVO Future": NO_PLACE, "HVO eco diesel": NO_PLACE, "Diesel HVO Energy": NO_PLACE,
    },
    "nsw": {
        "U91": Fuel.PETROL_92, "P95": Fuel.PETROL_95, "P98": Fuel.PETROL_98, "E10": Fuel.E10, "E85": Fuel.E85,
        "DL": Fuel.DIESEL_B7, "PDL": Fuel.PREMIUM_DIESEL, "LPG": Fuel.LPG, "CNG": Fuel.CNG, "H2": Fuel.HYDROGEN,
        "B20": NO_PLACE, "LNG": NO_PLACE, "EV": "is electricity, not a fuel",
    },
}  # fmt: skip
"""By feed and by the feed's own name: the grade, or why the name has none.

Of two names of one grade that a station gives prices for, the one further up counts. U91 is Australia's regular petrol,
and stands as the vocabulary's regular.
"""


class UnmappedGradeError(ValueError):
    """A name for which there is no grade; `why` tells a name left out on purpose from one that nobody has seen."""

    def __init__(self, why: Why, reason: str) -> None:
        super().__init__(reason)
        self.why = why


def fuel_of(feed: str, grade: str) -> Fuel:
    """The grade that a feed means by its name, whatever its case and accents. Raises UnmappedGradeError."""
    found = _TABLE[feed].get(_plain(grade))
    if found is None:
        raise UnmappedGradeError(Why.UNKNOWN_GRADE, f"unknown grade {grade[:60]!r}: it belongs into feeds/grades.py")
    if not isinstance(found, Fuel):
        raise UnmappedGradeError(Why.LEFT_OUT, f"grade {grade!r} {found}")
    return found


def rank(feed: str, grade: str) -> int:
    """The place of a name in its feed's table: of two names of one grade the lower counts."""
    return _RANKS[feed][_plain(grade)]


@lru_cache(maxsize=1024)
def _plain(grade: str) -> str:
    """The name without case, accents and double blanks."""
    letters = unicodedata.normalize("NFKD", grade.casefold())
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())


_TABLE = {feed: {_plain(grade): fuel for grade, fuel in grades.items()} for feed, grades in GRADES.items()}
_RANKS = {feed: {grade: place for place, grade in enumerate(grades)} for feed, grades in _TABLE.items()}
