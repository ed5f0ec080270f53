/* pollset: see pollset.h. */
#include "config.h"

#include "modbus/pollset.h"

#include "core/util.h"

#define TCP_ROUND_TRIP_US 500 /* for plans: a LAN and a small device */

/* Classes that are polled together. */
static const unsigned masks[POLLSET_MAPS] = {
	CLASS(POLL_ALARM),
	CLASS(POLL_ALARM) | CLASS(POLL_FAST),
	CLASS(POLL_ALARM) | CLASS(POLL_SLOW),
	CLASS(POLL_ALARM) | CLASS(POLL_FAST) | CLASS(POLL_SLOW),
	ALL_CLASSES,
};

static struct plan_line line_of(const struct link_conf *link)
{
	unsigned bits = 9u + link->stop_bits + (link->parity != PARITY_NONE);
	struct plan_line line = link->transport == TRANSPORT_TCP
					? plan_line_tcp(TCP_ROUND_TRIP_US + link->turnaround_ms * 1000)
					: plan_line_rtu(link->baud, bits, link->turnaround_ms * 1000);

	line.max_registers = link->max_registers;
	return line;
}

void pollset_init(struct pollset *set, const struct layout *layout, const struct panel_conf *conf)
{
	*set = (struct pollset){
		.layout = layout,
		.choice = conf->encoding,
		.line = line_of(conf->link),
	};
	set->identification = pollmap_identification(layout->profile, &set->line);
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

	want.encoding = set->choice == ENCODING_INTEGER || set->choice == ENCODING_FLOAT
				? set->choice
				: plan_choose_encoding(&want, &set->line);
	return want;
}

void pollset_build(struct pollset *set, int model)
{
	struct plan_want want = pollset_want(set, model);

	want.gaps = set->gaps.items;
	want.n_gaps = set->gaps.n;
	set->encoding = want.encoding;
	pollset_drop(set);
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		want.classes = masks[i];
		set->maps[i] = pollmap_get(&want, &set->line);
	}
}

void pollset_forgive(struct pollset *set)
{
	set->skip_blocks = 0;
	gaps_clear(&set->gaps);
	set->incomplete = false;
}

const struct pollmap *pollset_map(const struct pollset *set, unsigned classes)
{
	size_t i = 0;

	while (masks[i] != classes && i < ARRAY_LEN(masks) - 1)
		i++;
	return set->maps[i];
}
