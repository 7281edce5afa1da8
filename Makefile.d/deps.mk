# SPDX-License-Identifier: BSD-2-Clause
# What must be installed on the machine: `make deps` for everything, parts of it as other targets need them.

# First line of a target that cannot do without: said at once, not after everything has been built.
define need_root
	@[ "$$(id -u)" = 0 ] || { \
		echo 'make $@: it makes network namespaces and loads programs: run it as root' >&2; exit 1; }
endef

.PHONY: deps
deps:
	$(Q)tools/install-deps all
