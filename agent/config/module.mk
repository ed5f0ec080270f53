libmeterx_a_SOURCES += \
	agent/config/conf.h \
	agent/config/problem.c agent/config/problem.h \
	agent/config/profile.h \
	agent/config/quantity.c agent/config/quantity.h \
	agent/config/syntax.c agent/config/syntax.h
