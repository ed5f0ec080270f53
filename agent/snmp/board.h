/*
 * board: what became of the last write to each panel and each of its thresholds.
 *
 * Of the SNMP thread. Whoever begins a write gets a mark; when a later write to
 * the same has begun meanwhile, the end of the earlier one changes nothing here.
 */
#ifndef METERX_SNMP_BOARD_H
#define METERX_SNMP_BOARD_H

#include <stdint.h>

#include "store/site.h"

/* Values of MxWriteStatus in the MIB. */
enum write_status {
	WRITE_IDLE = 1,
	WRITE_PENDING,
	WRITE_DONE,
	WRITE_FAILED,
};

#define BOARD_PANEL 0 /* key of the panel itself; of a threshold: its ROW_KEY() */

struct board_entry {
	uint32_t panel;
	uint64_t key;
	uint64_t mark;
	enum write_status status;
	int64_t wall_ms; /* when it became so */
	char reason[160];
};

struct board;

struct board *board_new(void);
void board_free(struct board *board); /* NULL is accepted */
/* A write begins: its mark. */
uint64_t board_begin(struct board *board, uint32_t panel, uint64_t key, int64_t wall_ms);
/* It has ended, done or failed; reason is "" when there is nothing to say. */
void board_end(struct board *board, uint64_t mark, enum write_status status, const char *reason,
	int64_t wall_ms);
/* NULL: nothing was written to it; also without a board. */
const struct board_entry *board_find(const struct board *board, uint32_t panel, uint64_t key);
/* Forget panels that are not in the site. */
void board_review(struct board *board, const struct site *site);

#endif
