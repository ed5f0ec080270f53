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
#include <fcntl.h>
#include <modbus.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/descriptors.h"
#include "core/util.h"

struct serial {
	char *device;
	modbus_t *context;
	bool rs485;
	bool open;
	bool claimed;
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
	serial->device = xstrdup(conf->device);
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
	free(serial->device);
	free(serial);
}

static int lock(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

/*
 * TIOCEXCL keeps others from opening the device, but not root; the lock also
 * keeps a second daemon away, or a second link to the same device.
 */
static int claim(struct serial *serial, int fd)
{
	int rc = lock(fd);

	if (rc < 0)
		return rc;
	serial->claimed = true;
	return ioctl(fd, TIOCEXCL, NULL) < 0 ? -errno : 0;
}

static int set_up(struct serial *serial)
{
	if (modbus_connect(serial->context) == 0)
		return 0;
	return errno > 0 && errno < MODBUS_ENOBASE ? -errno : -EIO;
}

/* Change something that set_up() changes back, if nobody else uses the line. */
static int unsettle(const struct serial *serial)
{
	int fd = open(serial->device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct termios settings;
	int rc;

	if (fd < 0)
		return -errno;
	rc = lock(fd);
	if (rc == 0 && tcgetattr(fd, &settings) == 0) {
		settings.c_iflag ^= IXON;
		rc = tcsetattr(fd, TCSANOW, &settings) < 0 ? -errno : 0;
	}
	close(fd);
	return rc;
}

/*
 * A pty has no parity. That is an error only if nothing else is changed: not at
 * first, but after somebody who has it open, or was killed.
 */
static int set_up_again(struct serial *serial)
{
	int rc = unsettle(serial);

	return rc < 0 ? rc : set_up(serial);
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
	rc = set_up(serial);
	if (rc == -EINVAL)
		rc = set_up_again(serial);
	if (rc < 0)
		return rc;
	serial->open = true;
	fd = modbus_get_socket(serial->context);
	rc = descriptors_spare(fd) ? claim(serial, fd) : -EMFILE;
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
	if (serial->claimed) /* else it is somebody else's */
		ioctl(modbus_get_socket(serial->context), TIOCNXCL, NULL);
	modbus_close(serial->context);
	serial->open = false;
	serial->claimed = false;
}
