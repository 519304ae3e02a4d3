# Needs git and make; `make setup` gets the rest. `make help` lists what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Tests start thousands of short Python processes: what those import is compiled once, not by each.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
SYSTEM := systems/quantum_queue
REPORTS := reports
PYTEST_ARGS ?=
# Too long for a gate, short enough for every change; the page's are skipped without `make browser`.
LONG_TRIALS := test_p2_web_page.py test_p2_upkeep.py test_p2_bad_days.py test_p2_crashes.py \
    test_p2_api.py::test_a_property_based_tester_finds_nothing \
    test_p2_attempts.py::test_a_reader_with_a_slow_way_to_the_database_sees_no_status_without_its_entry \
    test_p2_attempts.py::test_a_worker_that_wakes_up_too_late_changes_nothing \
    test_p2_attempts.py::test_after_three_killed_attempts_a_task_fails_and_is_a_dead_letter \
    test_p2_recovery.py::test_a_slow_way_to_the_database_only_makes_it_slower \
    test_p2_circuits.py::test_attacks_are_answered_and_their_neighbours_complete
# As much of the crashes as every change can bear; `make long` has all of it.
SOME_CRASHES := TEST_CRASH_ROUNDS=5 TEST_OUTAGE_SECONDS=5

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## .venv with Seatrial and the quantum task queue in it (installs Python if it must and may)
	@scripts/setup.sh

.PHONY: provision
provision: setup ## PostgreSQL and RabbitMQ through apt, where they are missing
	@$(BIN)/seatrial provision --yes $(SYSTEM) </dev/null

.PHONY: servers
servers: setup ## the servers of all kinds likewise, for the tests
	@$(BIN)/seatrial provision --all --yes </dev/null

.PHONY: browser
browser: setup ## Chromium through apt, and what drives it: for the trials of the queue's web page
	@scripts/browser.sh

.PHONY: demo
demo: provision ## the quantum task queue on real servers, validated from end to end, with a report
	@rm -rf $(REPORTS)/demo
	@code=0; $(BIN)/seatrial run $(SYSTEM) --report-dir $(REPORTS)/demo </dev/null || code=$$?; \
	if [ -e $(REPORTS)/demo/report.html ]; then \
	    echo "demo: the report is $(CURDIR)/$(REPORTS)/demo/report.html"; \
	    echo "demo: beside it report.json, junit.xml and summary.md"; \
	fi; \
	exit $$code

.PHONY: test
test: servers ## the library's tests, the queue's own tests, and its trials on real servers
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long and not install and not engine" $(PYTEST_ARGS) </dev/null
	cd $(SYSTEM) && ../../$(BIN)/python -m pytest tests $(PYTEST_ARGS) </dev/null
	$(BIN)/seatrial run $(SYSTEM) --report-dir $(REPORTS)/test </dev/null
	TEST_LONG=1 $(SOME_CRASHES) $(BIN)/python -m pytest $(addprefix $(SYSTEM)/trials/,$(LONG_TRIALS)) $(PYTEST_ARGS) </dev/null

.PHONY: check
check: setup ## ruff, mypy strict, and the layers of the house
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cd $(SYSTEM) && ../../$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: long
long: servers ## the tests that take minutes
	$(BIN)/python -m pytest --timeout 1800 -m "long and not install and not engine" $(PYTEST_ARGS) </dev/null
	TEST_LONG=1 API_REPLICAS=2 WORKER_REPLICAS=4 DRAIN_SECONDS=3 \
	    $(BIN)/python -m pytest $(SYSTEM)/trials $(PYTEST_ARGS) </dev/null

.PHONY: engine
engine: setup ## Debian's container engine through apt, where none can be had: for compose-test, in CI
	@scripts/engine.sh

.PHONY: compose-test
compose-test: setup ## tests that need a container engine (dockerd and Compose, as root; else your own)
	$(BIN)/python -m pytest --timeout 1800 -m engine tests/compose $(PYTEST_ARGS) </dev/null

.PHONY: bench
bench: provision ## the benchmarks; what they measured before is in benchmarks/README.md
	@$(BIN)/python -c 'import celery, testcontainers' 2>/dev/null || { \
	    echo "bench: installing Celery, testcontainers and what they need into .venv, to measure against"; \
	    $(BIN)/python -m pip install --quiet --no-deps -r requirements/optional/bench.txt; }
	$(BIN)/python -m benchmarks

.PHONY: install-test
install-test: setup ## make demo and CI on fresh machines made with debootstrap (needs root; takes an hour)
	$(BIN)/python -m pytest --timeout 3600 -m install tests/install $(PYTEST_ARGS) </dev/null

.PHONY: pins
pins: setup ## renew requirements
	$(BIN)/python scripts/pin.py

.PHONY: clean
clean: ## caches, reports and built packages; runs' evidence (.seatrial) and .venv stay
	rm -rf $(REPORTS) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests systems benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: distclean
distclean: clean ## and .venv
	rm -rf .venv
