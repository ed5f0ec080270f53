/* notify: see notify.h. */
#include "config.h"

#include "core/notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "core/clock.h"

/* sd_notify() failing means that nobody listens: nothing to be done about it. */

void notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void notify_reloading(const char *status)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=%s", clock_mono_ms() * 1000,
		status);
}

void notify_stopping(const char *status)
{
	sd_notifyf(0, "STOPPING=1\nSTATUS=%s", status);
}

int64_t notify_watchdog_ms(void)
{
	uint64_t limit_us;

	/* Half of the limit, as sd_watchdog_enabled(3) recommends. */
	return sd_watchdog_enabled(0, &limit_us) > 0 ? (int64_t)(limit_us / 2000) : 0;
}

void notify_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}
