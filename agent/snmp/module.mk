libmeterx_a_SOURCES += \
	agent/snmp/agentx.c agent/snmp/agentx.h \
	agent/snmp/answer.c agent/snmp/answer.h \
	agent/snmp/table.c agent/snmp/table.h \
	agent/snmp/view.c agent/snmp/view.h
