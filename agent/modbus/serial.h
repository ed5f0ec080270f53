/*
 * serial: a serial device, opened and set up for Modbus RTU.
 *
 * The only door to libmodbus, which knows how to set up a line: speed, parity,
 * stop bits, raw and non-blocking, RS-485 mode of the kernel. What goes over the
 * line is bus's. No thread, no policy.
 */
#ifndef METERX_MODBUS_SERIAL_H
#define METERX_MODBUS_SERIAL_H

#include "config/conf.h"

struct serial;

/* Nothing is opened yet; conf is not kept. NULL with errno. */
struct serial *serial_new(const struct link_conf *conf);
void serial_free(struct serial *serial); /* NULL is accepted; closes */

/*
 * Open for this process alone. The descriptor (non-blocking), or -errno:
 * -ENOENT no such device, -EACCES no permission, -ENOTTY not a serial device,
 * -EBUSY in use by another, -EOPNOTSUPP no RS-485 mode in its driver.
 */
int serial_open(struct serial *serial);
void serial_close(struct serial *serial);

#endif
