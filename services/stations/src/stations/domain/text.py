"""Text as searches compare it: no accents, no case, words in any order, beginnings are enough. Pure."""

import re
import unicodedata

_LETTERS = str.maketrans({
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "ŧ": "t", "þ": "th", "æ": "ae", "œ": "oe",
})  # fmt: skip
"""Letters that Unicode does not take apart into a plain letter and a mark."""
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_WORDS = re.compile(r"[^\W_]+")
_WITHOUT_SPACES = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Thai, kana and Han: scripts that write no spaces between words."""
MOST_LETTERS = 32
"""Of a word; what is longer is compared as far as that."""


def folded(text: str) -> str:
    """Without case and accents: `Å` is `a`, `ß` is `ss`, full-width letters are the plain ones."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def query_words(text: str) -> list[str]:
    """The words that somebody looks for."""
    return [word[:MOST_LETTERS] for word in _WORDS.findall(folded(text))]


def words(text: str) -> set[str]:
    """What finds the text: each word, also with `ae` for `ä`; in scripts without spaces from each letter on."""
    found: set[str] = set()
    german = unicodedata.normalize("NFKC", text).casefold().translate(_GERMAN)
    for word in (*_WORDS.findall(folded(text)), *_WORDS.findall(folded(german))):
        starts = range(len(word)) if _WITHOUT_SPACES.search(word) else range(1)
        found.update(word[start : start + MOST_LETTERS] for start in starts)
    return found
