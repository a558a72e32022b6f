"""The keys that sign access tokens, and those that protect what is stored."""

from typing import Any

import typer

from identity.commands.running import run, text
from identity.domain.signing_keys import SigningKey
from identity.use_cases import key_rotation, keys
from identity.use_cases.context import Identity
from servicekit.commands import AsJson, print_json
from servicekit.rewrap import counting

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


@app.command()
def count_key_uses() -> None:
    """Print as JSON which keys of the key file are in use, and for how much of what."""
    print_json(run(key_rotation.uses_of_keys))


@app.command()
def renew_keys() -> None:
    """Bring what older keys of the key file protect under the current one, then count their uses.

    The service goes on meanwhile. The command can be stopped at any time and begun again.
    """

    async def work(identity: Identity) -> dict[str, Any]:
        await key_rotation.renew(identity, counting("rows looked at"))
        return await key_rotation.uses_of_keys(identity)

    print_json(run(work))


def _document(key: SigningKey) -> dict[str, Any]:
    times = {name: text(getattr(key, name)) or None for name in ("published_at", "activated_at", "retired_at")}
    return {"kid": str(key.kid)} | times
