#!/bin/sh
# Prints what .venv was made from, so that a difference means `make setup`. Comments and tools' settings install nothing.
cd "$(dirname "$0")/../.." && sed '/^\[tool\.pytest/,$d; s/ *#.*//; /^$/d' pyproject.toml && cat requirements/*.txt
