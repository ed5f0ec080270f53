# The tool. cmd_NAME.c is one subcommand.
bin_PROGRAMS += meterx
meterx_SOURCES = \
	agent/ctl/cmd_poll.c \
	agent/ctl/command.h \
	agent/ctl/facts.c agent/ctl/facts.h \
	agent/ctl/hints.c agent/ctl/hints.h \
	agent/ctl/json.c agent/ctl/json.h \
	agent/ctl/meterx.c \
	agent/ctl/poll_json.c \
	agent/ctl/poll_points.c \
	agent/ctl/poll_print.h \
	agent/ctl/poll_text.c
meterx_LDADD = $(AGENT_LIBS)
