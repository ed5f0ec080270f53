libmeterx_a_SOURCES += \
	agent/alarm/alarm.c agent/alarm/alarm.h \
	agent/alarm/damper.c agent/alarm/damper.h \
	agent/alarm/event.c agent/alarm/event.h \
	agent/alarm/journal.c agent/alarm/journal.h \
	agent/alarm/tell.c agent/alarm/tell.h
