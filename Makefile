PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/

.PHONY: help app test weights lint format browser

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/'

app: $(VENV)/ready  ## set up, then start the app on http://127.0.0.1:8501
	$(RUN)streamlit run streamlit_app.py

test: $(VENV)/ready browser  ## set up, then run all tests
	$(RUN)python -m pytest

weights: $(VENV)/ready  ## train both bundles from nothing: about six hours on two cores
	for name in base all-ages children pneumonia; do \
	  $(RUN)python -m train fit --recipe train/recipes/$$name.toml --out runs/$$name || exit; done
	for name in all-ages pneumonia; do \
	  $(RUN)python -m train shortcuts runs/$$name && \
	  $(RUN)python -m train export runs/$$name --out weights/$$name.pt || exit; done

lint: $(VENV)/ready  ## check format and lint
	$(RUN)ruff format --check .
	$(RUN)ruff check .

format: $(VENV)/ready  ## format the code
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

$(VENV)/ready: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN)pip install --quiet -r requirements.txt
	touch $@

# The browser tests drive Debian's Chromium; where it cannot be installed they say so and skip.
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core \
	  >/dev/null; } || echo "chromium is not installed: the browser tests will be skipped"
