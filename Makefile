# `make demo` and `make test` do everything from a fresh clone; they need Python 3.11 or later, make, and the package registry.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow check format bench clean

demo: $(READY)  ## answer questions about the demo video, and write HTML reports to demo-out/
	$(BIN)/rewatch demo --out demo-out

PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test: $(READY)  ## run the tests, but for those that take minutes
	$(PYTEST) -m "not slow"

test-slow: $(READY)  ## run the tests that take minutes
	$(PYTEST) -m slow

check: $(READY)  ## lint and type-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=.typing $(BIN)/mypy -p rewatch

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## every claim about speed, each against its peer in the same run
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# ultralytics (AGPL-3.0, optional: nothing is ever imported from it but by the object detector) is here for the demo and the
# tests. It comes without what it declares: torchvision has to be built for the very torch that is here (its CPU build comes
# from elsewhere), and nothing that finds or follows objects imports it; `lap` is what its own tracker, a peer in tests, runs on.
# resemblyzer (a speaker model in its wheel) comes without what it declares too: only its weights are read.
# OpenCV comes twice (two dependencies want the desktop build, two the headless one, and both hold the same module).
# Where the desktop build lacks its system libraries, the headless files are put on top.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "rewatch needs Python 3.11 or later: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[offline,decord,remote,mcp,serve,eval,train,cluster,lance,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps ultralytics ultralytics-thop lap resemblyzer
	$(BIN)/python -c 'import cv2' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --force-reinstall --no-deps opencv-python-headless
	touch $@

clean:
	rm -rf $(VENV) demo-out bench-out build *.egg-info
