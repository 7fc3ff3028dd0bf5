# Every target does its own set-up: a clean clone and a Python are enough.
.DEFAULT_GOAL := help
.PHONY: help demo serve test lint check clean
.SUFFIXES:

# Options: DEMO=PATH learns from your own repository, CORE=1 does without the language model, PYTHON=... names a Python.
export PYTHON
DEMO ?=
CORE ?=
JOBS ?= 2
EXTRAS := $(if $(CORE),,local)

VENV := .venv/bin
PYTEST := PATH="$(CURDIR)/$(VENV):$$PATH" $(VENV)/python -m pytest -n $(JOBS)

# Whatever speaks SQL runs on both versions; the terminal, tokens, models and the shape of answers do not tell them apart.
ONCE := --ignore=tests/integration/models --ignore=tests/integration/tokens --ignore=tests/isolation/test_openapi.py \
	--ignore-glob='*_commands.py'

help: ## This list
	@echo "Motif learns a team's recurring engineering patterns from its history."
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  DEMO=PATH   demo: learn from this git repository instead of the example"
	@echo "  CORE=1      demo, serve: without the language model (words, paths and co-change only)"
	@echo "  JOBS=N      test: so many tests at once (default 2)"
	@echo "  PYTHON=...  the Python to set up with (3.11 to 3.14)"

demo: ## Learn patterns from a real project's history, then find two of them again
	@scripts/set-up.sh $(EXTRAS)
	@$(VENV)/python scripts/demo.py $(if $(DEMO),"$(DEMO)")

serve: ## Run the service, with a worker inside, on this machine
	@scripts/set-up.sh $(EXTRAS)
	@$(VENV)/motif serve

test: ## All tests, on Postgres 18; what speaks SQL on 16 as well
	@scripts/set-up.sh local dev
	@PATH="$(CURDIR)/$(VENV):$$PATH" scripts/set-up-clients.sh
	@echo "Postgres 16: what speaks SQL"
	@MOTIF_POSTGRES_VERSION=16 $(PYTEST) $(wildcard tests/integration tests/sql tests/isolation) $(ONCE)
	@echo "Postgres 18: everything"
	@MOTIF_POSTGRES_VERSION=18 $(PYTEST)

lint: ## Style, types (pyright strict) and layers
	@scripts/set-up.sh local dev
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@PATH="$(CURDIR)/$(VENV):$$PATH" PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(VENV)/pyright
	@$(VENV)/lint-imports

check: lint test ## What CI runs: lint, then test

clean: ## Remove what make made: .venv, caches, the demonstration's data
	@rm -rf .venv tests/clients/node_modules .cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
