# `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
TARGET ?= embedded
VARIANT ?= unhealthy
KILLS ?= 4
BIN := .venv/bin
# Compiled modules are kept, beside the environment: a run would compile a thousand of them each time.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(CURDIR)/.venv/pycache
# No module's test uses Hypothesis, whose plugin takes a quarter of a second at the end of a run.
QUICK := -p no:hypothesispytest
MODULES := networking ecr iam ecs codepipeline github-deploy stack prod state cliffs examples
WORKERS ?= 2
MUTATED := networking ecr iam ecs codepipeline github-deploy state prod stack
SHORT := localstack networking ecr iam ecs codepipeline state

.PHONY: help setup demo test lint unit integration localstack localstack-short test-module known-module rehearsal bench bench-runs bench-gateway bench-drill bench-terraform mutate doctor localstack-image localstack-up localstack-down parity clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install all dependencies (on Debian and Ubuntu as root: Docker too)
	@PYTHON=$(PYTHON) scripts/setup

demo: setup ## A push deploys, a bad push rolls back: the drill (VARIANT=unhealthy|crash-at-start|wrong-port|tests-fail|build-fails)
	$(BIN)/pushproof drill --variant $(VARIANT)

test: lint unit integration ## Lint, unit tests, integration tests on the embedded target

lint: setup ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup ## Engines, protocol, services: no Docker, no Terraform
	$(BIN)/pytest tests/unit --numprocesses logical

integration: setup ## One folder for each module, plus the whole stack (TARGET=embedded|localstack|sandbox)
	$(BIN)/pytest tests/integration --target $(TARGET) --numprocesses 2 --dist loadfile --no-loadscope-reorder \
	  --durations 20 --durations-min 10 \
	  $(if $(filter embedded,$(TARGET)),--ignore tests/integration/localstack --ignore tests/integration/parity) \
	  --ignore tests/integration/foreign --ignore tests/integration/container

localstack: setup ## The same tests, and the drill, on a LocalStack container: tox -e localstack
	$(BIN)/tox run -e localstack

localstack-short: setup ## The modules' tests and the drill on a LocalStack container; in full: make localstack
	PUSHPROOF_LOCALSTACK=container $(BIN)/pytest $(addprefix tests/integration/,$(SHORT)) --target localstack \
	  --numprocesses 3 --dist loadfile --no-loadscope-reorder
	PUSHPROOF_LOCALSTACK=container $(BIN)/pushproof drill --target localstack

rehearsal: setup ## The sandbox target against a world in place of AWS, shortened (KILLS=4); in full: tox -e sandbox-rehearsal
	PUSHPROOF_REHEARSAL_KILLS=$(KILLS) PUSHPROOF_REHEARSAL_FAULT_SEEDS=1 \
	  $(BIN)/pytest tests/rehearsal --numprocesses 4 --dist loadgroup \
	  --ignore tests/rehearsal/test_drill.py --ignore tests/rehearsal/test_account.py

test-module: known-module setup ## One module under test: make test-module MODULE=ecs [TARGET=embedded|localstack|sandbox]
	$(BIN)/pushproof test tests/integration/$(MODULE) --target $(TARGET) $(QUICK)

# Before any set-up: a mistyped name should not cost minutes.
known-module:
	@case " $(MODULES) " in *" $(MODULE) "*) ;; *) \
	  echo "MODULE=$(MODULE) is not a module; expected one of: $(MODULES)" >&2; exit 2;; esac

bench-gateway: setup ## The gateway beside moto's server, MiniStack and LocalStack: start-up, requests, Terraform
	$(BIN)/python bench/bench_gateway.py all

bench: setup ## Speed of the engines, at three sizes each
	@set -e; for bench in $(filter-out %_runs.py %_gateway.py %_terraform.py %_drill.py,$(wildcard bench/bench_*.py)); do echo "== $$bench"; $(BIN)/python $$bench; done

bench-runs: setup ## Runs of a module's tests: cold, continued, changed (PARTS="ecr changes bare together forks forks-docker")
	$(BIN)/python bench/bench_runs.py $(PARTS)

bench-drill: setup ## The drill's deployments beside git push, docker build, push and run by hand, and AWS's waits
	$(BIN)/python bench/bench_drill.py

bench-terraform: setup ## Settings of Terraform beside what runs use (PARTS="plan apply reads reattach")
	$(BIN)/python bench/bench_terraform.py $(PARTS)

mutate: setup ## Mistakes in the reference, one at a time, and the suite that has to notice each (SAMPLE=50, WORKERS=2, FLAGS=--resume)
	$(BIN)/pushproof mutate infrastructure/modules infrastructure/environments app/buildspec.yml app/Dockerfile \
	  --pytest "--deselect tests/unit/infrastructure/test_static.py::test_formatted --ignore tests/integration/networking/test_apart.py" \
	  --tests tests/unit/infrastructure $(addprefix --tests tests/integration/,$(MUTATED)) --workers $(WORKERS) \
	  $(if $(SAMPLE),--sample $(SAMPLE)) --threshold 97 --report build/mutation $(FLAGS)

doctor: setup ## List present and missing programs, with a remedy for each missing one
	$(BIN)/pushproof doctor

localstack-image: setup ## Build LocalStack's community services from the package index, for machines that cannot pull its own image
	@$(BIN)/python -m pushproof.targets.localstack.image

# Without the compose plugin, the same container is started directly.
localstack-up: setup ## Start a LocalStack container that stays up; runs with TARGET=localstack use it
	@if docker compose version >/dev/null 2>&1; then \
	  image=$$($(BIN)/python -m pushproof.targets.localstack.standing image) \
	  && LOCALSTACK_IMAGE=$$image docker compose up --detach --wait localstack; \
	else $(BIN)/python -m pushproof.targets.localstack.standing up; fi

localstack-down: setup ## Remove that container
	@if docker compose version >/dev/null 2>&1; then docker compose down --volumes; \
	else $(BIN)/python -m pushproof.targets.localstack.standing down; fi

parity: setup ## Apply every module on embedded and on LocalStack, and compare (docs/targets.md)
	$(BIN)/python -m pushproof.parity --write docs/targets.md

clean: ## Remove leftovers of crashed runs, and build products
	-$(BIN)/pushproof sweep --local
	rm -rf .tox .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
