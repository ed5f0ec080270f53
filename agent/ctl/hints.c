/* hints: see hints.h. Numbers: mA, mV, W, power factor in 0.001. */
#include "config.h"

#include "ctl/hints.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/util.h"

/* Below it a power factor says nothing: rounding, noise of the CT. */
#define CURRENT_MIN_MA	  200
#define FACTOR_LOW	  300
#define MAINS_MISMATCH_W  500
#define VOLTAGE_MEASURE_N 3 /* an, bn, cn */

struct hints {
	const struct facts *facts;
	void (*tell)(const char *text, void *arg);
	void *arg;
	unsigned n;
	bool voltages; /* all three phases are there: power can be judged */
};

static void hint(struct hints *hints, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void hint(struct hints *hints, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	hints->tell(text, hints->arg);
	hints->n++;
}

/* "branch 7 (Rack A1)" */
static const char *name(const struct facts_row *row, char *text, size_t size)
{
	if (row->scope != SCOPE_BRANCH)
		text_copy(text, size, row->label);
	else if (row->label[0] != '\0')
		snprintf(text, size, "branch %u (%.*s)", row->number, text_shown(row->label),
			row->label);
	else
		snprintf(text, size, "branch %u", row->number);
	return text;
}

static double thousandth(struct reading reading)
{
	return (double)reading.num / 1000;
}

static void check_voltages(struct hints *hints)
{
	struct reading volts[VOLTAGE_MEASURE_N];
	int64_t highest = 0;

	hints->voltages = true;
	for (unsigned i = 0; i < VOLTAGE_MEASURE_N; i++) {
		volts[i] = facts_read(hints->facts, SCOPE_VOLTAGE, Q_VOLTAGE, i + 1);
		if (good(volts[i]) && volts[i].num > highest)
			highest = volts[i].num;
		if (!good(volts[i]))
			hints->voltages = false;
	}
	/* A model without voltage inputs has none at all: nothing to say. */
	if (highest == 0 && !good(volts[0]) && !good(volts[1]) && !good(volts[2]))
		return;
	for (unsigned i = 0; i < VOLTAGE_MEASURE_N; i++) {
		if (good(volts[i]) && volts[i].num > highest / 2 && volts[i].num > 0)
			continue;
		hints->voltages = false;
		hint(hints,
			"voltage %c: %.1f V while the highest phase has %.1f V: lead off, fuse blown?",
			'A' + (char)i, good(volts[i]) ? thousandth(volts[i]) : 0,
			(double)highest / 1000);
	}
}

/*
 * A CT on another phase than its channel's: the power factor is that of the
 * load shifted by 120 degrees, which is low or negative. A CT that is turned
 * round: negative power, where the meter shows a sign.
 */
static void check_power(struct hints *hints, const struct facts_row *row)
{
	char text[128];

	name(row, text, sizeof(text));
	if (good(row->power) && row->power.num < 0)
		hint(hints, "%s: power is %jd W: CT turned round, or on the wrong phase?", text,
			(intmax_t)row->power.num);
	else if (!good(row->current) || row->current.num < CURRENT_MIN_MA || !hints->voltages)
		return;
	else if (good(row->factor) && row->factor.num < 0)
		hint(hints, "%s: power factor is %.2f: CT turned round, or on the wrong phase?",
			text, thousandth(row->factor));
	else if (good(row->power) && row->power.num == 0)
		hint(hints, "%s: %.2f A, but no power: CT turned round, or on the wrong phase?",
			text, thousandth(row->current));
	else if (good(row->factor) && row->factor.num < FACTOR_LOW)
		hint(hints, "%s: %.2f A with power factor %.2f: CT on the wrong phase?", text,
			thousandth(row->current), thousandth(row->factor));
}

static void check_rating(struct hints *hints, const struct facts_row *row)
{
	const struct branch_conf *conf =
		row->scope == SCOPE_BRANCH
			? panel_conf_branch(hints->facts->panel->conf, row->number)
			: NULL;
	bool loaded = good(row->current) && row->current.num >= CURRENT_MIN_MA;
	char text[128];

	if (!good(row->rating))
		return;
	name(row, text, sizeof(text));
	if (row->rating.num == 0 && loaded)
		hint(hints,
			"%s: %.2f A, but its breaker rating in the meter is 0: its alarms are off",
			text, thousandth(row->current));
	else if (row->rating.num > 0 && good(row->current) && row->current.num > row->rating.num)
		hint(hints,
			"%s: %.2f A is more than its breaker's %.0f A: wrong rating, or wrong CT "
			"size?",
			text, thousandth(row->current), thousandth(row->rating));
	if (conf != NULL && conf->rating_ma > 0 && conf->rating_ma != row->rating.num)
		hint(hints, "%s: breaker is %.1f A in the configuration, %.1f A in the meter", text,
			(double)conf->rating_ma / 1000, thousandth(row->rating));
}

static void check_rows(struct hints *hints)
{
	const struct layout *layout = hints->facts->panel->layout;
	int64_t branches_w = 0;
	struct reading mains;
	bool complete = layout->branches.n > 0;

	for (uint32_t i = 0; i < layout->mains.n; i++) {
		uint64_t key = layout->mains.keys[i];
		unsigned phase = ROW_KEY_B(key);
		struct facts_row row =
			facts_mains(hints->facts, (ROW_KEY_A(key) - 1) * MAINS_PHASES + phase);

		if (phase >= MAINS_A && phase <= MAINS_C)
			check_power(hints, &row);
		if (phase != MAINS_TOTAL && phase != MAINS_NEUTRAL)
			check_rating(hints, &row);
	}
	for (uint32_t i = 0; i < layout->branches.n; i++) {
		struct facts_row row =
			facts_branch(hints->facts, ROW_KEY_A(layout->branches.keys[i]));

		check_power(hints, &row);
		check_rating(hints, &row);
		complete = complete && good(row.power);
		branches_w += good(row.power) ? row.power.num : 0;
	}
	mains = facts_read(hints->facts, SCOPE_MAINS, Q_ACTIVE_POWER, MAINS_TOTAL);
	if (complete && good(mains) && mains.num > 0 &&
		llabs(branches_w - mains.num) > MAINS_MISMATCH_W + mains.num / 10)
		hint(hints,
			"branches add up to %.1f kW, the mains show %.1f kW: mains CTs or CT "
			"sizes?",
			(double)branches_w / 1000, thousandth(mains));
}

static void check_health(struct hints *hints)
{
	static const char *const texts[HEALTH_COUNT] = {
		[HEALTH_FREQUENCY] = "the meter finds no valid frequency",
		[HEALTH_VOLTAGE_CLIPPING_A] = "voltage A is beyond the range of its input",
		[HEALTH_VOLTAGE_CLIPPING_B] = "voltage B is beyond the range of its input",
		[HEALTH_VOLTAGE_CLIPPING_C] = "voltage C is beyond the range of its input",
		[HEALTH_CURRENT_CLIPPING] =
			"some current is beyond the range of its input: CT size?",
		[HEALTH_CT_STRIP] = "a CT strip is not connected well",
	};
	const struct profile *profile = hints->facts->panel->layout->profile;
	struct reading health = facts_read(hints->facts, SCOPE_PANEL, Q_HEALTH, 1);
	unsigned bits = good(health) ? profile_health_bits(profile, health.num) : 0;

	for (unsigned h = 0; h < HEALTH_COUNT; h++) {
		if (bits >> h & 1)
			hint(hints, "health: %s", texts[h]);
	}
}

unsigned hints_find(const struct facts *facts, void (*tell)(const char *text, void *arg), void *arg)
{
	struct hints hints = { .facts = facts, .tell = tell, .arg = arg };

	check_health(&hints);
	check_voltages(&hints);
	check_rows(&hints);
	return hints.n;
}
