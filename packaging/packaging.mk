# Service files and scripts.

EXTRA_DIST += .ci/run packaging/check.sh packaging/coverage.sh packaging/demo.sh packaging/setup.sh \
	packaging/systemd/meterxd.service.in packaging/systemd/meterx.sysusers.conf \
	conf/snmpd-meterx.conf.in conf/snmptrapd-meterx.conf.in
AM_DISTCHECK_CONFIGURE_FLAGS = --with-systemdsystemunitdir='$$dc_install_base/lib/systemd/system'

# What the suite reaches, in a folder configured with --enable-coverage.
.PHONY: coverage
coverage:
	-$(MAKE) $(AM_MAKEFLAGS) -k check
	$(srcdir)/packaging/coverage.sh $(abs_builddir)

FILL_IN = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) \
	-e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	-e 's|@MX_OID[@]|$(MX_OID)|g'

doc_DATA = conf/snmpd-meterx.conf conf/snmptrapd-meterx.conf
CLEANFILES += $(doc_DATA) packaging/systemd/meterxd.service
conf/snmpd-meterx.conf: conf/snmpd-meterx.conf.in Makefile
	$(FILL_IN) $(srcdir)/conf/snmpd-meterx.conf.in >$@

conf/snmptrapd-meterx.conf: conf/snmptrapd-meterx.conf.in Makefile
	$(FILL_IN) $(srcdir)/conf/snmptrapd-meterx.conf.in >$@

packaging/systemd/meterxd.service: packaging/systemd/meterxd.service.in Makefile
	$(FILL_IN) $(srcdir)/packaging/systemd/meterxd.service.in >$@

if INSTALL_UNIT
systemdunitdir = $(systemdsystemunitdir)
systemdunit_DATA = packaging/systemd/meterxd.service
sysusersdir = $(prefix)/lib/sysusers.d
install-data-local: install-sysusers
uninstall-local: uninstall-sysusers
endif

install-sysusers:
	$(MKDIR_P) "$(DESTDIR)$(sysusersdir)"
	$(INSTALL_DATA) $(srcdir)/packaging/systemd/meterx.sysusers.conf \
		"$(DESTDIR)$(sysusersdir)/meterx.conf"

uninstall-sysusers:
	rm -f "$(DESTDIR)$(sysusersdir)/meterx.conf"
