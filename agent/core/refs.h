/*
 * refs: reference counts that any thread may take and drop.
 *
 * A count starts at 1, the creator's. Whoever gets true from refs_drop() was
 * the last and frees the object.
 */
#ifndef METERX_CORE_REFS_H
#define METERX_CORE_REFS_H

#include <stdbool.h>

static inline void refs_take(int *refs)
{
	__atomic_add_fetch(refs, 1, __ATOMIC_RELAXED);
}

static inline bool refs_drop(int *refs)
{
	return __atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL) == 0;
}

#endif
