"""The keys that sign access tokens."""

from typing import Any

import typer

from identity.commands.running import AsJson, print_json, run, text
from identity.domain.signing_keys import SigningKey
from identity.use_cases import keys

app = typer.Typer()


@app.command()
def rotate_keys(as_json: AsJson = False) -> None:
    """Sign with the next key from now on, without waiting for the active one to be due."""
    made = run(lambda identity: keys.advance_keys(identity, rotate=True))
    if as_json:
        print_json([_document(key) for key in made])
    else:
        for key in made:
            typer.echo("  ".join(f"{name} {value}" for name, value in _document(key).items() if value))


def _document(key: SigningKey) -> dict[str, Any]:
    times = {name: text(getattr(key, name)) or None for name in ("published_at", "activated_at", "retired_at")}
    return {"kid": str(key.kid)} | times
