#ifndef SIM_MAP_H
#define SIM_MAP_H

#include <stdint.h>
#include <stdio.h>

#include "sim/meter.h"

/* Modbus exception codes, as the map's functions return them; 0: well. */
enum { MAP_OK = 0, MAP_NO_ADDRESS = 2, MAP_NO_VALUE = 3, MAP_NO_DEVICE = 4 };

enum map_kind {
	MAP_NONE,
	MAP_INTEGER, /* a measured value x 10^-scale, 16 bits */
	MAP_ENERGY,  /* the same in 32 bits, most significant word first */
	MAP_FLOAT,   /* the true value, most significant word first */
	MAP_WORD,    /* identification, status, counters */
	MAP_SETTING,
	MAP_COMMAND,
	MAP_RESERVED, /* listed without a meaning: reads 0 */
	MAP_SERVICE   /* firmware and EEPROM areas: read 0, writing is refused */
};

enum { MAP_READ = 1, MAP_WRITE = 2 };
enum { MAP_LATE = 8 }; /* beside the models */

/* A run of registers of one kind, as printed in the list: items of `words` registers each. */
struct map_area {
	const char *name;
	uint16_t first, items;
	uint8_t words, kind;
	uint8_t access;
	uint8_t models;	 /* which have it; MAP_LATE: but not with old firmware */
	const void *row; /* of the table for this kind */
};

/* The area a printed register number is in on any firmware, or NULL. */
const struct map_area *map_area(unsigned number);

/* Access on this device; 0: it has no such register. */
unsigned map_access(const struct sim_device *device, unsigned number);

/* One register as the wire gives it. Returns 0 or an exception code. */
int map_read(const struct sim_panel *panel, unsigned number, uint16_t *word);

/* Would this write be taken? Returns 0 or an exception code; nothing changes. */
int map_check_write(const struct sim_panel *panel, unsigned number, uint16_t word);

/* Do a write that was checked. The caller measures afterwards. */
void map_write(struct sim_panel *panel, unsigned number, uint16_t word);

/* Raw overrides: such a register reads this word, whether it is listed or not. */
void map_poke(struct sim_panel *panel, unsigned number, uint16_t word);
void map_unpoke(struct sim_panel *panel, unsigned first, unsigned last);

/* The whole table, one line per area. */
void map_print(FILE *out);

#endif
