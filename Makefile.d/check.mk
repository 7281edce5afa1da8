# SPDX-License-Identifier: BSD-2-Clause
# What can be verified without running anything: layout, linters, and documentation that is made from the sources.

CHECK_C = $(shell find include user tests -name '*.[ch]' ! -path '*/build/*' | sort)
CHECK_BPF = $(shell find bpf tests -name '*.bpf.[ch]' | sort)
# Without the tests that need skeletons of their own, built by other rules.
CHECK_TIDY = $(filter-out tests/bpf/% tests/bench/%,$(filter %.c,$(CHECK_C)))
CHECK_SH = $(shell grep -lE '^.!.*(bash|sh)$$' -r tools tests .ci 2>/dev/null | sort) $(wildcard tools/completion/*.bash)
CHECK_MAN = $(wildcard docs/man/*.[0-9])
JOBS = $(shell nproc)

.PHONY: check check-format check-tidy check-cppcheck check-shell check-man check-docs format docs
check:
	$(Q)tools/install-deps build check
	$(Q)$(MAKE) --no-print-directory -k check-format check-docs check-shell check-man check-cppcheck check-tidy
	@echo 'check: all clean'

check-format:
	$(call say,FORMAT,'$(words $(sort $(CHECK_C) $(CHECK_BPF))) files')clang-format-14 --dry-run -Werror \
		$(sort $(CHECK_C) $(CHECK_BPF))

check-tidy: $(SKELS) $(TEST_SKELS)
	$(call say,TIDY,'$(words $(CHECK_TIDY)) files')printf '%s\n' $(CHECK_TIDY) | xargs -P $(JOBS) -I{} tools/quiet \
		clang-tidy-14 --quiet --warnings-as-errors='*' {} -- $(CPPFLAGS) -Itests -std=gnu11

# Without the POSIX rules of cppcheck, which take a kick such as sendto(fd, NULL, 0, …) for a null dereference; the
# macros of libraries are spelt out in a file of ours. Without its search for uninitialised values as well: it takes no
# notice of what a function in another file fills in; gcc's, with optimisation, stays.
check-cppcheck:
	$(call say,CPPCHECK,user)cppcheck -q -j $(JOBS) --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability --suppress=missingIncludeSystem \
		--suppress=uninitvar --suppress=legacyUninitvar --suppress=uninitStructMember \
		--library=tools/cppcheck.cfg -Iinclude -Iuser user

check-shell:
	$(call say,SHELL,'$(words $(CHECK_SH)) scripts')shellcheck $(CHECK_SH)

check-man:
	$(call say,MAN,'$(words $(CHECK_MAN)) pages')$(if $(CHECK_MAN),mandoc -Tlint -Wwarning $(CHECK_MAN))

check-docs:
	$(call say,DOCS,'tables and links')tools/check-docs

format:
	$(Q)clang-format-14 -i $(sort $(CHECK_C) $(CHECK_BPF))

# The parts of the documentation that are made from the sources.
docs:
	$(Q)tools/gen-counters-doc > docs/counters.md.tmp && mv docs/counters.md.tmp docs/counters.md
