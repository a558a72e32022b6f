"""Where commands print: results on stdout, errors on stderr."""

from rich.console import Console

out = Console(highlight=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True)
