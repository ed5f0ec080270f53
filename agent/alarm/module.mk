libmeterx_a_SOURCES += \
	agent/alarm/alarm.c agent/alarm/alarm.h \
	agent/alarm/event.c agent/alarm/event.h
