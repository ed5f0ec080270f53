/*
 * owed: requests on a serial line whose answers may still come.
 *
 * Pure, but for its memory. Nothing in an RTU answer tells which request it is of,
 * only its unit, its function and, of a read, its length; an exception has only the
 * first two. A meter answers in order: any answer to a later request of a unit shows
 * that none of an earlier one will come any more. After a minute none is feared.
 */
#ifndef METERX_MODBUS_OWED_H
#define METERX_MODBUS_OWED_H

#include <stdbool.h>
#include <stdint.h>

#include "modbus/frame.h"

struct owed;

struct owed *owed_new(void);
void owed_free(struct owed *owed);

/* It was not answered, or not so that the answer is known to have come. */
void owed_note(struct owed *owed, const struct frame_request *request, int64_t now_us);
/* Its unit has answered it, or a later one. */
void owed_forget(struct owed *owed, uint8_t unit);

/* What answers the request could be the answer to an older read of as many registers. */
bool owed_alike(const struct owed *owed, const struct frame_request *request, int64_t now_us);
/* An exception could be that of another request than this one. */
bool owed_exception(const struct owed *owed, const struct frame_request *request, int64_t now_us);

#endif
