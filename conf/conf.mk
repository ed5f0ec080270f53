# Data that is installed as it stands.

profiledir = $(pkgdatadir)/profiles
dist_profile_DATA = \
	conf/profiles/bcpm-map.inc \
	conf/profiles/bcpm.conf \
	conf/profiles/bcpme.conf \
	conf/profiles/bcpmsc.conf
