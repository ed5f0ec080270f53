/*
 * names: labels, tenants and locations that managers have set, over those of
 * the configuration.
 *
 * The later one wins: a name that was set stands until the configuration gives
 * that object another text than it gave when the name was set. Immutable, shared
 * by atomic reference count.
 */
#ifndef METERX_STORE_NAMES_H
#define METERX_STORE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"

enum name_kind {
	NAME_LABEL = 1, /* of a branch */
	NAME_TENANT,	/* of a branch */
	NAME_LOCATION,	/* of the panel; branch 0 */
};

/* Bytes of UTF-8 without control characters, as in the configuration. */
#define NAME_LABEL_MAX	  64 /* tenants too */
#define NAME_LOCATION_MAX 128

struct name_change {
	uint32_t panel;
	enum name_kind kind;
	uint16_t branch;
	const char *text;	/* NULL: as in the configuration */
	const char *configured; /* what the configuration says now */
};

struct names;

struct names *names_new(void); /* none */
struct names *names_ref(struct names *names);
void names_unref(struct names *names); /* NULL is accepted; any thread */
uint64_t names_revision(const struct names *names);
/* A new object with the changes made and the next revision. */
struct names *names_change(const struct names *names, const struct name_change *changes, size_t n);
/* The text in force: the set one if it stands (above), else configured. */
const char *names_get(const struct names *names, uint32_t panel, enum name_kind kind,
	uint16_t branch, const char *configured);
/* All of them, in order, for storing. False behind the last. */
bool names_item(const struct names *names, size_t at, struct name_change *item);
/* NULL when text (with a null byte behind its length) may be a name, else what is wrong with it. */
const char *names_check(enum name_kind kind, const char *text, size_t length);

#endif
