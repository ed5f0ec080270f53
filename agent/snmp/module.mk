libmeterx_a_SOURCES += \
	agent/snmp/agentx.h \
	agent/snmp/table.c agent/snmp/table.h \
	agent/snmp/view.c agent/snmp/view.h
