# SPDX-License-Identifier: BSD-2-Clause
# Everything is built into $(BUILD); `make help` lists the targets.

BUILD ?= build
PREFIX ?= /usr/local
LIBEXECDIR ?= $(PREFIX)/libexec/sluice
SYSCONFDIR ?= /etc
UNITDIR ?= /lib/systemd/system
DESTDIR ?=
CC = gcc
CLANG ?= clang
BPFTOOL ?= bpftool
V ?= 0
Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2);)

VERSION := 0.1.0
NL_CFLAGS = $(shell pkg-config --cflags libnl-route-3.0)
CPPFLAGS += $(NL_CFLAGS) -D_GNU_SOURCE -Iinclude -Iuser -I$(BUILD)/skel -DSLUICE_VERSION='"$(VERSION)"' \
	-DSLUICE_LIBEXECDIR='"$(LIBEXECDIR)"' -DSLUICE_SYSCONFDIR='"$(SYSCONFDIR)"'
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -fno-strict-aliasing
ifeq ($(SANITIZE),1)
CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif
BPF_OPT ?= -O2
BPF_CFLAGS = $(BPF_OPT) -g -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror -Iinclude -I. -Ibpf

# Asked late, so that `make deps` can install pkg-config and the libraries in the same run.
pkg = $(shell pkg-config --cflags --libs $(1))
LIBS_lib = libbpf libsystemd inih
LIBS_sluiced = libnl-3.0 libnl-route-3.0 jansson libcurl libcap-ng yaml-0.1
LIBS_dpi = libxdp jansson libcap-ng libndpi yaml-0.1 libseccomp libpcap
LIBS_ctl = jansson yaml-0.1
LIBS_compat = jansson libcap-ng yaml-0.1

# In the order a packet takes.
DPI_STAGES = io decode session inspect policy verdict decide event
srcs = $(foreach d,$(1),$(wildcard $(d)/*.c))
objs = $(patsubst %.c,$(BUILD)/%.o,$(1))
PROGRAMS = datapath hold detour probe
SKELS = $(PROGRAMS:%=$(BUILD)/skel/%.skel.h)
TEST_SKELS = $(patsubst tests/bpf/%.bpf.c,$(BUILD)/skel/%.skel.h,$(wildcard tests/bpf/*.bpf.c))
LIB_OBJS = $(call objs,$(call srcs,user/lib))
PORT_OBJS = $(call objs,$(call srcs,user/netlink user/port))
DPI_OBJS = $(call objs,$(call srcs,user/dpi $(DPI_STAGES:%=user/dpi/%)))
CTL_OBJS = $(call objs,$(call srcs,user/sluicectl))
# Policies as files, and the names of applications in them.
POLICY_OBJS = $(call objs,$(call srcs,user/policyfile))
APPLICATION_OBJ = $(BUILD)/user/dpi/inspect/application.o
# The daemon compiles them.
SLUICED_OBJS = $(call objs,$(call srcs,user/sluiced)) $(POLICY_OBJS) $(APPLICATION_OBJ)
# The existing protocol: a face on the same engine, which is another process.
COMPAT_OBJS = $(call objs,$(call srcs,user/compat))
COMPAT_USES = $(POLICY_OBJS) $(APPLICATION_OBJ) $(LIB_OBJS)
BINS = $(BUILD)/sluiced $(BUILD)/sluice-dpi $(BUILD)/sluice-compat $(BUILD)/sluicectl

TEST_LIB_OBJS = $(call objs,$(call srcs,tests/lib))
TOOLS = $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(wildcard tests/tools/*.c))
SUITES = $(BUILD)/tests/unit-suite $(BUILD)/tests/bpf-suite $(BUILD)/tests/e2e-suite $(BUILD)/tests/evasion-suite

.SECONDARY:
.DELETE_ON_ERROR:

.PHONY: all
all: $(BINS)

.PHONY: help
help:
	@echo 'make            build sluiced, sluice-dpi, sluice-compat and sluicectl into $(BUILD)/'
	@echo 'make demo       install what is missing, build, show the main job on real traffic (root; KEEP=1 leaves it up)'
	@echo 'make test       the same for all tests (root)'
	@echo 'make property   random ports taken and given back: CASES=200 SEED=n ONLY=n (root); a part of make test'
	@echo 'make soak       CASES=5000 of them within SOAK_SECONDS=3600, and 1000 workloads at once (root)'
	@echo 'make test-vm    the tests on the kernels of Debian, in QEMU guests: docs/kernels.md'
	@echo 'make check      format, clang-tidy, cppcheck, shellcheck, documentation tables'
	@echo 'make asan       the tests under the address and undefined-behaviour sanitizers (root)'
	@echo 'make fuzz       what reads foreign bytes, under libFuzzer, FUZZ_SECONDS=60 each'
	@echo 'make bench      measured comparisons, printed as ratios (root)'
	@echo 'make bench-caches  instructions and cache misses of a frame in the core, by stage (root)'
	@echo 'make bench-compare OLD=FILE  the last result beside an earlier one: what has changed, what is noise'
	@echo 'make install    with PREFIX ($(PREFIX)) and DESTDIR'
	@echo 'make vmlinux    regenerate vmlinux.h from the running kernel'
	@echo 'make deps       install the Debian packages needed to build, test and show'
	@echo 'make clean      V=1 shows the commands'

include $(wildcard Makefile.d/*.mk)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.[ch] include/sluice/*.h) vmlinux.h
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -c $< -o $@.tmp && $(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

$(BUILD)/bpf/%.bpf.o: tests/bpf/%.bpf.c $(wildcard bpf/*.h include/sluice/*.h) vmlinux.h
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/skel/%.skel.h: $(BUILD)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp && mv $@.tmp $@

$(call objs,$(filter-out %.bpf.c,$(call srcs,tests/bpf)) $(wildcard tests/e2e/compat*.c)): | $(TEST_SKELS)
$(BUILD)/%.o: %.c | $(SKELS)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(EXTRA) -c $< -o $@

$(BUILD)/tests/%.o: CPPFLAGS += -Itests

$(BUILD)/sluiced: $(SLUICED_OBJS) $(PORT_OBJS) $(LIB_OBJS)
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ -o $@ $(call pkg,$(LIBS_lib) $(LIBS_sluiced))

$(BUILD)/sluice-dpi: $(DPI_OBJS) $(LIB_OBJS)
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ -o $@ $(call pkg,$(LIBS_lib) $(LIBS_dpi)) -pthread

$(BUILD)/sluicectl: $(CTL_OBJS) $(POLICY_OBJS) $(APPLICATION_OBJ) $(LIB_OBJS)
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ -o $@ $(call pkg,$(LIBS_lib) $(LIBS_ctl))

$(BUILD)/sluice-compat: $(COMPAT_OBJS) $(COMPAT_USES)
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ -o $@ $(call pkg,$(LIBS_lib) $(LIBS_compat))

# The suites take every object of the programs but their main().
no_main = $(filter-out %/main.o,$(1))
$(BUILD)/tests/unit-suite: $(call objs,$(call srcs,tests/unit)) $(BUILD)/tests/bench/compare.o $(TEST_LIB_OBJS) $(call no_main,$(SLUICED_OBJS) $(DPI_OBJS) $(COMPAT_OBJS)) $(POLICY_OBJS) $(PORT_OBJS) $(LIB_OBJS)
# The core's lane runs against a kernel of the tests' own, which answers these two calls.
$(BUILD)/tests/unit-suite: LDFLAGS += -Wl,--wrap=sendto,--wrap=getsockopt
$(BUILD)/tests/unit-suite: LIBS_suite = $(LIBS_dpi)
$(BUILD)/tests/bpf-suite: $(call objs,$(filter-out %.bpf.c,$(call srcs,tests/bpf))) $(TEST_LIB_OBJS) $(call no_main,$(SLUICED_OBJS)) $(PORT_OBJS) $(LIB_OBJS)
$(BUILD)/tests/e2e-suite: $(call objs,$(call srcs,tests/e2e)) $(TEST_LIB_OBJS) $(LIB_OBJS)
$(BUILD)/tests/evasion-suite: $(call objs,$(call srcs,tests/evasion)) $(TEST_LIB_OBJS) $(LIB_OBJS)
$(SUITES):
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ -o $@ $(call pkg,$(LIBS_lib) $(LIBS_sluiced) $(LIBS_suite) criterion) -pthread

# Small programs the tests and the bench run as separate processes.
$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ -o $@ -pthread

.PHONY: clean
clean:
	$(Q)rm -rf $(BUILD) build-asan

.PHONY: vmlinux
vmlinux:
	$(Q)tools/regenerate-vmlinux

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
