/* pollset: see pollset.h. */
#include "config.h"

#include "modbus/pollset.h"

#include "core/util.h"

/* Of a unit that has not been asked yet. */
#define TCP_ROUND_TRIP_US 500 /* a LAN and a small device */
#define TURNAROUND_US	  5000
#define TCP_LEAST_US	  250 /* whatever was measured: a request costs more than registers */
#define MATERIAL	  5   /* part of its worth that a line must change by for other plans */

/* Classes that are polled together. */
static const unsigned masks[POLLSET_MAPS] = {
	CLASS(POLL_ALARM),
	CLASS(POLL_ALARM) | CLASS(POLL_FAST),
	CLASS(POLL_ALARM) | CLASS(POLL_SLOW),
	CLASS(POLL_ALARM) | CLASS(POLL_FAST) | CLASS(POLL_SLOW),
	ALL_CLASSES,
};

struct plan_line pollset_line(const struct link_conf *link, struct timing *timing)
{
	const uint32_t rest_us = link->turnaround_ms * 1000;
	unsigned bits = 9u + link->stop_bits + (link->parity != PARITY_NONE);
	bool known = timing != NULL && timing_known(timing);
	uint32_t us = TCP_ROUND_TRIP_US, word_us = 0;
	struct plan_line line;

	if (link->transport == TRANSPORT_TCP) {
		if (known)
			timing_by_length(timing, &us, &word_us);
		us = us > TCP_LEAST_US ? us : TCP_LEAST_US;
		line = plan_line_gateway(us + rest_us, word_us);
	} else {
		us = known ? timing_median_us(timing) : TURNAROUND_US;
		line = plan_line_rtu(link->baud, bits, us + rest_us);
	}
	line.max_registers = link->max_registers;
	return line;
}

void pollset_init(struct pollset *set, const struct layout *layout, const struct panel_conf *conf)
{
	*set = (struct pollset){
		.layout = layout,
		.conf = conf,
		.line = pollset_line(conf->link, NULL),
	};
	set->identification = pollmap_identification(layout->profile, &set->line);
}

void pollset_adopt(struct pollset *set, const struct panel_conf *conf)
{
	set->conf = conf;
}

void pollset_drop(struct pollset *set)
{
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		pollmap_put(set->maps[i]);
		set->maps[i] = NULL;
	}
}

void pollset_fini(struct pollset *set)
{
	pollset_drop(set);
	gaps_clear(&set->skipped);
	pollmap_put(set->identification);
	gaps_clear(&set->gaps);
}

struct plan_want pollset_want_encoded(
	const struct pollset *set, int model, enum encoding encoding)
{
	return (struct plan_want){
		.profile = set->layout->profile,
		.model = model,
		.encoding = encoding,
		.two_pole = set->layout->two_pole,
		.three_pole = set->layout->three_pole,
		.classes = ALL_CLASSES,
		.skip_blocks = set->skip_blocks,
	};
}

struct plan_want pollset_want(const struct pollset *set, int model)
{
	struct plan_want want = pollset_want_encoded(set, model, ENCODING_INTEGER);
	enum encoding choice = set->conf->encoding;
	enum encoding in_use = set->maps[0] != NULL ? set->encoding : ENCODING_ANY;

	want.encoding = choice == ENCODING_INTEGER || choice == ENCODING_FLOAT
				? choice
				: plan_choose_encoding(&want, &set->line, in_use);
	return want;
}

void pollset_build(struct pollset *set, int model)
{
	struct plan_want want = pollset_want(set, model);
	struct plan_line line;

	set->worth = plan_line_worth(&set->line);
	line = plan_line_of_worth(set->worth, set->line.max_registers);
	want.gaps = set->gaps.items;
	want.n_gaps = set->gaps.n;
	set->encoding = want.encoding;
	pollset_drop(set);
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		want.classes = masks[i];
		set->maps[i] = pollmap_get(&want, &line);
	}
}

static bool ask_again(const struct pollset *set, const struct gaps *gaps, unsigned i, bool whole,
	struct plan_read *read)
{
	unsigned most = set->layout->profile->max_read < set->line.max_registers
				? set->layout->profile->max_read
				: set->line.max_registers;
	unsigned run, count;
	bool first = gaps_run(gaps, i, &run);

	if (gaps->items[i].count == 0) /* a cut between two that are not answered together */
		return false;
	if (whole ? !first : first && run == 1)
		return false;
	count = gaps_registers(gaps, i, whole ? run : 1);
	read->reg = gaps->items[i].reg;
	read->count = (uint16_t)(count < most ? count : most);
	return true;
}

/*
 * In turns: all that is refused side by side, which most often comes back together,
 * and each part of it by itself, for others of it may be refused for good.
 */
bool pollset_doubt(struct pollset *set, struct plan_read *read)
{
	unsigned n = set->gaps.n + set->skipped.n;

	*read = (struct plan_read){ 0 };
	for (unsigned tries = 0; tries < 2 * n; tries++) {
		unsigned i = set->asked % n;
		bool whole = set->asked / n % 2 == 0;

		set->asked++;
		if (i < set->gaps.n ? ask_again(set, &set->gaps, i, whole, read)
				    : ask_again(set, &set->skipped, i - set->gaps.n, whole, read))
			return true;
	}
	return false;
}

void pollset_forgive(struct pollset *set)
{
	set->skip_blocks = 0;
	gaps_clear(&set->skipped);
	gaps_clear(&set->gaps);
	set->incomplete = false;
}

bool pollset_measure(struct pollset *set, struct timing *timing)
{
	unsigned worth;

	if (!timing_known(timing))
		return false;
	set->line = pollset_line(set->conf->link, timing);
	worth = plan_line_worth(&set->line);
	return set->maps[0] != NULL && (worth > set->worth + set->worth / MATERIAL ||
					       worth < set->worth - set->worth / MATERIAL);
}

const struct pollmap *pollset_map(const struct pollset *set, unsigned classes)
{
	size_t i = 0;

	while (masks[i] != classes && i < ARRAY_LEN(masks) - 1)
		i++;
	return set->maps[i];
}
