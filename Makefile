# Everything runs in a .venv of its own; a machine needs Python 3.11 or later and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench ibsi ui clean lock

demo: .venv/core
	$(BIN)/voxmine demo voxmine-demo

test: .venv/dev
	$(BIN)/pytest -q -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[bench]"
	$(BIN)/python -m benchmarks.orchestration
	$(BIN)/python -m benchmarks.dicom
	$(BIN)/python -m benchmarks.measuring
	$(BIN)/python -m benchmarks.mining

# How many reference values of the Image Biomarker Standardisation Initiative are met; IBSI_DATA holds `ibsi` and `sts`.
IBSI_DATA ?= ../shared/data
ibsi: .venv/dev
	$(BIN)/python -m benchmarks.ibsi --data $(IBSI_DATA)

ui: .venv/core
	$(BIN)/voxmine ui

# The versions that are tested; resolved anew from pyproject.toml by `make lock`.
.venv/core: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "voxmine needs Python 3.11 or later; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e .
	@touch $@

.venv/dev: .venv/core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[dev,s3]"
	@touch $@

# Without the extra `torch`, whose lock would be longer than all the rest, and those for clusters.
lock: .venv/dev
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra idc --extra onnx --extra postgres --extra s3 --extra bench --extra dev --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header --upgrade -o requirements.lock

clean:
	rm -rf .venv voxmine-demo
