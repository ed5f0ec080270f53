/*
 * fuzz profile: any text as a meter's profile, with files it includes. What is
 * accepted is used as the agent uses it: planned for fast and slow lines, filled
 * with any words, shown to people and to programs.
 */
#include "config.h"

#include "config/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alarm/alarm.h"
#include "core/text.h"
#include "core/util.h"
#include "fuzz.h"
#include "modbus/meter.h"
#include "modbus/pollmap.h"
#include "store/store.h"

#define PATH	    "/box/main.conf"
#define ALL_CLASSES ((1u << POLL_CLASSES) - 1)

static uint64_t next_event(void *arg)
{
	return ++*(uint64_t *)arg;
}

/* ---- the profile itself -------------------------------------------------------------------- */

static void check_points(const struct profile *profile)
{
	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];
		unsigned last = point->reg + (point->count - 1u) * point->stride + point->words - 1u;

		REQUIRE(point->count > 0 && point->words > 0 && point->first_channel > 0);
		REQUIRE(point->channel_step > 0 && last <= UINT16_MAX);
		REQUIRE(point->count == 1 || point->stride >= point->words ||
			point->type == TYPE_BITS);
		REQUIRE(quantity_in_scope(point->quantity, point->scope));
		REQUIRE(point->type == TYPE_ASCII || point->words <= 4);
		REQUIRE((point->type == TYPE_ASCII) == quantity_info(point->quantity)->text);
		REQUIRE(!point->scaled || point->scale < profile->n_scales);
		REQUIRE(point->access == ACCESS_WRITE || plan_block(profile, point->reg) >= 0);
	}
}

static void check_profile(const struct profile *profile)
{
	REQUIRE(profile->function == 3 || profile->function == 4);
	REQUIRE(profile->max_read > 0 && profile->max_read <= 125);
	REQUIRE(profile->max_write > 0 && profile->max_write <= 123);
	REQUIRE(text_fault(profile->name) == NULL && text_fault(profile->title) == NULL);
	REQUIRE(profile->n_models <= PROFILE_MODELS_MAX);
	REQUIRE(profile->n_blocks <= PROFILE_BLOCKS_MAX);
	for (unsigned i = 0; i < profile->n_blocks; i++) {
		REQUIRE(profile->blocks[i].first <= profile->blocks[i].last);
		REQUIRE(i == 0 || profile->blocks[i].first > profile->blocks[i - 1].last);
	}
	for (unsigned i = 0; i < profile->n_alarms; i++) {
		const struct profile_alarm *alarm = &profile->alarms[i];

		REQUIRE(alarm->level > 0 && alarm->level < LEVEL_COUNT);
		REQUIRE(alarm->latched_bit >= 0 || alarm->active_bit >= 0);
		REQUIRE(alarm->latched_bit < 16 && alarm->active_bit < 16);
		REQUIRE(alarm->threshold < (int)profile->n_thresholds);
		REQUIRE(alarm->severity == STATE_WARNING || alarm->severity == STATE_CRITICAL);
	}
	check_points(profile);
}

/* ---- its use ------------------------------------------------------------------------------- */

static void check_plan(const struct profile *profile, const struct pollmap *map)
{
	const struct plan *plan = map->plan;

	for (unsigned i = 0; i < plan->n_reads; i++) {
		const struct plan_read *read = &plan->reads[i];
		int block = plan_block(profile, read->reg);

		REQUIRE(read->count > 0 && read->count <= profile->max_read);
		REQUIRE(read->reg + read->count - 1u <= UINT16_MAX);
		REQUIRE(block >= 0);
		REQUIRE(block == plan_block(profile, (uint16_t)(read->reg + read->count - 1)));
		REQUIRE(i == 0 || read->reg >= plan->reads[i - 1].reg + plan->reads[i - 1].count);
	}
	for (unsigned i = 0; i < map->n_items; i++) {
		const struct pollmap_item *item = &map->items[i];

		REQUIRE(item->count > 0 && item->first + item->count <= item->point->count);
		REQUIRE(item->offset == POLLMAP_NOWHERE ||
			item->offset + (item->count - 1u) * item->point->stride +
					item->point->words <=
				plan->words);
	}
}

/* Twice, for what counts; words are made from what the text was. */
static void fill(const struct pollmap *map, struct layout *layout, uint64_t seed)
{
	struct store *store = store_new();
	struct slot *slot = store_slot_new(store, layout, COMM_OFFLINE);
	uint16_t *words = xcalloc(map->plan->words, sizeof(*words));
	struct alarm_transitions transitions = { 0 };
	struct meter meter;
	uint64_t events = 0;

	meter_init(&meter, layout);
	for (int poll = 1; poll <= 2; poll++) {
		const struct snapshot *before = poll > 1 ? store_get(slot) : NULL;
		struct snapshot *snapshot = store_begin(slot);
		struct meter_news news = { 0 };
		struct meter_id id;

		for (unsigned i = 0; i < map->plan->words; i++)
			words[i] = (uint16_t)((seed = seed * 6364136223846793005 + 1442695) >> 48);
		id = meter_read_id(&meter, map, words, ALL_CLASSES);
		meter_accept(&meter, &id);
		scales_update(&meter.scales, map, words, ALL_CLASSES);
		meter_triggered(&meter, map, words);
		meter_fill(&meter, map, words, ALL_CLASSES, false, poll, snapshot, &news);
		meter_set_identity(&meter, snapshot, poll);
		for (int class = 0; class < POLL_CLASSES; class++)
			snapshot->class_ms[class] = poll;
		snapshot->fresh_until_ms = 10;
		snapshot_set_alarms(snapshot,
			alarm_update(snapshot->alarms, before, snapshot,
				&(struct alarm_terms){
					.now_ms = poll, .next_event = next_event, .arg = &events },
				&transitions));
		store_put(slot, before);
		store_publish(slot, snapshot);
	}
	meter_fini(&meter);
	free(transitions.items);
	free(words);
	store_slot_unref(slot);
	store_free(store);
}

static void use(struct profile *profile, enum encoding encoding, int model)
{
	const struct plan_line lines[] = { plan_line_tcp(500), plan_line_rtu(9600, 11, 20000) };
	struct plan_want want = { .profile = profile,
		.model = model,
		.encoding = encoding,
		.two_pole = true,
		.three_pole = true,
		.classes = ALL_CLASSES };
	struct layout *layout = layout_new(profile, true, true);

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		const struct pollmap *map = pollmap_get(&want, &lines[i]);

		check_plan(profile, map);
		if (i == 0)
			fill(map, layout, profile->digest);
		pollmap_put(map);
	}
	layout_unref(layout);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool loaded;
	struct problems problems = PROBLEMS_INIT;
	struct profile *profile = NULL;

	if (!loaded)
		fuzz_builtin("conf/profiles/bcpm-map.inc");
	loaded = true;
	fuzz_files(PATH, data, size);
	if (profile_load_file(PATH, &problems, &profile) == 0) {
		REQUIRE(problems.count == 0 && profile != NULL);
		check_profile(profile);
		use(profile, ENCODING_INTEGER, (int)profile->n_models - 1);
		use(profile, ENCODING_FLOAT, -1);
		profile_unref(profile);
	} else {
		REQUIRE(problems.count > 0 && profile == NULL);
		fuzz_check_problems(&problems);
	}
	problems_free(&problems);
	return 0;
}
