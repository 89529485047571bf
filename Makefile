# Everything runs from .venv in this folder. `make` alone prints the targets.
# Another Python than the first one found: make run PYTHON=/path/to/python3.12

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
BIN := .venv/bin
# -qq: only errors. What is already there is not installed again.
INSTALL = $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
# As many tests at once as there are cores; `make test TESTS=tests/test_licenses.py` runs some of them.
TESTS ?= tests
# A test that hangs is shown with its stack and fails; the others go on.
HANGING := -o faulthandler_timeout=180 -o faulthandler_exit_on_timeout=true

.DEFAULT_GOAL := help
.PHONY: help run test lint types tests bench chaos attack chromium

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: .venv/.run ## Dashboard on http://localhost:8501, with a demo while no tenant is configured
	@exec $(BIN)/python app.py

test: .venv/.dev chromium ## Lint, types and all tests, with a real headless Chromium
	@failed=; for step in lint types tests; do $(MAKE) --no-print-directory $$step || failed="$$failed $$step"; done; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

lint: .venv/.dev ## ruff: rules and format
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

types: .venv/.dev ## mypy, strict
	$(BIN)/mypy --strict core app.py dashboard.py web ui pages simulator benchmarks tests

tests: .venv/.dev # what `test` runs last, so that pytest's summary ends its output
	$(BIN)/python -m pytest -n auto $(HANGING) $(TESTS)

bench: .venv/.dev ## Measure refresh and pages against a floor
	$(BIN)/python -m benchmarks

chaos: .venv/.dev ## Faults and crashes by the thousand: is every alarm told exactly once?
	$(BIN)/python -m tests.chaos $(CHAOS)

attack: .venv/.dev ## Attacks on a product that it starts: does it withstand, and how long do others wait?
	$(BIN)/python -m tests.attack $(ATTACK)

chromium: .venv/.dev # the browser of the tests; installed when there is none
	@.ci/chromium $(BIN)/python

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; $$(python3 --version 2>&1) is what is here."; exit 2; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; echo "No environment. Debian, Ubuntu: apt-get install python3-venv"; exit 2; }

.venv/.run: requirements.txt constraints.txt | .venv/bin/python
	@echo "Installing what requirements.txt lists into .venv ..."
	@$(INSTALL) -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt requirements.txt constraints.txt | .venv/bin/python
	@echo "Installing what requirements-dev.txt lists into .venv ..."
	@$(INSTALL) -r requirements-dev.txt
	@touch .venv/.run $@
