# All the set-up there is: `make demo` to see it work, `make test` to check it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# More than two cores have to do: some tests wait for processes.
JOBS ?= 3
# `make test LOCKED=1`: the very files that .ci/requirements.lock has the hashes of, on Linux, x86-64, CPython 3.11.
LOCKED ?=
LOCKED_PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED_INSTALL = $(LOCKED_PIP) --require-hashes --requirement .ci/requirements.lock && \
	$(LOCKED_PIP) --no-deps --no-build-isolation --editable .

.PHONY: demo test test-oldest test-oldest-torch lint types docs pictures figures clean

demo: $(VENV)/.demo
	$(BIN)/untrained search --space nasbench201 --data digits --budget 10 --out runs/demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

# What matters of it with the oldest Optuna that is supported, beside the other packages as they are.
test-oldest: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .oldest --requirement .ci/oldest.txt
	PYTHONPATH=.oldest $(BIN)/python -m pytest -n $(JOBS) -W ignore::optuna.exceptions.ExperimentalWarning tests/samplers/test_contract.py \
		$(addprefix tests/searching/test_,claims.py faults.py for_optuna.py jobs.py)

# Likewise with the oldest PyTorch, and all that it needs (5 GB). What is not in site-packages counts as the user's code.
test-oldest-torch: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target .oldest-torch/site-packages torch==2.6.0
	PYTHONPATH=.oldest-torch/site-packages $(BIN)/python -m pytest -n $(JOBS) tests/spaces $(addprefix tests/metrics/test_,hand_derived.py inside.py fisher.py) \
		$(addprefix tests/objectives/test_,fitting.py training.py) $(addprefix tests/searching/test_,trained.py weights.py)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/pyright

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -j auto -b html -d docs/_build/doctrees --nitpicky --fail-on-warning --keep-going --quiet docs docs/_build/html

pictures: $(VENV)/.dev
	$(BIN)/python docs/pictures.py

figures: $(VENV)/.dev    # DATA: the folder of the published tables
	$(BIN)/python docs/figures.py --data-dir $(DATA)

$(VENV)/.demo: EXTRA :=
$(VENV)/.test: EXTRA := [test]
$(VENV)/.docs: EXTRA := [docs]
$(VENV)/.dev: EXTRA := [dev]
$(VENV)/.demo $(VENV)/.test $(VENV)/.docs $(VENV)/.dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(if $(LOCKED),$(LOCKED_INSTALL),$(PIP) --editable '.$(EXTRA)')
	touch $@

lock: $(VENV)/.dev
	$(BIN)/python .ci/lock.py

clean:
	rm -rf $(VENV) .oldest .oldest-torch runs docs/_build
