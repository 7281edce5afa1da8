# SPDX-License-Identifier: BSD-2-Clause
# `make install` and its reverse. The configuration file is a user's: installed when there is none, never overwritten
# and never removed.

SBINDIR = $(PREFIX)/sbin
MANDIR = $(PREFIX)/share/man
COMPLETIONDIR = $(PREFIX)/share/bash-completion/completions
DOCDIR = $(PREFIX)/share/doc/sluice
SYSUSERSDIR ?= /usr/lib/sysusers.d
INSTALL ?= install
MAN_PAGES = $(wildcard docs/man/*.[0-9])
# As in the tree, so that the links between the pages hold.
DOC_FILES = README.md LICENSE LICENSE.GPL-2.0
man_dest = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
CONF = $(DESTDIR)$(SYSCONFDIR)/sluice/sluiced.conf
COMPLETION = $(DESTDIR)$(COMPLETIONDIR)/sluicectl

# The daemon has the folder of the core and of its configuration built in: another PREFIX needs another build.
define check_prefix
	$(Q)grep -aqF '$(LIBEXECDIR)' $(BUILD)/sluiced && grep -aqF '$(SYSCONFDIR)' $(BUILD)/sluiced || { \
		echo '$(BUILD)/sluiced was built for another PREFIX or SYSCONFDIR: make clean, then give the same to both' >&2; \
		exit 1; }
endef

.PHONY: install uninstall
install: all
	$(check_prefix)
	$(Q)$(INSTALL) -D -m 755 $(BUILD)/sluiced $(DESTDIR)$(SBINDIR)/sluiced
	$(Q)$(INSTALL) -D -m 755 $(BUILD)/sluice-compat $(DESTDIR)$(LIBEXECDIR)/sluice-compat
	$(Q)$(INSTALL) -d $(DESTDIR)$(SBINDIR)
	$(Q)ln -sfr $(DESTDIR)$(LIBEXECDIR)/sluice-compat $(DESTDIR)$(SBINDIR)/sluice-compat
	$(Q)$(INSTALL) -D -m 755 $(BUILD)/sluicectl $(DESTDIR)$(SBINDIR)/sluicectl
	$(Q)$(INSTALL) -D -m 755 $(BUILD)/sluice-dpi $(DESTDIR)$(LIBEXECDIR)/sluice-dpi
	$(Q)$(INSTALL) -d $(DESTDIR)$(UNITDIR)
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|g' dist/sluiced.service > $(DESTDIR)$(UNITDIR)/sluiced.service
	$(Q)chmod 644 $(DESTDIR)$(UNITDIR)/sluiced.service
	$(Q)$(INSTALL) -D -m 644 dist/sluice.sysusers $(DESTDIR)$(SYSUSERSDIR)/sluice.conf
	$(Q)$(INSTALL) -d $(DESTDIR)$(SYSCONFDIR)/sluice
	$(Q)[ -e $(CONF) ] || { sed 's|/usr/local/libexec/sluice|$(LIBEXECDIR)|' dist/sluiced.conf > $(CONF) && \
		chmod 644 $(CONF); }
	$(Q)$(foreach page,$(MAN_PAGES),$(INSTALL) -D -m 644 $(page) $(call man_dest,$(page)) &&) true
	$(Q)[ ! -e tools/completion/sluicectl.bash ] || $(INSTALL) -D -m 644 tools/completion/sluicectl.bash $(COMPLETION)
	$(Q)$(INSTALL) -d $(DESTDIR)$(DOCDIR)/docs
	$(Q)$(INSTALL) -m 644 $(DOC_FILES) $(DESTDIR)$(DOCDIR)
	$(Q)$(INSTALL) -m 644 $(wildcard docs/*.md) $(DESTDIR)$(DOCDIR)/docs

uninstall:
	$(Q)rm -f $(DESTDIR)$(SBINDIR)/sluiced $(DESTDIR)$(SBINDIR)/sluice-compat $(DESTDIR)$(SBINDIR)/sluicectl $(DESTDIR)$(LIBEXECDIR)/sluice-dpi $(DESTDIR)$(LIBEXECDIR)/sluice-compat \
		$(DESTDIR)$(UNITDIR)/sluiced.service $(DESTDIR)$(SYSUSERSDIR)/sluice.conf $(COMPLETION) \
		$(foreach page,$(MAN_PAGES),$(call man_dest,$(page)))
	$(Q)rm -rf $(DESTDIR)$(DOCDIR)
	$(Q)[ ! -d $(DESTDIR)$(LIBEXECDIR) ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(LIBEXECDIR)
