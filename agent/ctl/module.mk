# The tool. cmd_NAME.c is one subcommand.
bin_PROGRAMS += meterx
meterx_SOURCES = \
	agent/ctl/command.h \
	agent/ctl/meterx.c
meterx_LDADD = $(AGENT_LIBS)
