libmeterx_a_SOURCES += \
	agent/config/branches.c agent/config/branches.h \
	agent/config/conf.c agent/config/conf.h \
	agent/config/conf_read.c \
	agent/config/csv.c agent/config/csv.h \
	agent/config/field.c agent/config/field.h \
	agent/config/host.c agent/config/host.h \
	agent/config/problem.c agent/config/problem.h \
	agent/config/profile.c agent/config/profile.h \
	agent/config/profile_check.c \
	agent/config/profile_draft.h \
	agent/config/profile_read.c \
	agent/config/quantity.c agent/config/quantity.h \
	agent/config/syntax.c agent/config/syntax.h
