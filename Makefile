# Each target sets up what it needs; `make` alone says what there is.

SWIFT ?= swift
CONFIGURATION := release
BIN := .build/$(CONFIGURATION)/intentd

# Suites (regular expressions over `Target.Suite/test`) that also run under the sanitizers, in debug.
ADDRESS_SUITES := ^(SequentialTests|FormatsTests|PipelineTests|TrainingTests)\.
# Tests of those suites that only repeat or measure what others of them do, or are plain arithmetic: too slow at -O0.
ADDRESS_SKIP := MutationTests|SteadyStateTests|GoldenReferenceTests|EncoderTests/exactness|/speed|OverfitTests|/resumesBitForBit|/resumesInEitherPhase|/learnsWhatIsCertain|/everyCallOnceARound
THREAD_SUITES := ^(PipelineTests|ReplayTests)\.|^TrainingTests\.(ThreadTeamTests|EvaluationTests|TrainerTests/(isDeterministic|keepsTheBestEpoch))

# Debian's packages: what a build needs, and what tests need besides.
BUILD_PACKAGES := pkg-config librdkafka-dev libhiredis-dev libsimdjson-dev libyaml-dev zlib1g-dev libopenblas-dev
TEST_PACKAGES := redis-server
# A test sends clicks with Python's confluent-kafka and redis. It is skipped where they are missing, but not on the build server.
CLIENT_VENV := .build-venv
# Tests of tools/ need PyTorch. They are skipped where it is missing, but not on the build server.
TOOLS_VENV := .build-tools
ifeq ($(CI),true)
TEST_CLIENT := setup-client
TEST_TOOLS := setup-tools
ifneq ($(shell python3 -c 'import ensurepip' 2>/dev/null && echo yes),yes)
TEST_PACKAGES += python3 python3-venv
endif
endif
# Tests against a real broker run where KAFKA_HOME names an unpacked Apache Kafka, or one lies in ../shared/kafka; it needs Java.
ifneq ($(KAFKA_HOME)$(wildcard ../shared/kafka),)
ifeq ($(shell command -v java),)
TEST_PACKAGES += openjdk-17-jre-headless
endif
endif

# `make bench-daemon`: Python packages and the load generator, and what is passed on, such as ARGS='--quick'.
BENCH := .build-bench
BENCH_REQUIREMENTS := Benchmarks/daemon/requirements.txt Benchmarks/peer/requirements.txt
ARGS ?=
# `make quality`: the data sets.
DATA ?= ../shared/data

# Tests that have a long form.
LONG_TESTS := ChaosTests|RedisLossTests|leavingUnderLoad|theBrokerIsKilled|oneSessionIsHuge

SOURCES := Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup setup-test setup-client setup-tools build test test-long test-suite test-address test-thread test-neon test-tools demo bench bench-daemon quality format lint clean

help: ## say what there is
	@echo 'intentd: the next items of every session, a few milliseconds after each click'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

# Installs those of the packages in $(1) that are missing; silent where none is.
define install
	@set -e; missing=; \
	if command -v dpkg-query >/dev/null; then \
	  for package in $(1); do \
	    dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	  done; \
	  test -d /usr/include/c++ || missing="$$missing g++"; \
	fi; \
	if test -n "$$missing"; then \
	  as_root=; \
	  if test "$$(id -u)" != 0; then \
	    command -v sudo >/dev/null || { \
	      echo "These packages are missing, and only root can install them: apt-get install$$missing" >&2; exit 1; }; \
	    as_root=sudo; \
	  fi; \
	  echo "Installing$$missing"; \
	  $$as_root apt-get update -qq; \
	  $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

setup: ## install what a build needs, if anything is missing
	@command -v $(SWIFT) >/dev/null || { \
	  echo 'Swift is missing. Version 6.2 or newer is needed: https://www.swift.org/install/' >&2; exit 1; }
	@version=$$($(SWIFT) --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1); \
	set -- $$version; \
	if test "$$(( $${1:-0} * 100 + $${2:-0} ))" -lt 602; then \
	  echo "Swift $${1:-?}.$${2:-?} is too old. Version 6.2 or newer is needed: https://www.swift.org/install/" >&2; exit 1; \
	fi
	@command -v dpkg-query >/dev/null || { \
	  echo 'This is no Debian or Ubuntu. A build needs the headers of librdkafka, hiredis, simdjson, libyaml, zlib and OpenBLAS;'; \
	  echo 'tests need redis-server. Install them with your package manager if the build misses one.'; }
	$(call install,$(BUILD_PACKAGES))

setup-test: setup
	$(call install,$(TEST_PACKAGES))

setup-client: ## install what the test of a Python client needs, in a folder of its own
	@test -x $(CLIENT_VENV)/bin/python3 || python3 -m venv $(CLIENT_VENV)
	@$(CLIENT_VENV)/bin/python3 -c 'import confluent_kafka, redis' 2>/dev/null || \
	  $(CLIENT_VENV)/bin/python3 -m pip install --quiet -r tools/client/requirements.txt

# Where PyTorch's own index of small CPU wheels is out of reach, the default index has to do.
setup-tools: ## install what the tests of tools/ need, in a folder of its own: PyTorch and others
	@test -x $(TOOLS_VENV)/bin/python3 || python3 -m venv $(TOOLS_VENV)
	@$(TOOLS_VENV)/bin/python3 -c 'import h5py, jsonschema, pandas, pytest, safetensors, torch' 2>/dev/null || { \
	  index=$$(sed -n 's/^--extra-index-url //p' tools/requirements.txt); \
	  grep -v '^--' tools/requirements.txt >$(TOOLS_VENV)/requirements.txt; \
	  $(TOOLS_VENV)/bin/python3 -c "import urllib.request as u; u.urlopen('$$index', timeout=10)" 2>/dev/null || index=; \
	  $(TOOLS_VENV)/bin/python3 -m pip install --quiet --disable-pip-version-check \
	    $${index:+--extra-index-url $$index} -r $(TOOLS_VENV)/requirements.txt; }

build: setup ## build .build/release/intentd, the daemon, and .build/release/intentd-train beside it
	$(SWIFT) build -c $(CONFIGURATION)

test: setup-test $(TEST_CLIENT) $(TEST_TOOLS) test-suite lint test-address test-thread test-neon test-tools ## the whole suite, lint, sanitizers

test-suite:
	SWIFT=$(SWIFT) Tests/run-suite

test-long: setup-test $(TEST_CLIENT) ## the tests on real servers in their long form: 200,000 clicks, a minute of kills, and more
	INTENTD_TEST_LONG=1 $(SWIFT) test -c release --disable-xctest --filter '$(LONG_TESTS)'

test-address:
	$(SWIFT) test --scratch-path .build-asan --sanitize=address --disable-xctest \
	  --filter '$(ADDRESS_SUITES)' --skip '$(ADDRESS_SKIP)'

test-thread:
	$(SWIFT) test --scratch-path .build-tsan --sanitize=thread --disable-xctest --filter '$(THREAD_SUITES)'

# The kernels for ARM, compiled where the headers of a cross compiler are at hand (Debian: libc6-dev-arm64-cross).
test-neon:
	@if ! test -d /usr/aarch64-linux-gnu/include; then \
	  echo 'NEON kernels: not compiled, as libc6-dev-arm64-cross is not installed'; \
	else \
	  clang=$$(dirname "$$(readlink -f "$$(command -v $(SWIFT))")")/clang; \
	  test -x "$$clang" || clang=clang; \
	  for file in Sources/CKernels/*.c Sources/CTraining/*.c; do \
	    $$clang --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include -O2 -Wall -Werror \
	      -ISources/CKernels/include -ISources/CTraining/include -c $$file -o /dev/null || exit 1; \
	  done; \
	  echo 'NEON kernels: compiled'; \
	fi

test-tools: $(TEST_TOOLS)
	@python=$(TOOLS_VENV)/bin/python3; test -x $$python || python=python3; \
	if ! test -d tools/tests; then :; \
	elif $$python -c 'import pytest, torch' 2>/dev/null; then $$python -m pytest -q tools/tests; \
	else echo 'tools/tests: skipped, as pytest and torch are not installed (make setup-tools)'; fi

demo: setup ## a small shop, its clicks and their predictions, live in this terminal
	$(SWIFT) build -c $(CONFIGURATION) --product intentd
	@$(BIN) demo

bench: setup ## measure what the targets speak of
	$(SWIFT) run -c release --package-path Benchmarks

bench-daemon: setup-test $(BENCH)/venv/ready $(BENCH)/loadgen ## the whole daemon with Kafka and Redis, against a worker in Python
	$(SWIFT) build -c release --product intentd
	@$(BENCH)/venv/bin/python Benchmarks/daemon/bench_daemon.py $(ARGS)

$(BENCH)/venv/ready: $(BENCH_REQUIREMENTS)
	@python3 -c 'import ensurepip' 2>/dev/null || { \
	  echo 'Python 3 with its module venv is missing (Debian: apt-get install python3-venv)' >&2; exit 1; }
	python3 -m venv $(BENCH)/venv
	$(BENCH)/venv/bin/pip install -q --disable-pip-version-check $(addprefix -r ,$(BENCH_REQUIREMENTS))
	@touch $@

$(BENCH)/loadgen: $(wildcard Benchmarks/daemon/loadgen/*) | setup
	@mkdir -p $(BENCH)
	$(CC) -O2 -Wall -Wextra -o $@ $(filter %.c,$^) $$(pkg-config --cflags --libs rdkafka) -lpthread -lm

quality: setup ## train on ../shared/data (or DATA=/path), and compare with baselines and PyTorch; takes hours, ARGS='--quick' or '--only daily' minutes
	@python3 -c 'import torch, safetensors' 2>/dev/null || { \
	  echo 'The PyTorch references need: pip install -r tools/requirements.txt' >&2; exit 1; }
	$(SWIFT) build -c release --product intentd
	$(SWIFT) build -c release --product intentd-train
	@python3 tools/quality/quality.py --data $(DATA) $(ARGS)

format: ## format the Swift sources
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

lint: ## complain of Swift sources that are not formatted
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)

clean: ## remove what was built
	rm -rf .build .build-asan .build-tsan .build-bench .build-venv .build-tools Benchmarks/.build
