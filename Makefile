# `make` alone lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup setup-all check static lint lint-ansible lint-all unit unit-half unit-rest unit-all docs test demo demo-down lab-up lab-down molecule vm machines breakers bench fleet-bench siege hr-faults hr-bench

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# Where Python may not write bytecode, each process of pytest makes its own of 140 test files anew: five seconds.
unexport PYTHONDONTWRITEBYTECODE
# Molecule's own folder is named after the checkout's last part, which two checkouts may share.
export MOLECULE_EPHEMERAL_DIRECTORY := $(CURDIR)/.cache/molecule

# The lab is rootful podman: a person with sudo keeps her home, so that keys and caches are found again.
ROOT := $(shell [ "$$(id -u)" -eq 0 ] || echo sudo --preserve-env=HOME,CI,HAECHI_STATE_DIR,HAECHI_DEBIAN_MIRROR,HAECHI_SIEGE env PATH='$(PATH)' ANSIBLE_CONFIG='$(ANSIBLE_CONFIG)')

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: podman, mmdebstrap, uv, the environment
	@.ci/setup

setup-all: ## the same, and what only `make test` needs: a virtual machine's tools, a browser, PostgreSQL
	@.ci/setup all

check: setup ## lint, types, unit and project tests
	@$(MAKE) --no-print-directory -j2 lint unit

static:
	ruff format --check
	ruff check --quiet
	mypy
	haechi validate -i inventories/example

READ := roles playbooks inventories molecule plugins requirements.yml .ansible-lint ansible.cfg uv.lock Makefile
# ansible-lint starts Ansible for each playbook and each folder of a role, which one start of Ansible does as well: a sixth
# of the whole. So it reads the files of the roles here, and the playbooks in `make test` with those of the tests' machines.
# Where all that both read is as it was when they last found nothing, they do not look again, as ruff and mypy do not.
lint: static
	@sum=$$(git ls-files -co --exclude-standard $(READ) | xargs -d '\n' sha256sum 2>/dev/null | sha256sum); \
	if [ "$$sum" = "$$(cat .cache/linted 2>/dev/null)" ]; then echo 'ansible-lint: as before, good'; else \
	    $(MAKE) --no-print-directory lint-ansible && mkdir -p .cache && echo "$$sum" >.cache/linted; fi

lint-ansible:
	ansible-playbook --syntax-check -i inventories/example playbooks/*.yml >/dev/null
	ansible-lint --offline -q $$(git ls-files -co --exclude-standard 'roles/*.yml' 'roles/*.j2' 'inventories/*.yml' requirements.yml)

lint-all: static
	ansible-lint --offline -q

# Two processes, each with its own half, and no third that collects it all for both: that was a tenth of the work.
HALF := tests/unit/grant tests/unit/hr tests/unit/policy tests/unit/review
# Plugins of other tools that these tests do not use take a third of a start of pytest.
QUICK := pytest -q -p no:schemathesis -p no:pytest11.testinfra -p no:xdist --hypothesis-profile=quick -m 'not exhaustive'

unit: unit-half unit-rest

unit-half:
	$(QUICK) $(HALF)

unit-rest:
	$(QUICK) $(HALF:%=--ignore=%) tests/unit tests/project

unit-all:
	pytest -q -n 2 tests/unit tests/project tests/hr

docs: setup ## write each role's README from its argument specs
	python -m haechi.roledoc

molecule: setup ## converge and test on machines; one role: make molecule SCENARIO=firewall
	rm -rf $(MOLECULE_EPHEMERAL_DIRECTORY)
	$(ROOT) env MOLECULE_EPHEMERAL_DIRECTORY=$(MOLECULE_EPHEMERAL_DIRECTORY) \
	    molecule test --no-command-borders $(if $(SCENARIO),-s $(SCENARIO),--all)

lab-up: setup ## stand the lab up
	$(ROOT) haechi lab up -i inventories/lab

lab-down: setup ## remove the lab
	$(ROOT) haechi lab down -i inventories/lab

demo: setup ## a fleet stands up, is hardened, and a leaver is gone
	$(ROOT) haechi demo

demo-down: lab-down ## remove all that the demo made

breakers: setup ## break one control on a machine at a time, on the standing lab; the audit must say so
	$(ROOT) python -m tests.lab.breakers --single

bench: setup ## measure speed on the standing lab, in units of one ping playbook
	$(ROOT) haechi bench -i inventories/lab

fleet-bench: setup ## measure one leaving on a fleet made for it; fewer hosts: make fleet-bench HOSTS=30
	$(ROOT) haechi fleet-bench --hosts $(or $(HOSTS),100)

siege: setup-all ## attack the machines of the tests from outside: what was blocked, and what it cost others
	mkdir -p artifacts && rm -f artifacts/siege.jsonl
	HAECHI_SIEGE=$(CURDIR)/artifacts/siege.jsonl $(MAKE) --no-print-directory -o setup molecule SCENARIO='edge -s firewall -s ids -s vpn'
	python -m tests.siege artifacts/siege.jsonl

hr-faults: setup-all ## kill the HR service at every transition, 50 rounds an engine; again: make hr-faults ROUNDS=5 SEED=7
	python -m tests.hr.faults $(or $(ROUNDS),50) $(SEED)

hr-bench: setup-all ## measure a burst of a thousand leavers on both databases of the HR service
	python -m tests.hr.burst

vm: setup-all ## the roles on a virtual machine that reboots and loses power
	$(ROOT) pytest -q --durations=10 tests/vm

# The virtual machine keeps one processor busy, and Molecule's tests wait for much: beside each other they are shorter.
# What both need is there by then.
# Their output is mixed, and long: what failed is told once more at its end.
machines:
	@mkdir -p .cache; { $(MAKE) --no-print-directory -j2 -o setup -o setup-all molecule vm; echo $$? >.cache/machines.rc; } 2>&1 | tee .cache/machines.log; \
	status=$$(cat .cache/machines.rc); [ "$$status" -eq 0 ] || { echo 'What failed:'; \
	    grep -aE 'fatal: |FAILED|^E  |^ERROR|Executed: .*Failed' .cache/machines.log | cut -c -1500 | tail -n 30; exit "$$status"; }

# The last pytest runs on the lab that the demo left; its closing line ends the run.
test: setup-all lint-all unit-all machines demo ## everything there is, as CI runs it
	@$(ROOT) pytest -q --durations=20 tests/lab tests/browser; status=$$?; $(ROOT) haechi lab down -i inventories/lab >/dev/null; exit $$status
