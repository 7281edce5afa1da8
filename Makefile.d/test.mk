# SPDX-License-Identifier: BSD-2-Clause
# The suites, one after the other; each test works in namespaces of its own and leaves nothing behind.
# FILTER='suite/test*' picks tests by criterion's pattern; SLUICED_OPTIONS='--bulk no' goes to every daemon they start.

FILTER ?=
# A test gives the same result twice: the same cases each time here, new ones with `make property` and `make soak`.
TEST_SEED = 1788035046
ASAN_SUITES = $(filter %/unit-suite %/e2e-suite,$(SUITES))
# The core drops its privileges and is then not dumpable, which the leak checker's tracer cannot cope with: leaks are
# looked for in the suites themselves.
ASAN_ENV = ASAN_OPTIONS=abort_on_error=1:detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

.PHONY: test test-programs asan run-tests run-faults run-asan
# Installed first; then make starts anew, with pkg-config and the libraries there.
test:
	$(need_root)
	$(Q)tools/install-deps build run test fuzz
	$(Q)$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) test-programs
	$(Q)failed=0; \
	$(MAKE) --no-print-directory run-tests || failed=1; \
	$(MAKE) --no-print-directory -k -j3 run-faults \
		$(if $(FILTER),,run-property fuzz-short SEED=$(or $(SEED),$(TEST_SEED))) || failed=1; \
	exit $$failed

# Built on all processors, then run in turns.
test-programs: $(BINS) $(TOOLS) $(SUITES) fault-suite

run-tests: test-programs
	$(Q)SLUICE_BUILD=$(BUILD) FILTER='$(FILTER)' tools/run-suites $(SUITES)

# These and the random ports mostly wait for the kernel: side by side, and with fuzzing, which does not.
run-faults: test-programs
	$(Q)SLUICE_BUILD=$(BUILD) FILTER='$(FILTER)' tools/expedite tools/run-suites $(BUILD)/faults/tests/fault-suite

asan:
	$(need_root)
	$(Q)tools/install-deps build run test
	$(Q)$(MAKE) --no-print-directory SANITIZE=1 BUILD=build-asan run-asan

run-asan: $(BINS) $(TOOLS) $(ASAN_SUITES)
	$(Q)$(ASAN_ENV) SLUICE_BUILD=$(BUILD) FILTER='$(FILTER)' tools/run-suites $(ASAN_SUITES)

# The daemon's parts once more, with every call that can fail counted, so that the n-th can be made to fail, and with
# places to die at; see user/lib/fault.h.
FAULT_SUITE = $(BUILD)/tests/fault-suite
FAULT_WRAPPED = bpf_map_update_elem bpf_map_delete_elem bpf_link_create bpf_link_update \
	bpf_link_detach bpf_obj_pin bpf_obj_get
ifeq ($(FAULTS),1)
CPPFLAGS += -DSL_FAULTS
LDFLAGS += $(FAULT_WRAPPED:%=-Wl,--wrap=%)
endif
$(FAULT_SUITE): $(call objs,$(wildcard tests/unit/port_faults*.c) tests/unit/port_lab.c) $(TEST_LIB_OBJS) \
		$(filter-out %/main.o,$(SLUICED_OBJS)) $(PORT_OBJS) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ -o $@ $(call pkg,$(LIBS_lib) $(LIBS_sluiced) criterion) -pthread

# The core with a frame that it dies of and one that it hangs with: user/dpi/decide/fault_point.h.
# Called as the real one: by that name cores are found and counted.
FAULTY_CORE = $(BUILD)/tests/faulty/sluice-dpi
FAULTY_ENGINE = $(BUILD)/tests/faulty/engine.o
$(FAULTY_ENGINE): user/dpi/decide/engine.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CPPFLAGS) -DSL_FAULTS $(CFLAGS) -MMD -c $< -o $@
$(FAULTY_CORE): $(filter-out %/decide/engine.o,$(DPI_OBJS)) $(FAULTY_ENGINE) $(LIB_OBJS)
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ -o $@ $(call pkg,$(LIBS_lib) $(LIBS_dpi)) -pthread
$(BUILD)/tests/e2e-suite: | $(FAULTY_CORE)
-include $(FAULTY_ENGINE:.o=.d)

# The daemon that a user would install next: another version, and programs of other instructions out of the same source.
NEWER = $(BUILD)/newer/sluiced
.PHONY: newer
newer:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/newer VERSION=$(VERSION)-newer BPF_OPT=-O3 $(NEWER)
$(BUILD)/tests/e2e-suite: | newer

.PHONY: fault-suite
fault-suite:
	$(Q)$(MAKE) --no-print-directory FAULTS=1 BUILD=$(BUILD)/faults $(BUILD)/faults/tests/fault-suite
