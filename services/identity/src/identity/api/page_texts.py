"""What the sign-in page says, in each language: `templates/<language>.json`."""

import json
from importlib.resources import files

from servicekit.access import RULES, Permission
from servicekit.languages import LANGUAGES

TEXTS: dict[str, dict[str, str]] = {
    language: json.loads((files("identity") / "templates" / f"{language}.json").read_text("utf-8"))
    for language in LANGUAGES
}


def scope_text(scope: str, language: str) -> str:
    """What a scope allows, for the person who is asked to allow it; in the access table's words where nobody has
    translated them."""
    return TEXTS[language].get(f"scope.{scope}", RULES[Permission(scope)].what)
