# SPDX-License-Identifier: BSD-2-Clause
# libFuzzer targets, one a file in tests/fuzz, each run for FUZZ_SECONDS from the inputs in tests/fuzz/corpus/<target>.
# What a run finds stays in $(BUILD)/fuzz/<target>/: new inputs in found/, and whatever breaks it as crash-*, leak-*,
# timeout-*; run the target with such a file as its argument to see it again; its words are in log. ONLY=name,name
# picks some. A part of `make test` as well, for TEST_FUZZ_SECONDS each, on all processors.

FUZZ_SECONDS ?= 60
TEST_FUZZ_SECONDS ?= 2
FUZZ = $(BUILD)/fuzz
comma := ,
FUZZ_ALL = $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
FUZZ_TARGETS = $(if $(ONLY),$(filter $(subst $(comma), ,$(ONLY)),$(FUZZ_ALL)),$(FUZZ_ALL))
# No warnings: these files have been compiled with all of gcc's already, and clang's differ.
FUZZ_CFLAGS = -O1 -g -std=gnu11 -w -fno-strict-aliasing -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address
# The core without its main(), and what it stands on, compiled a second time for coverage.
FUZZ_OBJS = $(patsubst $(BUILD)/%,$(FUZZ)/obj/%,$(filter-out %/main.o,$(DPI_OBJS) $(COMPAT_OBJS)) $(POLICY_OBJS) $(LIB_OBJS))

.PHONY: fuzz run-fuzz fuzz-short
fuzz:
	$(Q)tools/install-deps build fuzz
	$(Q)$(MAKE) --no-print-directory run-fuzz

fuzz-short:
	$(Q)$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) run-fuzz FUZZ_SECONDS=$(TEST_FUZZ_SECONDS)

run-fuzz: $(FUZZ_TARGETS:%=fuzz-%)
	$(if $(FUZZ_TARGETS),,$(error no such target in tests/fuzz: $(ONLY)))
	@echo 'fuzz: nothing found in $(FUZZ_SECONDS) s each: $(FUZZ_TARGETS)'

$(FUZZ)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

$(FUZZ)/%/target: $(FUZZ)/obj/tests/fuzz/%.o $(FUZZ_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CLANG) -fsanitize=fuzzer,address $^ -o $@ $(call pkg,$(LIBS_lib) $(LIBS_dpi)) -pthread

.PHONY: $(FUZZ_ALL:%=fuzz-%)
$(FUZZ_ALL:%=fuzz-%): fuzz-%: $(FUZZ)/%/target
	@mkdir -p $(FUZZ)/$*/found
	$(call say,FUZZ,'$* for $(FUZZ_SECONDS) s')$< -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 \
		-verbosity=0 -print_final_stats=1 -artifact_prefix=$(FUZZ)/$*/ $(FUZZ)/$*/found tests/fuzz/corpus/$* \
		>$(FUZZ)/$*/log 2>&1 || { cat $(FUZZ)/$*/log >&2; exit 1; }; \
		sed -n 's/^stat::number_of_executed_units: */           $*: inputs tried: /p' $(FUZZ)/$*/log
