"""Commands for operators, run with the service's environment: `python -m identity.commands --help`."""
