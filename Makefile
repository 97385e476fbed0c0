# Two commands: `make run` shows tillcard at work, `make test` checks everything it promises.
# `make soak` and `make bench` take longer and are for people who change it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
INPUTS := pyproject.toml constraints.txt packaging/system-packages.sh

.PHONY: run test quick bench docs pictures deb soak clean help

help:
	@echo "make run              install what is missing, start the demo till, make one sale, go on until Ctrl-C"
	@echo "make run ARGS=--once  the same, and stop after the sale"
	@echo "make test             install what is missing and run every check"
	@echo "make quick            the quick part of it: before every commit"
	@echo "make bench            measure; figures go to docs/bench.md by hand"
	@echo "make docs             build the documents as a site, in site/; it needs no network to be read"
	@echo "make pictures         draw the pictures in docs/pictures anew, with chromium"
	@echo "make deb              build dist/tillcard_*.deb; as root, try it in an empty Debian (minutes)"
	@echo "make soak             long fuzzing, and the tests at moments that are hard for programs"

run: $(VENV)/.run-ready
	@$(BIN)/tillcard demo $(ARGS)

test: $(VENV)/.test-ready
	@$(BIN)/python -m tests.check $(ARGS)

quick: $(VENV)/.test-ready
	@$(BIN)/python -m tests.check --quick $(ARGS)

bench: $(VENV)/.test-ready
	@$(BIN)/python -m tests.bench $(ARGS)

docs: $(VENV)/.docs-ready
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict $(ARGS)
	@echo "open site/index.html; for its search: python3 -m http.server -d site"

pictures: $(VENV)/.test-ready
	@$(BIN)/python -m tests.pictures

# Not in a namespace of its own as `make test` is: an empty Debian comes from the network.
deb: $(VENV)/.test-ready
	@packaging/system-packages.sh deb
	@packaging/build-deb.sh
	@$(BIN)/python -m pytest -m slow tests/packaging $(ARGS)

soak: $(VENV)/.soak-ready
	@$(BIN)/python -m tests.check --soak $(ARGS)

$(VENV)/.run-ready: $(INPUTS)
	@packaging/system-packages.sh run
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing tillcard into $(VENV) (once)"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.test-ready: $(INPUTS)
	@packaging/system-packages.sh test
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing tillcard and its tests into $(VENV) (once)"
	@$(PIP) install -c constraints.txt -e '.[test,docs]'
	@touch $@ $(VENV)/.run-ready $(VENV)/.docs-ready

$(VENV)/.docs-ready: $(INPUTS)
	@packaging/system-packages.sh run
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing tillcard and mkdocs into $(VENV) (once)"
	@$(PIP) install -c constraints.txt -e '.[docs]'
	@touch $@ $(VENV)/.run-ready

$(VENV)/.soak-ready: $(VENV)/.test-ready
	@echo "installing the coverage-guided fuzzer into $(VENV) (once)"
	@$(PIP) install -c constraints.txt -e '.[test,soak]'
	@touch $@

clean:
	rm -rf $(VENV) .demo .demo-chip build dist site *.egg-info
