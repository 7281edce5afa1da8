# SPDX-License-Identifier: BSD-2-Clause
# The main job on real traffic, explained as it goes. KEEP=1 leaves it up in a shell to look around.

.PHONY: demo
demo:
	$(need_root)
	$(Q)tools/install-deps build run demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)SLUICE_BUILD=$(BUILD) tools/demo
