#ifndef SIM_RTU_H
#define SIM_RTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTU_MAX 256

/* The check of a frame, low byte first on the wire. */
uint16_t rtu_crc(const uint8_t *bytes, size_t len);

/* Long enough for a frame, and its check is right. */
bool rtu_good(const uint8_t *frame, size_t len);

/* These bytes are one whole request: its length by its function, and its check is right. */
bool rtu_whole(const uint8_t *bytes, size_t len);

/* Speed and character of a line, as "9600:8E1"; 0 baud: as fast as it goes. */
struct rtu_mode {
	unsigned baud;
	char text[4]; /* "8E1" */
	double character; /* seconds each */
	double silence;   /* that ends a frame */
};

/* Returns NULL, or what is wrong. */
const char *rtu_mode(struct rtu_mode *mode, const char *text);

#endif
