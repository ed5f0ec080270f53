/*
 * descriptors: how many files, sockets and the like the process may have open.
 *
 * Nothing in the agent depends on their numbers being small (no select(2), no
 * fd_set of fixed size), so that it takes all it may have. The last of them are
 * kept from links: one meter less is better than a manager, or the event log,
 * without any.
 */
#ifndef METERX_CORE_DESCRIPTORS_H
#define METERX_CORE_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

/* Kept from links: for the master agent, the journal, the log, name lookups. */
#define DESCRIPTORS_RESERVED 32

/* Raise the limit of the process to the highest it may set itself. Returns the limit now in force. */
uint64_t descriptors_raise(void);
/* True when a link may keep fd, which it has just got: it is not one of the last. Any thread. */
bool descriptors_spare(int fd);

#endif
