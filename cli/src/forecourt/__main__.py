"""`python -m forecourt`."""

from forecourt.main import main

main()
