libmeterx_a_SOURCES += \
	agent/store/energy.h \
	agent/store/layout.h \
	agent/store/site.h \
	agent/store/store.h
