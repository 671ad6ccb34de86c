# Two commands set everything up and show it working: `make demo` and `make test`.

BIN := .venv/bin
READY := .venv/ready
DATA ?= ../shared/data

# Files where every branch must be tested; a branch that needs root or a broker can only be seen with them.
GATED := $(wildcard $(addprefix tests/edge/test_,framing*.py alarm*.py book.py book_evidence.py commissioning.py config*.py retries.py spool*.py publisher*.py))
COVERED := $(shell [ "$$(id -u)" = 0 ] && PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null && echo 100 || echo 0)

# More workers than cores: many tests wait, for a broker, a sensor or a clock; tests/conftest.py has their order.
# Of one thread each: more threads than cores spin while they wait for one another, seven times as long as they work.
PARALLEL := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest --dist loadfile --no-loadscope-reorder
WORKERS := $(shell expr 2 '*' $$(nproc))
# Those of the broker and the spool compute next to nothing: a tenth of the time that they take.
WAITING_WORKERS := $(shell expr 3 '*' $$(nproc))

# Every worker and every program that a test starts would compile it all again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-learn test busy test-python check coverage models docs attack bench soak lock sbom clean

$(READY): pyproject.toml deploy/setup.sh
	deploy/setup.sh

# PAGE=1 keeps the technician's page open, with the alarm in it.
demo: $(READY)
	$(BIN)/python -m deploy.demo $(if $(PAGE),--page)

# No model at the beginning; of the sample, or of your own recordings list, in which LEAVE_OUT names a condition:
# make demo-learn SEED=1 LEAVE_OUT="1 hp" RECORDING=mine.csv
demo-learn: $(READY)
	$(BIN)/python -m deploy.demo_learning $(if $(SEED),--seed "$(SEED)") \
		$(if $(LEAVE_OUT),--leave-out "$(LEAVE_OUT)") $(if $(RECORDING),--recording "$(RECORDING)")

test: check coverage
	STEADYHUM_SHARED_DATA=$(abspath $(DATA)) $(PARALLEL) -n $(WORKERS) --ignore tests/benchmarks $(GATED:%=--ignore %)
	$(BIN)/pytest tests/benchmarks

# The tests of what may lose, make up or fail to send an alarm, and that they reach its every branch.
coverage: $(READY)
	@[ $(COVERED) = 100 ] || echo "Coverage is measured and not asked for: that takes root and Mosquitto"
	$(PARALLEL) -n $(WAITING_WORKERS) --cov --cov-config=tests/edge/coverage.ini --cov-fail-under=$(COVERED) $(GATED)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

models: $(READY)
	mkdir -p build
	$(BIN)/trainer recordings cwru $(DATA)/cwru -o build/cwru.csv
	$(BIN)/trainer models build/cwru.csv -o exported_models --int8

# The pages that are made from the code; tests fail where one differs.
docs: $(READY)
	$(BIN)/python -m docs.configuration
	$(BIN)/python -m docs.messages
	$(BIN)/python -m docs.asyncapi
	$(BIN)/python -m docs.reference

# Everything side by side, a quarter of an hour; ARGS="path spectrum" for parts, see docs/performance.md.
bench: $(READY)
	$(BIN)/python -m tests.benchmarks $(ARGS)

# Hostile models, manifests, sensors, brokers and recordings, in at most 20 minutes; what passes `make test` in a small form.
attack: $(READY)
	$(BIN)/python -m tests.attack.door
	$(BIN)/python -m tests.attack.manifests --count 1000 --seed 1
	$(BIN)/python -m tests.attack.broker 5
	$(BIN)/python -m tests.attack.sensors
	STEADYHUM_SHARED_DATA=$(abspath $(DATA)) $(BIN)/python -m tests.attack.signal --models "$(if $(filter full,$(ARGS)),*,principal_components)"
	$(BIN)/python -m tests.attack.endless
	$(BIN)/python -m tests.attack.recordings --count $(if $(filter full,$(ARGS)),100000,20000) --seed 1

# Faults for as long as asked for, and the figures that come of it: make soak ARGS="--minutes 60"
soak: $(READY)
	$(BIN)/python -m tests.faults.soak $(ARGS)

# The suite beside eight programs that take the processor; ARGS="--times 10" repeats the tests that wait.
busy: $(READY)
	$(BIN)/python -m tests.busy $(ARGS)

# The suite under another Python, from PATH or a Debian that has it (as root): make test-python PYTHON=3.13;
# ARGS for the script and for pytest: ARGS="--leave-out torch -n 2 tests/edge".
test-python: $(READY)
	$(BIN)/python -m tests.other_python $(PYTHON) $(ARGS)

# The versions that are installed and were tested, with hashes, for each Python: make lock ARGS="--python 3.11"
lock: $(READY)
	$(BIN)/python -m deploy.locking $(ARGS)

# Bills of materials, in CycloneDX: what an edge and a trainer installed from the locks hold.
sbom: $(READY)
	$(BIN)/python -m deploy.locking.bill $(ARGS)

clean:
	rm -rf .venv build dist *.egg-info

# Packages for Debian 12 and 13 and Ubuntu 24.04, for both processors that gateways have; one of them alone:
# make deb ARGS="--python 3.13 --arch arm64". It takes gcc, and gcc-aarch64-linux-gnu for the other processor.
deb: $(READY)
	$(BIN)/python -m deploy.debian.build $(ARGS)

lock-deb: $(READY)
	$(BIN)/python -m deploy.debian.build --lock $(ARGS)

# As root: installs the package into a clean Debian or Ubuntu and lives a device's life there.
test-deb: deb build/roots/cloud-init
	STEADYHUM_HEAVY=$@ $(BIN)/pytest tests/deploy/test_package.py tests/deploy/test_installation.py

# cloud-init's own schema and parser, for the tests of what the cards hold; unpacked, not installed.
CLOUD_INIT := cloud-init python3-jsonschema python3-jinja2 python3-yaml python3-configobj python3-oauthlib \
	python3-requests python3-jsonpatch python3-json-pointer python3-attr python3-pyrsistent python3-markupsafe \
	python3-urllib3 python3-chardet python3-charset-normalizer python3-idna python3-certifi python3-six \
	python3-netifaces python3-serial

build/roots/cloud-init:
	mkdir -p $@.part && cd $@.part && apt-get download -q $(CLOUD_INIT) && for d in *.deb; do dpkg -x $$d .; rm $$d; done
	mv $@.part $@

# The service beside Home Assistant itself, in an environment of its own: 700 MB and minutes, the first time.
# HOMEASSISTANT and HOMEASSISTANT_PYTHON choose others; 2026.3 and later need Python 3.14.
HOMEASSISTANT ?= 2026.2.3
HOMEASSISTANT_PYTHON ?= python3.13

build/homeassistant/$(HOMEASSISTANT):
	$(HOMEASSISTANT_PYTHON) -m venv build/homeassistant
	build/homeassistant/bin/pip install -q --ignore-requires-python homeassistant==$(HOMEASSISTANT) paho-mqtt
	touch $@

test-homeassistant: $(READY) build/homeassistant/$(HOMEASSISTANT)
	STEADYHUM_HEAVY=$@ $(BIN)/pytest tests/homeassistant

.PHONY: test-homeassistant

# The page in a real browser: Debian's Chromium by Playwright, in an environment of its own. PICTURES=docs/pictures
# writes the pictures of the documents anew.
PLAYWRIGHT ?= 1.65.2
AXE ?= 4.14.1

build/page/ready: deploy/setup.sh
	command -v chromium >/dev/null || deploy/setup.sh chromium
	command -v npm >/dev/null || deploy/setup.sh npm
	python3 -m venv build/page/venv
	build/page/venv/bin/pip install -q playwright==$(PLAYWRIGHT)
	cd build/page && npm pack --silent axe-core@$(AXE) && tar xzf axe-core-$(AXE).tgz
	touch $@

test-page: $(READY) build/page/ready
	STEADYHUM_HEAVY=$@ STEADYHUM_PICTURES=$(PICTURES) $(BIN)/pytest tests/page/browser

.PHONY: test-page

# As root: the arm64 package on an emulated processor, against the scores of this one.
test-arm64: deb
	STEADYHUM_HEAVY=$@ $(BIN)/pytest tests/deploy/test_arm64.py

.PHONY: deb lock-deb test-deb test-arm64
