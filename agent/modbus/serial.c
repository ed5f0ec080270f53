/*
 * serial: see serial.h.
 *
 * libmodbus 3.1.6 reads and writes through select(), waits between bytes rather
 * than for the whole, and takes a late answer for the next one: none of that is
 * used here, only modbus_connect() of its RTU side, which opens and sets up.
 */
#include "config.h"

#include "modbus/serial.h"

#include <errno.h>
#include <modbus.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "core/descriptors.h"
#include "core/util.h"

struct serial {
	modbus_t *context;
	bool rs485;
	bool open;
};

static const char parities[] = {
	[PARITY_NONE] = 'N',
	[PARITY_EVEN] = 'E',
	[PARITY_ODD] = 'O',
};

struct serial *serial_new(const struct link_conf *conf)
{
	struct serial *serial;
	modbus_t *context = modbus_new_rtu(conf->device, (int)conf->baud, parities[conf->parity], 8,
		conf->stop_bits);

	if (context == NULL)
		return NULL;
	modbus_set_error_recovery(context, MODBUS_ERROR_RECOVERY_NONE);
	serial = xcalloc(1, sizeof(*serial));
	serial->context = context;
	serial->rs485 = conf->rs485;
	return serial;
}

void serial_free(struct serial *serial)
{
	if (serial == NULL)
		return;
	serial_close(serial);
	modbus_free(serial->context);
	free(serial);
}

/*
 * TIOCEXCL keeps others from opening the device, but not root; the lock also
 * keeps a second daemon away, or a second link to the same device.
 */
static int claim(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return ioctl(fd, TIOCEXCL, NULL) < 0 ? -errno : 0;
}

static int set_mode(struct serial *serial)
{
	if (!serial->rs485 || modbus_rtu_set_serial_mode(serial->context, MODBUS_RTU_RS485) == 0)
		return 0;
	return errno == ENOTTY || errno == EINVAL ? -EOPNOTSUPP : -errno;
}

int serial_open(struct serial *serial)
{
	int fd;
	int rc;

	serial_close(serial);
	if (modbus_connect(serial->context) < 0)
		return errno > 0 && errno < MODBUS_ENOBASE ? -errno : -EIO;
	serial->open = true;
	fd = modbus_get_socket(serial->context);
	rc = descriptors_spare(fd) ? claim(fd) : -EMFILE;
	if (rc == 0)
		rc = set_mode(serial);
	if (rc == 0 && tcflush(fd, TCIOFLUSH) < 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	serial_close(serial);
	return rc;
}

void serial_close(struct serial *serial)
{
	if (!serial->open)
		return;
	ioctl(modbus_get_socket(serial->context), TIOCNXCL, NULL);
	modbus_close(serial->context);
	serial->open = false;
}
