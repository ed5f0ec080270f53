/* Modbus RTU as the meter's side sees it: the check, lengths of requests, the times of a line. */
#include "config.h"

#include "sim/rtu.h"

#include <stdlib.h>
#include <string.h>

#define FAST_BAUD     19200 /* above it the silence is fixed, see the serial line guide 2.5.1.1 */
#define FAST_SILENCE  0.00175
#define UNPACED_PAUSE 0.002 /* ends what is no whole frame where there is no pace */

uint16_t rtu_crc(const uint8_t *bytes, size_t len)
{
	uint16_t crc = 0xffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
	}
	return crc;
}

bool rtu_good(const uint8_t *frame, size_t len)
{
	uint16_t crc;

	if (len < 4 || len > RTU_MAX)
		return false;
	crc = rtu_crc(frame, len - 2);
	return frame[len - 2] == (crc & 0xff) && frame[len - 1] == crc >> 8;
}

bool rtu_whole(const uint8_t *bytes, size_t len)
{
	size_t wanted = len;

	if (len < 4)
		return false;
	if (bytes[1] >= 1 && bytes[1] <= 6)
		wanted = 8;
	else if (bytes[1] == 17)
		wanted = 4;
	else if (bytes[1] == 15 || bytes[1] == 16)
		wanted = len > 6 ? 9 + (size_t)bytes[6] : 0;
	return len == wanted && rtu_good(bytes, len);
}

const char *rtu_mode(struct rtu_mode *mode, const char *text)
{
	static const struct {
		const char *text;
		int bits;
	} modes[] = { { "8N1", 10 }, { "8E1", 11 }, { "8O1", 11 }, { "8N2", 11 } };
	unsigned long baud;
	char *end;

	baud = strtoul(text, &end, 10);
	if (end == text || *text == '-' || *end != ':' || baud > 4000000)
		return "the speed is not a number up to 4000000";
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(end + 1, modes[i].text))
			continue;
		*mode = (struct rtu_mode){ .baud = (unsigned)baud, .silence = UNPACED_PAUSE };
		strcpy(mode->text, modes[i].text);
		if (!baud)
			return NULL;
		mode->character = modes[i].bits / (double)baud;
		mode->silence = baud > FAST_BAUD ? FAST_SILENCE : 3.5 * mode->character;
		return NULL;
	}
	return "the mode is not 8N1, 8E1, 8O1 or 8N2";
}
