# SPDX-License-Identifier: BSD-2-Clause
# Random ports, taken and given back: 200 of them with `make test`, by themselves with `make property`, and for as long
# as one likes with `make soak`, which also takes a thousand workloads at once. SEED=n makes the same cases again, CASES=n
# as many, ONLY=n one of them, SIDE=workload or host by that side only. SOAK_SECONDS is for the random ports; the thousand
# workloads (SCALE=n) take as long as they take.

CASES ?= 200
SOAK_CASES = $(if $(filter command line environment,$(origin CASES)),$(CASES),5000)
SOAK_SECONDS ?= 3600
SEED ?=
SIDE ?=
SCALE ?= 1000
PROPERTY = tools/expedite tests/property/run --build $(BUILD) $(if $(SEED),--seed $(SEED)) $(if $(SIDE),--side $(SIDE))

.PHONY: property run-property soak run-soak
property:
	$(need_root)
	$(Q)tools/install-deps build run test
	$(Q)$(MAKE) --no-print-directory run-property

# First that it notices what is wrong at all.
run-property: $(BINS)
	$(Q)$(if $(ONLY),,tools/expedite tests/property/run --build $(BUILD) --self-test)
	$(Q)$(PROPERTY) --cases $(CASES) $(if $(ONLY),--only $(ONLY))

soak:
	$(need_root)
	$(Q)tools/install-deps build run test
	$(Q)$(MAKE) --no-print-directory run-soak

run-soak: $(BINS) $(BUILD)/tests/e2e-suite
	$(Q)SLUICE_SCALE=$(SCALE) SLUICE_BUILD=$(BUILD) FILTER='scale/*' tools/run-suites $(BUILD)/tests/e2e-suite
	$(Q)$(PROPERTY) --cases $(SOAK_CASES) --seconds $(SOAK_SECONDS)
