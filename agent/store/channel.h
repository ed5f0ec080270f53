/*
 * channel: what is known of one channel of a panel beyond its readings: what it
 * is called, its rating, its limits. Tables, events and texts ask here.
 *
 * Pure. Any thread.
 */
#ifndef METERX_STORE_CHANNEL_H
#define METERX_STORE_CHANNEL_H

#include "store/site.h"

struct channel {
	const struct site *site;
	const struct panel_conf *panel;
	const struct snapshot *snapshot;
	enum scope scope; /* BRANCH, MAINS, VOLTAGE, ALT_VOLTAGE */
	unsigned channel;
	int64_t now_ms; /* monotonic */
};

/* Its label, "" when it has none; may point into buffer. */
const char *channel_label(const struct channel *channel, char *buffer, size_t size);
/* The meter's rating, else the configured one; mA. False: not known. */
bool channel_rating(const struct channel *channel, int64_t *milliamps);
/* The limit of that level as it applies, mA or mV. False: none, switched off, not known. */
bool channel_limit(const struct channel *channel, enum level level, int64_t *limit);
/* It has alarms at all. */
bool channel_has_alarms(const struct channel *channel);
/* A part of a whole in thousandths, rounded half away from zero. */
int64_t channel_scale(int64_t number, int64_t numerator, int64_t denominator);

#endif
