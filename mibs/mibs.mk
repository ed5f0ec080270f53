# METERX-MIB; configure fills in the root OID (--with-enterprise-oid).

mibsdir = $(datadir)/snmp/mibs
mibs_DATA = mibs/METERX-MIB.txt
