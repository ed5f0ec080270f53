libmeterx_a_SOURCES += \
	agent/snmp/agentx.h \
	agent/snmp/table.h
