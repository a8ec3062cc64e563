PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/

.PHONY: help app test quick screenshots weights published lint format audit tools

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/'

app: $(VENV)/ready  ## set up, then start the app on http://127.0.0.1:8501; TORCH_INDEX=URL spares the GPU's libraries
	$(RUN)python run_app.py

# What the tests need: all but the audit's.
TESTED := $(VENV)/training $(VENV)/ray $(VENV)/tests

# Three workers on two cores, as a browser, a server or an archive is waited for half of the time;
# tests/workers.py says what stays together.
PYTEST := OMP_NUM_THREADS=1 $(RUN)python -m pytest -n 3 --no-loadscope-reorder

test: $(TESTED) tools  ## set up, then run all tests: about ten minutes on two cores
	$(PYTEST)

quick: $(TESTED)  ## the tests for whoever edits: no browser, no server, no page, no training
	$(PYTEST) -m "not slow"

screenshots: $(TESTED) tools  ## the pictures in docs/, anew from the running app
	$(RUN)python -m pytest tests/browser/take_screenshots.py

weights: $(VENV)/training  ## train the bundles from nothing; the same command goes on after a stop
	$(RUN)python -m train lungs --out runs/lungs --export weights/lungs.pt --test
	$(RUN)python -m train release --plan train/recipes/release.toml

PUBLISHED := train/recipes/published
FIT := $(RUN)python -m train fit --recipe $(PUBLISHED)

published: $(VENV)/training  ## after `make weights`, run the published set-ups: hours on two cores
	$(FIT)/pretrain.toml --backbone vgg19 --rate 1e-4 --out runs/pretrained-vgg19
	for name in densenet121 resnet50 resnet101 inception_v3 legacy_xception \
	  inception_resnet_v2; do \
	  $(FIT)/pretrain.toml --backbone $$name --out runs/pretrained-$$name || exit; done
	$(FIT)/bacterial-viral.toml --out runs/bacterial-viral
	$(RUN)python -m train bottleneck --recipe $(PUBLISHED)/bottleneck.toml --out runs/bottleneck
	$(FIT)/covid19.toml --out runs/covid19
	$(FIT)/covid19.toml --backbone vgg19 --init runs/pretrained-vgg19/best.pt --out runs/covid19-vgg19
	$(FIT)/covid19-within.toml --out runs/covid19-within
	for name in plain small_cnn deeper_cnn; do \
	  $(FIT)/recall.toml --backbone $$name --out runs/recall-$$name && \
	  $(FIT)/recall-augmented.toml --backbone $$name --out runs/recall-augmented-$$name || exit; done
	for name in resnet101 legacy_xception; do \
	  $(FIT)/recall-augmented.toml --backbone $$name --init runs/pretrained-$$name/best.pt \
	    --out runs/recall-augmented-$$name || exit; done
	$(FIT)/vgg19.toml --out runs/vgg19
	for run in bacterial-viral covid19 covid19-vgg19 covid19-within vgg19 \
	  recall-plain recall-small_cnn recall-deeper_cnn recall-augmented-plain \
	  recall-augmented-small_cnn recall-augmented-deeper_cnn recall-augmented-resnet101 \
	  recall-augmented-legacy_xception; do \
	  $(RUN)python -m train evaluate runs/$$run --test && \
	  $(RUN)python -m train shortcuts runs/$$run && \
	  $(RUN)python -m train report runs/$$run || exit; done

lint: $(VENV)/tests  ## check format and lint
	$(RUN)ruff format --check .
	$(RUN)ruff check .

format: $(VENV)/tests  ## format the code
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

# The address of PyTorch's index of wheels for the CPU, or of a folder laid out like one: without a
# GPU the app needs no more, and the install is a third of the size.
TORCH_INDEX ?=

$(VENV)/ready: requirements.txt
	@echo "Setting up in $(VENV), once; several minutes, most of them for PyTorch."
	$(PYTHON) -m venv $(VENV)
	@echo "1 of 2: PyTorch$(if $(TORCH_INDEX), for the CPU from $(TORCH_INDEX),: 5 GB with its libraries for GPUs; without a GPU see TORCH_INDEX in README.md)"
	grep -E '^torch(vision)?==' $< > $(VENV)/torch.txt
	$(RUN)pip install $(if $(TORCH_INDEX),--no-deps --index-url "$(TORCH_INDEX)") -r $(VENV)/torch.txt
	@echo "2 of 2: everything else that the app needs, 1.2 GB"
	$(RUN)pip install --quiet -r $<
	@touch $@

# The rest is installed when a target first asks for it, at versions that go with the app's.
$(VENV)/%: requirements/%.txt $(VENV)/ready
	@echo "Installing requirements/$*.txt"
	$(RUN)pip install --quiet -r requirements.txt -r $<
	@touch $@

audit: $(VENV)/audit  ## bill of materials in build/sbom.json, known weaknesses
	mkdir -p build
	$(RUN)cyclonedx-py environment --output-reproducible --output-file build/sbom.json
	$(RUN)python deploy/audit.py

# What some tests drive; where it cannot be installed they say so and skip.
TOOLS := chromium strace caddy Orthanc storescu dciodvfy
PACKAGES := chromium strace caddy orthanc orthanc-dicomweb dcmtk dicom3tools fonts-dejavu-core
# Orthanc is started by tests alone: a machine that runs systemd is not given a service of it.
tools:
	@for tool in $(TOOLS); do command -v $$tool >/dev/null || lacking=yes; done; [ -z "$$lacking" ] || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	  { command -v Orthanc >/dev/null || [ ! -d /run/systemd/system ] || \
	  systemctl mask --quiet orthanc; } && \
	  apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null; } || \
	  echo "not all of $(TOOLS) are installed: the tests that need them will be skipped"
