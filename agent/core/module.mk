libmeterx_a_SOURCES += \
	agent/core/clock.c agent/core/clock.h \
	agent/core/confine.c agent/core/confine.h \
	agent/core/descriptors.c agent/core/descriptors.h \
	agent/core/log.c agent/core/log.h \
	agent/core/loop.c agent/core/loop.h \
	agent/core/refs.h \
	agent/core/text.c agent/core/text.h \
	agent/core/util.c agent/core/util.h

libmeterx_a_SOURCES += agent/core/notify.h
if HAVE_SYSTEMD
libmeterx_a_SOURCES += agent/core/notify.c
else
libmeterx_a_SOURCES += agent/core/notify_none.c
endif
