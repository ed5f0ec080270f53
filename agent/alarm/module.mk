libmeterx_a_SOURCES += \
	agent/alarm/alarm.h \
	agent/alarm/event.h
