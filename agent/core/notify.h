/*
 * notify: tell the service manager how we are (sd_notify(3)). Main thread.
 *
 * Without libsystemd, or when not started by systemd, nothing happens.
 */
#ifndef METERX_CORE_NOTIFY_H
#define METERX_CORE_NOTIFY_H

#include <stdint.h>

/* Each with a line for "systemctl status". */
void notify_ready(const char *status);
void notify_reloading(const char *status);
void notify_stopping(const char *status);
/* How often it wants to hear from us, in ms; 0: never. */
int64_t notify_watchdog_ms(void);
void notify_alive(void);

#endif
