# Everything runs from .venv in this folder. `make` alone prints the targets.
# Another Python than the first one found: make run PYTHON=/path/to/python3.12

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
BIN := .venv/bin
# -qq: only errors. What is already there is not installed again.
# Each file with its hash (requirements*.lock): what an index, mirror or cache has changed is not installed.
INSTALL = $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes
TOOLS := .tools/bin
COMPILE = $(TOOLS)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
# `make test FAST=1`: the inner loop, without browser, servers of their own, PostgreSQL, chaos and attacks.
FAST ?=
# Half as many tests again at once as there are cores, for many wait for a server, a browser or a lock; those of FAST do not.
WORKERS ?= $(if $(FAST),auto,$(shell echo $$(($$(nproc 2>/dev/null || sysctl -n hw.ncpu) * 3 / 2))))
# `make test TESTS=tests/test_licenses.py` runs some of them.
TESTS ?= tests
# A test that hangs is shown with its stack and fails; the others go on.
HANGING := -o faulthandler_timeout=180 -o faulthandler_exit_on_timeout=true
# With byte code kept, whatever the shell says: else each worker and each started product compiles all sources again.
KEEPING := PYTHONDONTWRITEBYTECODE= $(BIN)/python
PYTEST = $(KEEPING) -m pytest $(HANGING)
AGAIN := --last-failed --last-failed-no-failures none --tb=short

.DEFAULT_GOAL := help
.PHONY: help run postgresql test lint texts types tests bench chaos attack image image-check deploy-check lock sbom audit chromium

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 21

run: .venv/.run ## Dashboard on http://localhost:8501, with a demo while no tenant is configured
	@exec $(BIN)/python app.py

# Lint and types go beside the tests, in the time that those wait; they end long before all tests do.
test: .venv/.dev $(if $(FAST),,chromium) ## Lint, types and all tests, with a real headless Chromium
	@nice $(MAKE) --no-print-directory --keep-going lint types & checks=$$!; failed=; \
	trap 'kill $$checks 2>/dev/null' EXIT; trap 'exit 143' TERM; trap 'exit 130' INT; \
	$(MAKE) --no-print-directory tests || failed=" tests"; \
	wait $$checks || failed=" lint or types (see above)$$failed"; trap - EXIT; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

lint: .venv/.dev texts ## ruff: rules and format; then texts
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

texts: .venv/.dev ## The catalogues in locales/: missing, unused, values that differ, signs of another language
	$(KEEPING) -m tests.catalogues

types: .venv/.dev ## mypy, strict
	$(BIN)/mypy --strict core app.py dashboard.py web ui pages simulator benchmarks tests deploy/image/slim.py

tests: .venv/.dev # what `test` runs last, so that pytest's summary ends its output
	@$(PYTEST) -n $(WORKERS) $(if $(FAST),--fast) $(TESTS) || { failed=$$?; test $$failed = 1 || exit $$failed; \
	echo "Once more and alone, what failed; what passes now depends on the machine's load and wants mending:"; \
	$(PYTEST) $(AGAIN) $(TESTS); }

ON_SERVER := $(addprefix tests/test_,$(addsuffix .py,api attention audit_page license_identity list_delta lost_lists products recent_changes \
	refusals rules_file rules_page scenarios tenant_switches vanish))
postgresql: .venv/.dev ## What the suite runs on SQLite alone, with PostgreSQL in place of each file
	@$(PYTEST) -n $(WORKERS) --postgresql $(ON_SERVER)

bench: .venv/.dev ## Measure refresh and pages against a floor
	$(BIN)/python -m benchmarks

chaos: .venv/.dev ## Faults and crashes by the thousand: is every alarm told exactly once?
	$(BIN)/python -m tests.chaos $(CHAOS)

attack: .venv/.dev ## Attacks on a product that it starts: does it withstand, and how long do others wait?
	$(BIN)/python -m tests.attack $(ATTACK)

image: ## Build the image `lizenztool` with Docker or Podman, or without a daemon (.ci/image)
	@.ci/image

image-check: .venv/.dev chromium ## Build the image, open every page of it; two web processes behind HAProxy; minutes, as root
	$(BIN)/python -m tests.deployment.image
	$(BIN)/python -m tests.deployment.two_web

deploy-check: .venv/.dev .tools/.wheels ## The chart, the Compose files, proxy and alarms, each with the program that reads it
	$(BIN)/python -m tests.deployment

lock: .tools/.done ## Write requirements*.lock: constraints.txt with the hashes of all systems' files
	$(COMPILE) -c constraints.txt requirements.txt -o requirements.lock
	$(COMPILE) -c constraints.txt requirements-scale.txt -o requirements-scale.lock
	$(COMPILE) -c constraints.txt requirements-dev.txt -o requirements-dev.lock
	$(COMPILE) requirements-tools.txt -o requirements-tools.lock
	$(COMPILE) --no-deps requirements-deploy.txt -o requirements-deploy.lock

sbom: .tools/.done ## Write sbom.json (CycloneDX): what the service runs with, licences, who needs whom
	@rm -rf .sbom && $(PYTHON) -m venv .sbom
	@.sbom/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@.sbom/bin/python -m pip uninstall --yes --quiet pip setuptools
	@$(TOOLS)/cyclonedx-py environment .sbom/bin/python --output-reproducible -o .sbom/sbom.json
	@.sbom/bin/python .ci/sbom.py < .sbom/sbom.json > sbom.json && rm -rf .sbom

audit: .tools/.done ## Ask for known weaknesses of what the service runs with; needs the internet
	$(TOOLS)/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

chromium: .venv/.dev # the browser of the tests; installed when there is none
	@.ci/chromium $(BIN)/python

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; $$(python3 --version 2>&1) is what is here."; exit 2; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; echo "No environment. Debian, Ubuntu: apt-get install python3-venv"; exit 2; }

.venv/.run: requirements.lock | .venv/bin/python
	@echo "Installing what requirements.lock lists into .venv ..."
	@$(INSTALL) -r requirements.lock
	@touch $@

.venv/.dev: requirements-dev.lock | .venv/bin/python
	@echo "Installing what requirements-dev.lock lists into .venv ..."
	@$(INSTALL) -r requirements-dev.lock
	@touch .venv/.run $@

.tools/.done: requirements-tools.txt
	@$(PYTHON) -m venv --clear .tools
	@.tools/bin/python -m pip install -qq --disable-pip-version-check $(if $(wildcard requirements-tools.lock),--require-hashes -r requirements-tools.lock,-r requirements-tools.txt)
	@touch $@

.tools/.wheels: requirements-deploy.lock | .venv/bin/python
	@$(BIN)/python -m pip download -qq --disable-pip-version-check --no-deps --require-hashes -d .tools/wheels -r requirements-deploy.lock
	@touch $@
