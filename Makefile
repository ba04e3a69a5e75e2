# Two commands matter: `make play` and `make test`. Both make what they need and are quick the second time.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# What the browser tests drive: an installed Chromium if there is one.
CHROMIUM = $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.DEFAULT_GOAL := help
.PHONY: help play test chaos interop lint bench bench-export bench-gala bench-ingest bench-load bench-partner format lock clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

play: .venv/.play ## Serve the game on this machine and open it in the browser
	@$(BIN)/clickme play

test: .venv/.dev .venv/.chromium ## Run all tests, on a real Postgres, Valkey, ResNet and Chromium
	$(BIN)/node --test "tests/web/*.test.mjs"
	$(BIN)/pytest -n auto

chaos: .venv/.dev .venv/.chromium ## Break everything there is while people play, at length, and say what was lost (11 minutes)
	CLICKME_TEST_CHAOS=long $(BIN)/pytest tests/chaos tests/browser/test_offline.py

interop: .venv/.dev .venv-interop/.ready ## Read exports with TensorFlow, webdataset, datasets, mlcroissant, h5py and NumPy
	.venv-interop/bin/pytest tests/interop

lint: .venv/.dev web/node_modules/.package-lock.json ## Check style, types, the arrows between packages, the types of web/
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/tsc

bench: .venv/.dev ## Measure what the documents claim
	$(BIN)/python benchmarks/dealing.py

bench-export: .venv/.dev ## Measure an export beside the plain way of doing it
	$(BIN)/python -m benchmarks.export

bench-gala: .venv/.dev ## Measure what GALA costs in training, beside ResNet and squeeze-and-excitation
	$(BIN)/python -m benchmarks.gala

bench-ingest: .venv/.dev ## Measure how many bubbles the log takes in, beside COPY and a commit for each batch
	$(BIN)/python -m benchmarks.ingest

bench-load: .venv/.dev ## Measure how many players a core carries, beside a commit for each message (20 minutes)
	$(BIN)/python -m benchmarks.load

bench-partner: .venv/.dev .venv-bench/.ready ## Measure how quickly the partner answers, beside the plain ways of serving it (40 minutes)
	$(BIN)/python -m benchmarks.partner

format: .venv/.dev ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/.dev ## Write down the versions that are installed now
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt.new
	@{ head -1 constraints.txt; cat constraints.txt.new; } > constraints.txt.all && mv constraints.txt.all constraints.txt && rm constraints.txt.new

clean: ## Remove what make has made in this folder
	rm -rf .venv .venv-interop .venv-bench web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.play: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Setting up: about a minute, the first time."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Setting up: about two minutes, the first time."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,dask,gala]'
	@touch $@ .venv/.play

.venv-interop/.ready: tests/interop/requirements.txt
	@echo "Setting up: about a minute, the first time."
	@$(PYTHON) -m venv .venv-interop
	@.venv-interop/bin/pip install --quiet --disable-pip-version-check --requirement tests/interop/requirements.txt
	@touch $@

.venv-bench/.ready: benchmarks/partner/requirements.txt
	@echo "Setting up: about a minute, the first time."
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/partner/requirements.txt
	@touch $@

# Root on Debian takes the system's package; anybody else gets a browser of Playwright's own.
.venv/.chromium: .venv/.dev
ifeq ($(CHROMIUM),)
	if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium > /dev/null; \
	else \
	    $(BIN)/playwright install chromium; \
	fi
endif
	@touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json .venv/.dev
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund
	@touch $@
