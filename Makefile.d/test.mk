# SPDX-License-Identifier: BSD-2-Clause
# The suites, one after the other; each test works in namespaces of its own and leaves nothing behind.
# FILTER='suite/test*' picks tests by criterion's pattern.

FILTER ?=
ASAN_SUITES = $(filter %/unit-suite %/e2e-suite,$(SUITES))
# The core drops its privileges and is then not dumpable, which the leak checker's tracer cannot cope with: leaks are
# looked for in the suites themselves.
ASAN_ENV = ASAN_OPTIONS=abort_on_error=1:detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

.PHONY: test asan run-tests run-asan
# Installed first; then make starts anew, with pkg-config and the libraries there.
test:
	$(need_root)
	$(Q)tools/install-deps build run test
	$(Q)$(MAKE) --no-print-directory run-tests

run-tests: $(BINS) $(TOOLS) $(SUITES)
	$(Q)SLUICE_BUILD=$(BUILD) FILTER='$(FILTER)' tools/run-suites $(SUITES)

asan:
	$(need_root)
	$(Q)tools/install-deps build run test
	$(Q)$(MAKE) --no-print-directory SANITIZE=1 BUILD=build-asan run-asan

run-asan: $(BINS) $(TOOLS) $(ASAN_SUITES)
	$(Q)$(ASAN_ENV) SLUICE_BUILD=$(BUILD) FILTER='$(FILTER)' tools/run-suites $(ASAN_SUITES)
