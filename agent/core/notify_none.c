/* notify: a build without libsystemd has nobody to tell. */
#include "config.h"

#include "core/notify.h"

void notify_ready(const char *status)
{
	(void)status;
}

void notify_reloading(const char *status)
{
	(void)status;
}

void notify_stopping(const char *status)
{
	(void)status;
}

int64_t notify_watchdog_ms(void)
{
	return 0;
}

void notify_alive(void)
{
}
