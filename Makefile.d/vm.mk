# SPDX-License-Identifier: BSD-2-Clause
# The suites on Debian's own kernels, each in a QEMU guest. KERNELS='6.1 6.12' picks the series, PARTS='bpf.* e2e.modes'
# what of it (tests/vm/parts), GUESTS=2 runs two at a time, FRESH=1 repeats what has passed already, ACCEL=kvm is faster
# where /dev/kvm works. Kernels, what each part said and the table of it all (table.md) are in $(BUILD)/vm/.

KERNELS ?= 6.1 6.12
ACCEL ?= tcg,thread=single
PARTS ?= *
GUESTS ?= 1
FRESH ?=

.PHONY: test-vm run-test-vm
test-vm:
	$(Q)tools/install-deps build run test vm
	$(Q)$(MAKE) --no-print-directory run-test-vm

run-test-vm: $(BINS) $(TOOLS) $(SUITES) $(BENCH)/sluice-bench
	$(Q)SLUICE_BUILD=$(BUILD) KERNELS='$(KERNELS)' ACCEL='$(ACCEL)' PARTS='$(PARTS)' GUESTS='$(GUESTS)' \
		FRESH='$(FRESH)' tests/vm/run
