"""`python -m loyalty.commands`: what operators do, with the service's own role and keys."""

import typer

from loyalty.commands import differences, keys, points, replay, rewards

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _describe() -> None:
    """Look into the books of points, settle differences, retry rewards, and play events once more."""


app.add_typer(points.app, name="points")
app.add_typer(differences.app, name="differences")
app.add_typer(rewards.app, name="rewards")
app.add_typer(keys.app)
app.command()(replay.replay)

if __name__ == "__main__":
    app()
