/*
 * forecast: see forecast.h.
 *
 * The share of the line that is taken when no panel is polled more often than every
 * so often falls as that interval grows: it is found by halving.
 */
#include "config.h"

#include "modbus/forecast.h"

#define LONGEST_MS (24u * 3600 * 1000)
#define MILLION	   1000000.0

/* Poll intervals are whole milliseconds, shares of the line a double: no rounding matters. */
static double per_ms(uint64_t us, uint32_t interval_ms)
{
	return (double)us / 1000 / interval_ms;
}

static uint32_t longer(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Measurements and settings, when none is polled more often than every least_ms. */
static double bulk_share(const struct forecast_panel *panels, size_t n, uint32_t least_ms)
{
	double share = 0;

	for (size_t i = 0; i < n; i++)
		share += per_ms(panels[i].fast.us, longer(panels[i].poll_ms, least_ms)) +
			 per_ms(panels[i].slow_us, longer(panels[i].slow_poll_ms, least_ms));
	return share;
}

/* Alarm polls between those that come with measurements. */
static double alarm_share(const struct forecast_panel *panels, size_t n, uint32_t least_ms)
{
	double share = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t interval_ms = longer(panels[i].poll_ms, least_ms);

		if (panels[i].alarm_poll_ms < interval_ms)
			share += per_ms(panels[i].alarm.us, panels[i].alarm_poll_ms) -
				 per_ms(panels[i].alarm.us, interval_ms);
	}
	return share;
}

/* What alarm polls get at the most: read for read with the measurements. */
static double alarm_limit(const struct forecast_panel *panels, size_t n)
{
	double alarm_us = 0, bulk_us = 0, alarm_reads = 0, bulk_reads = 0;

	for (size_t i = 0; i < n; i++) {
		alarm_us += (double)panels[i].alarm.us;
		alarm_reads += panels[i].alarm.reads;
		bulk_us += (double)panels[i].fast.us;
		bulk_reads += panels[i].fast.reads;
	}
	if (alarm_reads == 0 || bulk_reads == 0)
		return 1;
	alarm_us /= alarm_reads;
	bulk_us /= bulk_reads;
	return alarm_us / (alarm_us + bulk_us);
}

static double whole_share(
	const struct forecast_panel *panels, size_t n, double limit, uint32_t least_ms)
{
	double alarms = alarm_share(panels, n, least_ms);

	return bulk_share(panels, n, least_ms) + (alarms < limit ? alarms : limit);
}

static uint32_t find_least_ms(const struct forecast_panel *panels, size_t n, double limit)
{
	uint32_t low = 0, high = LONGEST_MS;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (whole_share(panels, n, limit, middle) > 1)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Alarm polls that get less than they ask for are that much further apart. */
static uint32_t find_alarm_ms(
	const struct forecast_panel *panels, size_t n, double limit, uint32_t least_ms)
{
	double asked = alarm_share(panels, n, least_ms);
	uint32_t slowest_ms = 0;

	for (size_t i = 0; i < n; i++)
		if (panels[i].alarm.us > 0)
			slowest_ms = longer(slowest_ms, panels[i].alarm_poll_ms);
	return asked > limit ? (uint32_t)(slowest_ms * (asked / limit) + 0.5) : 0;
}

void forecast_line(struct forecast_panel *panels, size_t n, struct forecast *forecast)
{
	double limit = alarm_limit(panels, n);
	double load = bulk_share(panels, n, 0) + alarm_share(panels, n, 0);
	double round_us = 0;

	*forecast = (struct forecast){ 0 };
	for (size_t i = 0; i < n; i++)
		round_us += (double)panels[i].fast.us;
	forecast->round_ms = (uint32_t)(round_us / 1000 + 0.5);
	forecast->load_permille = load < MILLION ? (uint32_t)(load * 1000 + 0.5) : UINT32_MAX;
	if (load > 1) {
		forecast->least_ms = find_least_ms(panels, n, limit);
		forecast->alarm_ms = find_alarm_ms(panels, n, limit, forecast->least_ms);
	}
	for (size_t i = 0; i < n; i++)
		panels[i].interval_ms = longer(panels[i].poll_ms, forecast->least_ms);
}
