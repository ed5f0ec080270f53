/*
 * sim_rig: a meterx-sim process of the test's own and a site that polls it.
 */
#ifndef METERX_TESTS_SIM_RIG_H
#define METERX_TESTS_SIM_RIG_H

#include <sys/types.h>

#include "store/site.h"

struct sim {
	pid_t pid;
	unsigned port;
	char folder[64];
	char control[96];
	struct journal *journal; /* of its sites; NULL: none */
	const char *profiles;	 /* folder of its sites; NULL: that of the sources */
};

/* options: NULL-terminated, after "--listen" and "--control". Ends the test when it does not start. */
void sim_start(struct sim *sim, const char *const *options);
void sim_stop(struct sim *sim);
void sim_tell(const struct sim *sim, const char *command);
/* The answer to a command, cut to size. */
void sim_ask(const struct sim *sim, const char *command, char *answer, size_t size);

/* A site from configuration text in which % stands for the port. */
struct site *rig_site(const struct sim *sim, struct store *store, const struct site *previous,
	const char *text);

/* Wait until the condition holds; false after a generous time. */
#define WAIT_FOR(condition)                                                                        \
	({                                                                                         \
		int tries_ = 0;                                                                    \
		while (!(condition) && ++tries_ < 3000)                                            \
			rig_rest();                                                                \
		tries_ < 3000;                                                                     \
	})
void rig_rest(void); /* 10 ms */

/* From the latest snapshot of a slot. */
enum comm_state rig_comm(struct slot *slot);
struct reading rig_get(struct slot *slot, enum scope scope, enum quantity quantity,
	unsigned channel);

#endif
