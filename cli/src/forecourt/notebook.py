"""`notebook`: the analysts' notebook, run from end to end without a browser."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from forecourt.console import out
from forecourt.export import ONE_OFF, export_topic, one_off
from local_stack.config import REPOSITORY, Config, StackError

NOTEBOOK = REPOSITORY / "docs" / "notebooks" / "demo_day.py"
TOPICS = ("stations.stations", "pricing.prices", "payments.orders")
TIMEOUT_SECONDS = 300


def notebook(
    target: Annotated[Path, typer.Option("--out", help="Where the page and the plots go.")] = Path(
        ".forecourt-samples/notebook"
    ),
    data: Annotated[
        Path | None, typer.Option(help="What `forecourt export` wrote; without it the platform is exported anew.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Run the notebook of the demo day, and say what it found and where its page and plots are.

    Example: `./forecourt notebook --out ~/demo-day`
    """
    if data is not None and not data.is_dir():
        raise StackError(f"there is no folder {data}: `./forecourt export pricing.prices --out {data}` makes it")
    if data is None:
        data = target / "exports"
        config, names = Config.from_environment(), one_off()
        for topic in TOPICS:
            export_topic(config, topic, data, names=names, whose=ONE_OFF, replace=True, quiet=as_json)
    findings = run_notebook(data, target)
    files = [str(target / "demo_day.html"), *sorted(str(one) for one in target.glob("*.png"))]
    if as_json:
        typer.echo(json.dumps({"findings": findings, "files": files}, indent=2))
        return
    for name, figures in findings.items():
        told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in (figures or {}).items())
        out.print(f"[bold]{name.replace('_', ' ')}[/]: {told or 'too little to say'}", soft_wrap=True)
    out.print("\n".join(files), soft_wrap=True)


def run_notebook(data: Path, target: Path) -> dict[str, Any]:
    """Runs it over exports; its findings by name, None where there was too little. StackError where a cell fails."""
    target.mkdir(parents=True, exist_ok=True)
    page = target / "demo_day.html"
    arguments = (
        "export",
        "html",
        str(NOTEBOOK),
        "-f",
        "-o",
        str(page),
        "--",
        "--data",
        str(data),
        "--out",
        str(target),
    )
    result = subprocess.run(  # noqa: S603 -- the command is ours, no shell is involved
        [sys.executable, "-m", "marimo", *arguments], capture_output=True, text=True, check=False,
        timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    if result.returncode != 0:
        raise StackError(f"the notebook fails:\n{(result.stderr or result.stdout).strip()}")
    return json.loads((target / "findings.json").read_text())
