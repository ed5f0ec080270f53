# The tool. cmd_NAME.c is one subcommand.
bin_PROGRAMS += meterx
meterx_SOURCES = \
	agent/ctl/cmd_events.c agent/ctl/cmd_poll.c agent/ctl/cmd_profile.c \
	agent/ctl/command.h \
	agent/ctl/facts.c agent/ctl/facts.h \
	agent/ctl/grid.c agent/ctl/grid.h \
	agent/ctl/hints.c agent/ctl/hints.h \
	agent/ctl/json.c agent/ctl/json.h \
	agent/ctl/meterx.c \
	agent/ctl/poll_json.c \
	agent/ctl/poll_points.c \
	agent/ctl/poll_print.h \
	agent/ctl/poll_text.c \
	agent/ctl/profile_json.c \
	agent/ctl/profile_show.c agent/ctl/profile_show.h
meterx_LDADD = $(AGENT_LIBS)
