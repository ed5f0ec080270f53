libmeterx_a_SOURCES += \
	agent/store/channel.c agent/store/channel.h \
	agent/store/energy.c agent/store/energy.h \
	agent/store/folder.c agent/store/folder.h \
	agent/store/layout.c agent/store/layout.h \
	agent/store/names.c agent/store/names.h \
	agent/store/persist.c agent/store/persist.h \
	agent/store/site.c agent/store/site.h \
	agent/store/store.c agent/store/store.h
