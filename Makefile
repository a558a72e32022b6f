# What a developer runs; `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help setup demo up down test lint types lock schemas

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SAY = @printf '\n\033[1m== %s\033[0m\n'

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A copy of what was installed: setup is done when it matches, and an interrupted setup leaves none behind.
setup: $(VENV)/forecourt.lock ## check the machine, make .venv, install everything from the hashed lock

$(VENV)/forecourt.lock: pyproject.toml $(wildcard requirements/*.txt)
	@PYTHON='$(PYTHON)' deploy/local/setup.sh

demo: setup ## start everything with data and show it working
	./forecourt demo

up: setup ## start the whole platform
	./forecourt up

down: ## stop every process of the platform; the data stays
	./forecourt down

test: lint types ## everything CI runs: style, types, import order, then all tests
	$(SAY) 'tests (the first run starts real servers)'
	$(BIN)/pytest --numprocesses 2

lint: setup ## style, formatting and import order
	$(SAY) 'ruff: style'
	$(BIN)/ruff check
	$(SAY) 'ruff: format'
	$(BIN)/ruff format --check
	$(SAY) 'import-linter: who may import whom'
	$(BIN)/lint-imports

types: setup ## types, with pyright
	$(SAY) 'pyright: types'
	$(BIN)/pyright

lock: setup ## compile the locks in requirements/ anew
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		pyproject.toml --group local --group analysis --group dev -o requirements/all.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		requirements/flink.in -o requirements/flink.txt

schemas: setup ## export JSON Schemas, golden examples, AsyncAPI and docs of topics and metrics from their tables
	$(BIN)/python -m schemas.export
	$(BIN)/python -m analytics.metrics_page
