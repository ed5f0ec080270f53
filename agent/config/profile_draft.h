/*
 * profile_draft: a profile while it is read, with the place of everything in
 * the files, so that every check can say where to look.
 *
 * profile_read.c fills it from the text, profile_check.c judges it as a whole,
 * profile.c makes the final profile of it. Private to these three.
 */
#ifndef METERX_CONFIG_PROFILE_DRAFT_H
#define METERX_CONFIG_PROFILE_DRAFT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/profile.h"
#include "config/syntax.h"

#define DRAFT_FILES_MAX 8

/* Sections that were too wrong to keep: what refers to them is not wrong as well. */
enum draft_lost {
	LOST_BLOCK = 1 << 0,
	LOST_SCALE = 1 << 1,
	LOST_POINT = 1 << 2,
	LOST_THRESHOLD = 1 << 3,
};

struct origin {
	const char *file; /* lives as long as the draft */
	int line;
};

struct draft_point {
	struct point point;
	struct origin origin;
	char name[48]; /* for messages: "branch current" */
};

struct draft_scale {
	struct profile_scale scale;
	struct origin origin;
};

struct draft_block {
	struct profile_block block;
	struct origin origin;
};

struct draft_model {
	struct profile_model model;
	struct origin origin;
};

/* The points of a threshold have its place in the draft + 1 as channel, until it is sorted. */
struct draft_threshold {
	struct profile_threshold threshold;
	struct origin origin;
};

struct draft_alarm {
	struct profile_alarm alarm;
	struct origin origin;
	int threshold_level; /* its threshold is that of this level, -1: none */
};

struct draft_command {
	struct profile_command command;
	struct origin origin;
};

struct draft_ct_layout {
	struct profile_ct_layout ct_layout;
	struct origin origin;
};

struct draft_health {
	struct profile_health health;
	struct origin origin;
};

struct draft_trigger {
	uint16_t reg;
	struct origin origin;
};

#define DRAFT_LIST(type)                                                                           \
	struct {                                                                                   \
		struct type *items;                                                                \
		unsigned n;                                                                        \
	}

struct draft {
	struct problems *problems;
	const char *path;
	bool whole; /* false: a syntax error hides the rest, so what is missing is not reported */
	unsigned lost;		       /* enum draft_lost bits */
	enum word_order order;	       /* of points that do not say */
	cfg_t *files[DRAFT_FILES_MAX]; /* the profile itself, then what it includes */
	unsigned n_files;
	struct profile profile; /* its plain members; the lists are below */
	DRAFT_LIST(draft_model) models;
	DRAFT_LIST(draft_block) blocks;
	DRAFT_LIST(draft_scale) scales;
	DRAFT_LIST(draft_point) points;
	DRAFT_LIST(draft_threshold) thresholds;
	DRAFT_LIST(draft_alarm) alarms;
	DRAFT_LIST(draft_command) commands;
	DRAFT_LIST(draft_ct_layout) ct_layouts;
	DRAFT_LIST(draft_health) health;
	DRAFT_LIST(draft_trigger) triggers;
};

/* A new zeroed item at the end of a list. */
#define DRAFT_ADD(list)                                                                            \
	((list)->items = xrealloc((list)->items, (list)->n + 1, sizeof(*(list)->items)),           \
		memset(&(list)->items[(list)->n], 0, sizeof(*(list)->items)),                      \
		&(list)->items[(list)->n++])

/* Fill the draft from the file at path and those it includes; problems as they are found. */
void profile_read(struct draft *draft, const char *path);
/* What only shows in the whole: overlaps, references, borders of blocks. Resolves no reference. */
void profile_check(struct draft *draft);
void draft_fini(struct draft *draft);

/* Register number as the manual prints it. */
static inline unsigned draft_printed(const struct draft *draft, unsigned reg)
{
	return reg + draft->profile.base;
}

#endif
