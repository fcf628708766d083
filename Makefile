# `make demo` and `make test` are all a newcomer needs. Every target first brings .venv up to the lock.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# LiveKit and Pipecat need protobuf 5 or later, MediaPipe needs protobuf 4: an environment of their own, which holds
# only what differs and finds the rest in .venv.
ADAPTERS       := .venv-adapters
ADAPTERS_STAMP := $(ADAPTERS)/.installed

# Overrides for `make demo`; any subset may be given.
VIDEOS   ?=
PORTRAIT ?=
SPEECH   ?=
OUT      ?= outputs/demo
TESTS    ?= tests
SOAK     ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-adapters soak lint format lock lock-adapters clean .venv .venv-adapters

help:
	@echo "make demo    talking videos -> trained model -> a portrait that speaks (VIDEOS= PORTRAIT= SPEECH= OUT=)"
	@echo "make test    all tests (TESTS=tests/render for a part)"
	@echo "make test-adapters  tests of the LiveKit and Pipecat adapters, in an environment of their own"
	@echo "make soak    an hour of talk in virtual time, and hours of faults (SOAK='clock=wall minutes=480')"
	@echo "make lint    ruff, mypy"
	@echo "make format  rewrite the code in the house format"
	@echo "make lock    resolve the dependencies of pyproject.toml anew into requirements.lock"
	@echo "make lock-adapters  the same for requirements-adapters.lock"
	@echo "make clean   remove the environments, caches and outputs"

# Quoted twice: for the shell and for Hydra, so that paths may hold spaces, commas and brackets.
demo: $(STAMP)
	$(BIN)/python -m scripts.demo \
	  $(if $(VIDEOS),"videos='$(VIDEOS)'") $(if $(PORTRAIT),"portrait='$(PORTRAIT)'") \
	  $(if $(SPEECH),"speech='$(SPEECH)'") "out='$(OUT)'"

# Tests start more than a hundred processes: our modules are compiled once, even where bytecode is forbidden.
test: $(STAMP)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(TESTS)

test-adapters: $(ADAPTERS_STAMP)
	$(ADAPTERS)/bin/python -m pytest tests/adapters

soak: $(STAMP)
	A2M_SOAK=1 $(BIN)/python -m pytest -k hour tests/realtime/test_fault_promises.py tests/realtime/test_endurance.py
	$(BIN)/python -m scripts.soak $(SOAK)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv: $(STAMP)

# A half-installed environment has no stamp and is made again from nothing. pip compiles 20,000 modules on one core;
# what compileall can't compile is meant for another Python.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null || \
	  { echo "error: no Python 3.11 or 3.12 found. Install one, or give it: make PYTHON=<path> ..."; exit 2; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	$(BIN)/python -m compileall -qq -j 0 $(abspath $(VENV))/lib || true
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m scripts.fix_torchaudio
	@touch $@

.venv-adapters: $(ADAPTERS_STAMP)

# The folder of .venv comes after its own in the search path, so its own protobuf wins.
$(ADAPTERS_STAMP): requirements-adapters.lock $(STAMP)
	rm -rf $(ADAPTERS)
	$(BIN)/python -m venv $(ADAPTERS)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$($(ADAPTERS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/rest_of_venv.pth"
	$(ADAPTERS)/bin/pip install --quiet --disable-pip-version-check --no-deps -r requirements-adapters.lock
	@touch $@

# torch comes first and alone: another package's looser requirement would pull its CUDA build.
lock:
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(VENV)-lock/bin/pip install --quiet --disable-pip-version-check 'setuptools>=77' '.[data,speech,ssl,export,cluster,sweep,wandb,sign,devices,serve,dev]'
	{ echo "# Exact versions for Linux x86-64 and Python 3.11, made by \`make lock\`. Other systems: see README."; \
	  $(VENV)-lock/bin/pip freeze --all --exclude audio2motion --exclude pip --exclude wheel | sed 's/+cpu$$//' ; } > requirements.lock
	rm -rf $(VENV)-lock

# What the two extras need beside requirements.lock, or in another version.
lock-adapters: $(STAMP)
	rm -rf $(ADAPTERS)-lock
	$(BIN)/python -m venv $(ADAPTERS)-lock
	grep -vE '^(protobuf|mediapipe|torch|torchaudio)==' requirements.lock > $(ADAPTERS)-lock/constraints.txt
	$(BIN)/python -c 'import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
	  print(*extras["livekit"], *extras["pipecat"], sep="\n")' > $(ADAPTERS)-lock/wanted.txt
	$(ADAPTERS)-lock/bin/pip install --quiet --disable-pip-version-check -c $(ADAPTERS)-lock/constraints.txt -r $(ADAPTERS)-lock/wanted.txt
	{ echo "# What the extras livekit and pipecat need beside requirements.lock, or in another version; made by \`make lock-adapters\`."; \
	  $(ADAPTERS)-lock/bin/pip freeze --all --exclude pip --exclude setuptools | grep -vxFf requirements.lock ; } > requirements-adapters.lock
	rm -rf $(ADAPTERS)-lock

clean:
	rm -rf $(VENV) $(VENV)-lock $(ADAPTERS) $(ADAPTERS)-lock outputs multirun wandb build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
