/* channel: see channel.h. */
#include "config.h"

#include "store/channel.h"

#include <stdio.h>

/* number * numerator / denominator to the nearest, halves away from zero; denominator > 0. */
int64_t channel_scale(int64_t number, int64_t numerator, int64_t denominator)
{
	int64_t product = number * numerator;
	int64_t half = product < 0 ? -(denominator / 2) : denominator / 2;

	return (product + half) / denominator;
}

bool channel_rating(const struct channel *channel, int64_t *milliamps)
{
	struct reading rating = snapshot_get(
		channel->snapshot, channel->scope, Q_RATING, channel->channel, channel->now_ms);
	const struct branch_conf *branch;

	if (rating.quality == QUALITY_GOOD) {
		*milliamps = rating.num;
		return true;
	}
	branch = channel->scope == SCOPE_BRANCH
			 ? panel_conf_branch(channel->panel, channel->channel)
			 : NULL;
	if (branch == NULL || branch->rating_ma == 0)
		return false;
	*milliamps = branch->rating_ma;
	return true;
}

static bool channel_has_alarm(const struct channel *channel, enum level level)
{
	const struct rowset *alarms = &channel->snapshot->layout->alarms;
	uint64_t key = ROW_KEY(channel->scope, channel->channel, level);
	uint32_t at = rowset_search(alarms, key, true);

	return at < alarms->n && alarms->keys[at] == key;
}

bool channel_has_alarms(const struct channel *channel)
{
	const struct rowset *alarms = &channel->snapshot->layout->alarms;
	uint32_t at = rowset_search(alarms, ROW_KEY(channel->scope, channel->channel, 0), true);

	return at < alarms->n &&
	       alarms->keys[at] < ROW_KEY(channel->scope, channel->channel + 1u, 0);
}

/* The threshold behind an alarm of this channel, -1 for none. */
static int channel_threshold(const struct channel *channel, const struct profile_alarm *alarm)
{
	const struct profile *profile = channel->snapshot->layout->profile;
	const struct profile_threshold *threshold;

	if (alarm->threshold < 0)
		return -1;
	threshold = &profile->thresholds[alarm->threshold];
	return profile_threshold_find(profile, threshold->scope, channel->channel, threshold->level);
}

bool channel_limit(const struct channel *channel, enum level level, int64_t *limit)
{
	const struct profile *profile = channel->snapshot->layout->profile;
	const struct profile_alarm *alarm = profile_alarm_find(profile, channel->scope, level);
	const struct profile_threshold *threshold;
	struct reading value;
	int64_t rating;
	int place;

	if (alarm == NULL || !channel_has_alarm(channel, level))
		return false;
	place = channel_threshold(channel, alarm);
	if (place < 0)
		return false;
	threshold = &profile->thresholds[place];
	value = snapshot_get(channel->snapshot, SCOPE_THRESHOLD, Q_THRESHOLD, (unsigned)place + 1,
		channel->now_ms);
	if (value.quality != QUALITY_GOOD || (value.num == 0 && threshold->zero_disables))
		return false;
	*limit = value.num;
	if (threshold->unit != THRESHOLD_PERMILLE_OF_RATING)
		return true;
	if (!channel_rating(channel, &rating) || rating <= 0)
		return false;
	*limit = channel_scale(rating, value.num, 1000);
	return true;
}

static const char *branch_label(const struct channel *channel, char *buffer, size_t size)
{
	(void)buffer, (void)size;
	return site_branch_label(channel->site, channel->panel, channel->channel);
}

static const char *mains_label(const struct channel *channel, char *buffer, size_t size)
{
	static const char *const phases[] = { "total", "phase A", "phase B", "phase C", "neutral" };
	unsigned set = (channel->channel - 1) / MAINS_PHASES;
	const char *phase = phases[(channel->channel - 1) % MAINS_PHASES];

	if (channel->snapshot->layout->profile->mains <= 1)
		return phase;
	snprintf(buffer, size, "mains %u %s", set + 1, phase);
	return buffer;
}

static const char *voltage_label(const struct channel *channel, char *buffer, size_t size)
{
	static const char *const measures[VOLTAGE_MEASURES] = { "A-N", "B-N", "C-N", "L-N average",
		"A-B", "B-C", "C-A", "L-L average" };
	const char *measure = measures[(channel->channel - 1) % VOLTAGE_MEASURES];

	if (channel->scope == SCOPE_VOLTAGE)
		return measure;
	snprintf(buffer, size, "alternate %s", measure);
	return buffer;
}

const char *channel_label(const struct channel *channel, char *buffer, size_t size)
{
	static const char *(*const labels[SCOPE_COUNT])(const struct channel *, char *, size_t) = {
		[SCOPE_BRANCH] = branch_label,
		[SCOPE_MAINS] = mains_label,
		[SCOPE_VOLTAGE] = voltage_label,
		[SCOPE_ALT_VOLTAGE] = voltage_label,
	};

	return labels[channel->scope] ? labels[channel->scope](channel, buffer, size) : "";
}
