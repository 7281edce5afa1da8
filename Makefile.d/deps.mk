# SPDX-License-Identifier: BSD-2-Clause
# What must be installed on the machine: `make deps` for everything, parts of it as other targets need them.

.PHONY: deps
deps:
	$(Q)tools/install-deps all
