/*
 * turns: whose turn is it on a line?
 *
 * Used by the thread of a link alone. The longest due goes first. A poll of
 * measurements goes on to its end, for a row is of one moment; late alarm status
 * overtakes it, read for read, so that neither starves the other. Asking a unit that
 * has not said who it is may cost a whole timeout: after one in vain, those who answer
 * have the line as long as it took, if they want it; a unit that is gone is left
 * alone much longer.
 */
#ifndef METERX_MODBUS_TURNS_H
#define METERX_MODBUS_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modbus/poller.h"

/* All zero to begin with. */
struct turns {
	size_t last;	  /* served; the search for the next begins behind it */
	bool overtaken;	  /* by the last request: the long poll under way is next */
	int64_t ask_ms;	  /* until then those that are identified go first */
	int64_t probe_ms; /* until then those that are gone are left alone, if anybody answers */
};

/* There is one that is identified. */
bool turns_somebody_answers(struct poller *const *pollers, size_t n);
/* When the next one of these panels may have the line, INT64_MAX: none. Past: at once. */
int64_t turns_next_ms(const struct turns *turns, struct poller *const *pollers, size_t n);
/* Which of the n panels has its turn now, and for what; n: none. */
size_t turns_choose(struct turns *turns, struct poller *const *pollers, size_t n, int64_t now_ms,
	enum poller_turn *turn);
/* The panel whose alarm status is late, the latest of them; n: none is. */
size_t turns_late_alarm(struct poller *const *pollers, size_t n, int64_t now_ms);
/* A unit that is not identified was asked, and was it in vain. */
void turns_in_vain(struct turns *turns, int64_t begun_ms, int64_t ended_ms);

#endif
