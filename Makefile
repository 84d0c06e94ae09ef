# Each command sets up what it needs by itself, in .venv and without root.
#   ARGS="..."           more arguments: make test ARGS="-k trigger -x"
#   ENGINE=torch         run the network in PyTorch: make run ENGINE=torch
#   PYTHON=python3.13    another interpreter than the one that scripts/setup would choose

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' Makefile

run: ## listen, and print one JSON line for each keyword detected (without a microphone: in a demo)
	@scripts/setup run
	@exec .venv/bin/kws run --config config.yaml --demo-if-no-microphone \
		$(if $(ENGINE),--set model.engine=$(ENGINE)) $(ARGS)

test: ## run the tests, three at a time: many of them wait for microphones to come back
	@scripts/setup dev
	@exec .venv/bin/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: ## check style, format, types and who imports whom, and the Dockerfile
	@scripts/setup dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/hadolint Dockerfile deploy/Dockerfile

format: ## put the code into shape
	@scripts/setup dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

install-service: ## as root: run kws as a service, from /opt/kws; ARGS=--user: as yours, from here
	@scripts/service install $(ARGS)

uninstall-service: ## stop the service and remove it; ARGS=--user: yours
	@scripts/service uninstall $(ARGS)

image: ## build the container image with docker, podman or buildah; ARGS="--build-arg TRAIN=quick"
	@scripts/image $(ARGS)

test-image: ## as root on Debian, without a container engine: build it and try it; DATA=DIR: train too
	@scripts/test-image

clean: ## remove .venv and everything else that was made here
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help run test lint format install-service uninstall-service image \
	test-image clean
