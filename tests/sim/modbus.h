#ifndef SIM_MODBUS_H
#define SIM_MODBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/site.h"

#define PDU_MAX 253

/* Register numbers a request is about; 0 and 0 if it has none or is too short to say. */
void modbus_range(const uint8_t *pdu, size_t len, unsigned *first, unsigned *last);

/*
 * Answer one request PDU for a panel. Returns the length of the answer, at most PDU_MAX. With
 * `keep_out` a good write is answered as done and not done.
 */
size_t modbus_answer(
	struct sim_panel *panel, const uint8_t *pdu, size_t len, uint8_t *answer, bool keep_out);

/* Write as the wire would: all or none. Returns 0 or an exception code. */
int modbus_write(struct sim_panel *panel, unsigned first, const uint16_t *words, unsigned n_words);

#endif
