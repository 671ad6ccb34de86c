# Two commands set everything up and show it working: `make demo` and `make test`.

BIN := .venv/bin
READY := .venv/ready
DATA ?= ../shared/data

.PHONY: demo test check models bench soak lock clean

$(READY): pyproject.toml deploy/setup.sh
	deploy/setup.sh

demo: $(READY)
	$(BIN)/python deploy/demo.py

test: check
	STEADYHUM_SHARED_DATA=$(abspath $(DATA)) $(BIN)/pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv build dist *.egg-info
