"""The keys that protect what is stored."""

from typing import Any

import typer

from loyalty.commands.running import run
from loyalty.use_cases import key_rotation
from loyalty.use_cases.context import Loyalty
from servicekit.commands import print_json
from servicekit.rewrap import counting

app = typer.Typer()


@app.command()
def count_key_uses() -> None:
    """Print as JSON which keys of the key file are in use, and for how much of what."""
    print_json(run(key_rotation.uses_of_keys))


@app.command()
def renew_keys() -> None:
    """Bring what older keys of the key file protect under the current one, then count their uses.

    The service goes on meanwhile. The command can be stopped at any time and begun again.
    """

    async def work(loyalty: Loyalty) -> dict[str, Any]:
        await key_rotation.renew(loyalty, counting("rows looked at"))
        return await key_rotation.uses_of_keys(loyalty)

    print_json(run(work))
