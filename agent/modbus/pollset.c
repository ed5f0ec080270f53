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

static bool ask_again(const struct pollset *set, const struct plan_gap *gap, struct plan_read *read)
{
	unsigned most = set->layout->profile->max_read < set->line.max_registers
				? set->layout->profile->max_read
				: set->line.max_registers;

	read->reg = gap->reg;
	read->count = gap->count < most ? gap->count : (uint16_t)most;
	return gap->count > 0; /* 0: a cut between two that are not answered together */
}

bool pollset_doubt(struct pollset *set, struct plan_read *read)
{
	unsigned n = set->gaps.n + set->skipped.n;

	*read = (struct plan_read){ 0 };
	for (unsigned tries = 0; tries < n; tries++) {
		unsigned i = set->asked++ % n;
		const struct plan_gap *gap = i < set->gaps.n
						     ? &set->gaps.items[i]
						     : &set->skipped.items[i - set->gaps.n];

		if (ask_again(set, gap, read))
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
