# Manual pages: folders and version are filled in.

MAN_FILL = $(AM_V_GEN)$(MKDIR_P) agent/man && $(SED) -e 's|@VERSION[@]|$(VERSION)|g' \
	-e 's|@sysconfdir[@]|$(sysconfdir)|g' -e 's|@localstatedir[@]|$(localstatedir)|g' \
	-e 's|@pkgdatadir[@]|$(pkgdatadir)|g' -e 's|@docdir[@]|$(docdir)|g'

man_MANS = agent/man/meterx.1 agent/man/meterx-profile.5 agent/man/meterxd.conf.5 \
	agent/man/meterxd.8
EXTRA_DIST += agent/man/meterx.1.in agent/man/meterx-profile.5.in \
	agent/man/meterxd.conf.5.in agent/man/meterxd.8.in
CLEANFILES += $(man_MANS)

agent/man/meterx.1: agent/man/meterx.1.in Makefile
	$(MAN_FILL) $(srcdir)/agent/man/meterx.1.in >$@
agent/man/meterx-profile.5: agent/man/meterx-profile.5.in Makefile
	$(MAN_FILL) $(srcdir)/agent/man/meterx-profile.5.in >$@
agent/man/meterxd.conf.5: agent/man/meterxd.conf.5.in Makefile
	$(MAN_FILL) $(srcdir)/agent/man/meterxd.conf.5.in >$@
agent/man/meterxd.8: agent/man/meterxd.8.in Makefile
	$(MAN_FILL) $(srcdir)/agent/man/meterxd.8.in >$@
