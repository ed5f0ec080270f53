libmeterx_a_SOURCES += \
	agent/snmp/agentx.c agent/snmp/agentx.h \
	agent/snmp/answer.c agent/snmp/answer.h \
	agent/snmp/notification.c agent/snmp/notification.h \
	agent/snmp/notifier.c agent/snmp/notifier.h \
	agent/snmp/stream.c agent/snmp/stream.h \
	agent/snmp/board.c agent/snmp/board.h \
	agent/snmp/columns.c agent/snmp/columns.h \
	agent/snmp/set_items.c agent/snmp/set_items.h \
	agent/snmp/set_news.c agent/snmp/set_news.h \
	agent/snmp/set_part.c agent/snmp/set_part.h \
	agent/snmp/setters.c agent/snmp/setters.h \
	agent/snmp/summary.c agent/snmp/summary.h \
	agent/snmp/table.c agent/snmp/table.h \
	agent/snmp/tables.c agent/snmp/tables.h \
	agent/snmp/tbl_active.c \
	agent/snmp/tbl_agent.c \
	agent/snmp/tbl_alarm.c \
	agent/snmp/tbl_branch.c \
	agent/snmp/tbl_circuit.c \
	agent/snmp/tbl_event.c \
	agent/snmp/tbl_input.c \
	agent/snmp/tbl_link.c \
	agent/snmp/tbl_mains.c \
	agent/snmp/tbl_panel.c \
	agent/snmp/tbl_threshold.c \
	agent/snmp/tbl_voltage.c \
	agent/snmp/view.c agent/snmp/view.h \
	agent/snmp/wire.c agent/snmp/wire.h \
	agent/snmp/write.c agent/snmp/write.h
