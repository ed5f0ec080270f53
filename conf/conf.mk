# Data that is installed as it stands.

profiledir = $(pkgdatadir)/profiles
dist_profile_DATA = \
	conf/profiles/bcpm-map.inc \
	conf/profiles/bcpm.conf \
	conf/profiles/bcpme.conf \
	conf/profiles/bcpmsc.conf

# The sample configuration is installed where none is, and removed if nobody changed it.
EXTRA_DIST += conf/meterxd.conf.in
noinst_DATA = conf/meterxd.conf
CLEANFILES += conf/meterxd.conf
conf/meterxd.conf: conf/meterxd.conf.in Makefile
	$(AM_V_GEN)$(MKDIR_P) conf && $(SED) \
		-e 's|@state_dir[@]|$(localstatedir)/lib/meterx|' \
		-e 's|@profile_dir[@]|$(pkgdatadir)/profiles|' \
		$(srcdir)/conf/meterxd.conf.in >$@

install-data-hook: conf/meterxd.conf
	test -e "$(DESTDIR)$(sysconfdir)/meterx/meterxd.conf" || { \
		$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/meterx" && \
		$(INSTALL_DATA) conf/meterxd.conf "$(DESTDIR)$(sysconfdir)/meterx/meterxd.conf"; }

uninstall-hook:
	! cmp -s conf/meterxd.conf "$(DESTDIR)$(sysconfdir)/meterx/meterxd.conf" || \
		rm -f "$(DESTDIR)$(sysconfdir)/meterx/meterxd.conf"
