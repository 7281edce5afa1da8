# SPDX-License-Identifier: BSD-2-Clause
# Measured comparisons. ONLY=name,name picks some, REPEAT=n sets the number of pairs (5); results in $(BUILD)/bench/.

BENCH = $(BUILD)/tests/bench
BENCH_SKELS = $(patsubst tests/bench/bpf/%.bpf.c,$(BENCH)/skel/%.skel.h,$(wildcard tests/bench/bpf/*.bpf.c))
BENCH_OBJS = $(call objs,$(call srcs,tests/bench))

$(BENCH)/bpf/%.bpf.o: tests/bench/bpf/%.bpf.c vmlinux.h
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -c $< -o $@.tmp && $(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

$(BENCH)/skel/%.skel.h: $(BENCH)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp && mv $@.tmp $@

$(BENCH)/%.o: CPPFLAGS += -I$(BENCH)/skel
$(BENCH_OBJS): | $(BENCH_SKELS)

# The core's stages are measured in the bench's own process.
BENCH_CORE = $(filter-out %/main.o,$(DPI_OBJS)) $(POLICY_OBJS) $(BUILD)/tests/lib/frames.o
$(BENCH)/sluice-bench: $(BENCH_OBJS) $(BENCH_CORE) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ -o $@ $(call pkg,$(LIBS_lib) $(LIBS_dpi)) -lm -pthread

.PHONY: bench run-bench bench-caches bench-compare
bench:
	$(need_root)
	$(Q)tools/install-deps build run
	$(Q)$(MAKE) --no-print-directory run-bench

run-bench: $(BINS) $(BENCH)/sluice-bench $(BUILD)/tests/tools/ring-forwarder
	$(Q)ONLY='$(ONLY)' REPEAT='$(REPEAT)' $(BENCH)/sluice-bench

# Instructions and cache misses of a frame in the core, by stage, on simulated caches of this machine's sizes.
bench-caches:
	$(need_root)
	$(Q)tools/install-deps build run caches
	$(Q)$(MAKE) --no-print-directory $(BENCH)/sluice-bench
	$(Q)tools/core-caches $(BUILD)

# OLD=result.json of an earlier run, NEW= another one than the last. Ends with 1 if something has become worse.
bench-compare: $(BENCH)/sluice-bench
	$(if $(OLD),,$(error OLD=FILE is missing: the result.json to compare with))
	$(Q)$(BENCH)/sluice-bench --compare '$(OLD)' '$(or $(NEW),$(BUILD)/bench/result.json)'
