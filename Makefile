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

# Debian packages, for the two processors that gateways have; ARGS="--python 3.13" for Debian 13.
deb: $(READY)
	$(BIN)/python -m deploy.debian.build --arch amd64 $(ARGS)
	$(BIN)/python -m deploy.debian.build --arch arm64 $(ARGS)

lock-deb: $(READY)
	$(BIN)/python -m deploy.debian.build --lock $(ARGS)

# As root: installs the package into a clean Debian and lives a device's life there.
test-deb: deb
	STEADYHUM_HEAVY=$@ $(BIN)/pytest tests/deploy/test_package.py

.PHONY: deb lock-deb test-deb
