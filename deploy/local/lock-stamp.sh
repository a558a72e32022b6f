#!/bin/sh
# Prints what .venv was made from, so that a difference means `make setup`. Settings of tools install nothing.
cd "$(dirname "$0")/../.." && sed '/^\[tool\.pytest/,$d' pyproject.toml && cat requirements/*.txt
