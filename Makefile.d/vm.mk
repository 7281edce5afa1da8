# SPDX-License-Identifier: BSD-2-Clause
# The suites on Debian's own kernels, each in a QEMU guest. KERNELS='6.1 6.12' picks the series, ACCEL=kvm is faster
# where /dev/kvm works, FILTER='suite/test*' picks tests; kernels and results are in $(BUILD)/vm/.

KERNELS ?= 6.1 6.12
ACCEL ?= tcg,thread=single

.PHONY: test-vm run-test-vm
test-vm:
	$(Q)tools/install-deps build run test vm
	$(Q)$(MAKE) --no-print-directory run-test-vm

run-test-vm: $(BINS) $(TOOLS) $(SUITES)
	$(Q)SLUICE_BUILD=$(BUILD) KERNELS='$(KERNELS)' ACCEL='$(ACCEL)' FILTER='$(FILTER)' tests/vm/run
