/*
 * setters: what a value that a manager sends comes to, for the tables to share.
 *
 * Pure: a setter looks at the row, the profile and the value and says what would
 * have to be done, or why it cannot be. Whether the panel allows it and answers
 * is decided in write.c, by whoever does it. SNMP thread only.
 */
#ifndef METERX_SNMP_SETTERS_H
#define METERX_SNMP_SETTERS_H

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/types.h>

#include <net-snmp/library/snmp.h>

#include "snmp/table.h"

/* A setter of a column, as struct column wants it. */
#define SETTER(name)                                                                               \
	int name(const struct row *row, const struct column *column, const struct wanted *wanted,  \
		struct change *change)

/* A value of a command column; they end with value 0. */
struct command_choice {
	int64_t value;
	enum job_op_kind kind;
	const char *command; /* of the profile, for JOB_COMMAND */
	const char *then;    /* and this, if the profile has it */
	enum write_group group;
};

/* The choice for the row's scope and channel, if the meter has it. */
int set_choice(const struct row *row, const struct command_choice *choices,
	const struct wanted *wanted, struct change *change);

/* A name of the row's panel, or of its branch row->channel. */
int set_name(const struct row *row, enum name_kind kind, const char *configured,
	const struct wanted *wanted, struct change *change);

/* The meter can clear all its latches: by command, or one by one. */
bool profile_clears_latches(const struct profile *profile);

SETTER(set_setting); /* .quantity of the row's scope and channel, of .group */

#endif
