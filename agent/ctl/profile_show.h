/*
 * profile_show: a profile and its read plans, as text for people and as JSON.
 *
 * profile_show.c holds the text and what both forms share, profile_json.c the JSON.
 */
#ifndef METERX_CTL_PROFILE_SHOW_H
#define METERX_CTL_PROFILE_SHOW_H

#include <stdio.h>

#include "config/profile.h"
#include "ctl/json.h"
#include "modbus/plan.h"

/* One profile as the caller wants to see it. */
struct profile_show {
	const struct profile *profile;
	struct plan_want want;
	const char *model; /* "" when the profile has none */
};

void profile_show_text(const struct profile_show *show, FILE *out);
void profile_show_json(const struct profile_show *show, FILE *out);

/* Lines whose times are shown; the first also decides the plan. */
struct show_line {
	const char *title, *key;
	uint32_t baud; /* 0: TCP */
};
#define SHOW_LINES 3
extern const struct show_line show_lines[SHOW_LINES];
struct plan_line show_line(unsigned line);

/* Sets of classes that fall due together. */
struct show_set {
	const char *name;
	unsigned classes;
};
#define SHOW_SETS 5
extern const struct show_set show_sets[SHOW_SETS];
struct plan *show_plan(
	const struct profile_show *show, unsigned classes, const struct plan_line *line);

/* The model has the point, in the encoding wanted. Points of thresholds are shown with them. */
bool show_has_point(const struct profile_show *show, const struct point *point);
const struct point *show_threshold_point(
	const struct profile *profile, unsigned threshold, enum quantity quantity);
const char *show_threshold_unit(enum threshold_unit unit);
/* "A B C" */
void show_models(const struct profile *profile, uint8_t models, char *text, size_t size);
/* Member "models" of the innermost object. */
void show_json_models(struct json *json, const struct profile *profile, uint8_t models);

/* Last register of a point, PDU address. */
static inline unsigned show_point_end(const struct point *point)
{
	return point->reg + (point->count - 1u) * point->stride + point->words - 1u;
}

/* Register as the manual prints it. */
static inline unsigned show_printed(const struct profile *profile, unsigned reg)
{
	return reg + profile->base;
}

#endif
