libmeterx_a_SOURCES += \
	agent/modbus/bus.c \
	agent/modbus/bus.h \
	agent/modbus/codec.c agent/modbus/codec.h \
	agent/modbus/frame.c agent/modbus/frame.h \
	agent/modbus/job.c agent/modbus/job.h \
	agent/modbus/link.c agent/modbus/link.h \
	agent/modbus/links.c agent/modbus/links.h \
	agent/modbus/news.c agent/modbus/news.h \
	agent/modbus/forecast.c agent/modbus/forecast.h \
	agent/modbus/outlook.c agent/modbus/outlook.h \
	agent/modbus/overload.c agent/modbus/overload.h \
	agent/modbus/pace.c agent/modbus/pace.h \
	agent/modbus/plan.c agent/modbus/plan.h \
	agent/modbus/meter.c agent/modbus/meter.h \
	agent/modbus/poller.c agent/modbus/poller.h agent/modbus/poller_parts.h \
	agent/modbus/poller_comm.c \
	agent/modbus/poller_failure.c \
	agent/modbus/poller_publish.c \
	agent/modbus/poller_writer.c \
	agent/modbus/pollmap.c agent/modbus/pollmap.h \
	agent/modbus/pollset.c agent/modbus/pollset.h \
	agent/modbus/refusal.c agent/modbus/refusal.h \
	agent/modbus/rhythm.c agent/modbus/rhythm.h \
	agent/modbus/timing.c agent/modbus/timing.h \
	agent/modbus/turns.c agent/modbus/turns.h \
	agent/modbus/owed.c agent/modbus/owed.h \
	agent/modbus/resolver.c agent/modbus/resolver.h \
	agent/modbus/serial.c agent/modbus/serial.h \
	agent/modbus/tcp.c agent/modbus/tcp.h \
	agent/modbus/wait.c agent/modbus/wait.h \
	agent/modbus/job_news.c agent/modbus/job_news.h \
	agent/modbus/writer.c agent/modbus/writer.h
