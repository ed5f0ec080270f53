/*
 * fuzz poll: a meter that says anything, poll after poll: values, scales,
 * identity, energy counters, alarm words and their counters. Decoded, told and
 * published as a poller does it. Must hold: raises and clears alternate, books
 * add up, energy never goes backwards without saying so, every text is one
 * printable line.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alarm/alarm.h"
#include "core/clock.h"
#include "core/text.h"
#include "core/util.h"
#include "fixture_profile.h"
#include "fuzz.h"
#include "modbus/meter.h"
#include "modbus/news.h"
#include "modbus/pollmap.h"

#define POLLS_MAX   24
#define EDITS_MAX   8 /* of registers between two polls */
#define MAPS        4
#define ALL_CLASSES ((1u << POLL_CLASSES) - 1)
#define WALL_MS	    1700000000000

/* What is read at once; the meter's registers move between any two. */
static const unsigned map_classes[MAPS] = {
	ALL_CLASSES,
	1u << POLL_ALARM,
	1u << POLL_ALARM | 1u << POLL_FAST,
	1u << POLL_SLOW,
};

static const struct {
	const char *path;
	enum encoding encoding;
} kinds[] = {
	{ "conf/profiles/bcpme.conf", ENCODING_INTEGER },
	{ "conf/profiles/bcpme.conf", ENCODING_FLOAT },
	{ "conf/profiles/bcpmsc.conf", ENCODING_INTEGER },
	{ "tests/data/sample-profile.conf", ENCODING_INTEGER },
	{ "tests/fuzz/odd-profile.conf", ENCODING_INTEGER },
};
#define KINDS ARRAY_LEN(kinds)

static struct profile *profiles[KINDS];

/* What has been told of an alarm. */
struct told {
	bool latched, active;
};

struct world {
	struct choices choices;
	struct profile *profile;
	struct plan_want want;
	struct plan_line line;
	struct store *store;
	struct site *site;
	const struct panel *panel;
	struct meter meter;
	struct news news;
	struct told *told; /* as the layout's alarms */
	uint64_t last_event;
	int64_t now_ms;
	bool identified;
	uint16_t registers[UINT16_MAX + 1];
};

static struct world world;

/* ---- events: what the journal would get ---------------------------------------------------- */

void __wrap_journal_add(struct journal_batch *batch, const struct event *draft);

void __wrap_journal_add(struct journal_batch *batch, const struct event *draft)
{
	(void)batch;
	REQUIRE(draft->text[0] != '\0');
	REQUIRE(strlen(draft->text) <= EVENT_TEXT_MAX);
	REQUIRE(text_fault(draft->text) == NULL);
	if (draft->label != NULL)
		REQUIRE(text_fault(draft->label) == NULL && strlen(draft->label) <= CONF_NAME_MAX);
	REQUIRE(draft->kind > 0 && draft->kind < EVENT_KIND_COUNT);
	REQUIRE(draft->panel == world.panel->conf->index);
}

/* ---- what must hold ------------------------------------------------------------------------ */

static struct told *told_of(uint64_t key)
{
	const struct rowset *alarms = &world.panel->layout->alarms;
	uint32_t at = rowset_search(alarms, key, true);

	REQUIRE(at < alarms->n && alarms->keys[at] == key);
	return &world.told[at];
}

static void follow_transition(const struct alarm_transition *item)
{
	struct told *told = told_of(item->key);

	REQUIRE(item->severity == STATE_WARNING || item->severity == STATE_CRITICAL);
	if (item->begins) {
		REQUIRE(item->event > world.last_event);
		world.last_event = item->event;
	} else {
		REQUIRE(item->event > 0 && item->event <= world.last_event);
	}
	switch (item->change) {
	case ALARM_RAISED:
		REQUIRE(item->begins && item->count > 0 && item->latched);
		told->latched = true;
		break;
	case ALARM_RAISED_GONE:
		REQUIRE(item->begins && item->count > 0 && !told->latched && !item->latched);
		break;
	case ALARM_CLEARED:
		REQUIRE(told->latched && !item->latched && item->count == 0);
		told->latched = false;
		break;
	case ALARM_ACTIVE:
		REQUIRE(!told->active && item->active && item->count == 0);
		told->active = true;
		break;
	case ALARM_INACTIVE:
		REQUIRE(told->active && !item->active && item->count == 0);
		told->active = false;
		break;
	}
}

static void follow_transitions(void)
{
	for (size_t i = 0; i < world.news.transitions.count; i++)
		follow_transition(&world.news.transitions.items[i]);
}

static void check_book(const struct alarm_book *book)
{
	const struct rowset *alarms = &world.panel->layout->alarms;
	uint32_t active = 0, latched = 0;
	enum worst_state worst = book->known ? STATE_OK : STATE_UNKNOWN;
	struct alarm_book *again;

	for (uint32_t i = 0; i < book->n; i++) {
		const struct alarm *alarm = &book->alarms[i];
		const struct told *told = told_of(alarm->key);

		REQUIRE(i == 0 || alarm->key > book->alarms[i - 1].key);
		REQUIRE(alarm->latched == told->latched && alarm->told_active == told->active);
		REQUIRE(alarm->event <= world.last_event);
		active += alarm->active;
		latched += alarm->latched;
		if ((alarm->active || alarm->latched) && alarm->severity > worst)
			worst = alarm->severity;
	}
	REQUIRE(book->n_active == active && book->n_latched == latched && book->worst == worst);
	REQUIRE(book->known || (active == 0 && latched == 0)); /* counters may be known */
	for (uint32_t i = 0; i < alarms->n; i++)
		if (world.told[i].latched || world.told[i].active)
			REQUIRE(alarm_find(book, alarms->keys[i]) != NULL);
	again = alarm_book_build(book->alarms, book->n, book->known, book->counted);
	REQUIRE(again->n_active == active && again->n_latched == latched && again->worst == worst);
	alarm_book_unref(again);
}

/* before: NULL when this is another meter. */
static void check_energies(const struct snapshot *before, const struct snapshot *now)
{
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		unsigned n = now->layout->slots[scope][Q_ENERGY].offset < 0
				     ? 0
				     : now->layout->slots[scope][Q_ENERGY].count;

		for (unsigned channel = 1; channel <= n; channel++) {
			struct reading wh = snapshot_get(
				now, scope, Q_ENERGY, channel, world.now_ms);
			struct reading since = snapshot_get(
				now, scope, Q_ENERGY_DISCONTINUITY, channel, world.now_ms);
			struct reading was, was_since;

			if (wh.quality != QUALITY_GOOD)
				continue;
			REQUIRE(wh.num >= 0);
			REQUIRE(since.quality == QUALITY_GOOD);
			if (before == NULL)
				continue;
			was = snapshot_get(before, scope, Q_ENERGY, channel, world.now_ms);
			was_since = snapshot_get(
				before, scope, Q_ENERGY_DISCONTINUITY, channel, world.now_ms);
			if (was.quality != QUALITY_GOOD)
				continue;
			REQUIRE(since.num >= was_since.num);
			REQUIRE(since.num > was_since.num || wh.num >= was.num);
		}
	}
}

static void check_identity(const struct identity *identity)
{
	REQUIRE(identity != NULL);
	REQUIRE(text_fault(identity->location) == NULL);
	REQUIRE(text_fault(identity->firmware) == NULL);
	REQUIRE(identity->model >= -1 && identity->model < (int)world.profile->n_models);
	REQUIRE(identity->serial >= -1);
}

/* ---- the meter ----------------------------------------------------------------------------- */

/* Values that meters of the shipped kinds never have, and such as they have. */
static uint16_t odd_word(void)
{
	static const uint16_t odd[] = { 0, 1, 0x7fff, 0x8000, 0xffff, 0x7f80, 0x7fc0, 0xff80, 3, 32767,
		32766, 2 };
	uint8_t which = choose_8(&world.choices);

	return which < ARRAY_LEN(odd) ? odd[which] : choose_16(&world.choices);
}

static void edit_point(bool all)
{
	const struct point *point =
		&world.profile->points[choose_below(&world.choices, world.profile->n_points)];
	unsigned first = all ? 0 : choose_below(&world.choices, point->count);
	unsigned last = all ? point->count - 1u : first;
	uint16_t words[4];

	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		words[i] = i == 0 || point->words > i ? odd_word() : 0;
	for (unsigned k = first; k <= last; k++)
		for (unsigned i = 0; i < point->words; i++)
			world.registers[(uint16_t)(point->reg + k * point->stride + i)] =
				words[i % ARRAY_LEN(words)];
}

static void edit_scale(void)
{
	const struct profile_scale *scale;
	unsigned element;

	if (world.profile->n_scales == 0)
		return;
	scale = &world.profile->scales[choose_below(&world.choices, world.profile->n_scales)];
	element = choose_below(&world.choices, scale->count);
	world.registers[(uint16_t)(scale->reg + element * scale->stride)] =
		choose_8(&world.choices) & 1 ? (uint16_t)(int8_t)choose_8(&world.choices)
					     : odd_word();
}

static void edit_register(void)
{
	uint16_t reg = choose_16(&world.choices);

	world.registers[reg] = odd_word();
}

static void be_model(unsigned model)
{
	const struct point *point = pollmap_panel_point(world.profile, Q_DEVICE_ID);

	if (point != NULL && world.profile->n_models > 0)
		world.registers[point->reg] = world.profile->models[model].id;
}

static void edit(void)
{
	switch (choose_below(&world.choices, 6)) {
	case 0:
		edit_point(true);
		break;
	case 1:
	case 2:
		edit_point(false);
		break;
	case 3:
		edit_scale();
		break;
	case 4:
		edit_register();
		break;
	case 5:
		if (world.profile->n_models > 0)
			be_model(choose_below(&world.choices, world.profile->n_models));
		break;
	}
}

static void read_words(const struct pollmap *map, uint16_t *words)
{
	for (unsigned i = 0; i < map->plan->n_reads; i++) {
		const struct plan_read *read = &map->plan->reads[i];

		memcpy(words + map->offsets[i], &world.registers[read->reg],
			read->count * sizeof(*words));
	}
}

/* ---- polls --------------------------------------------------------------------------------- */

static bool meet(const struct meter_id *id)
{
	struct snapshot *snapshot;

	if (!meter_same(&world.meter, id)) {
		snapshot = store_begin(world.panel->slot);
		news_replaced(&world.news, snapshot, world.now_ms, &world.meter.id, id);
		follow_transitions();
		for (uint32_t i = 0; i < world.panel->layout->alarms.n; i++)
			REQUIRE(!world.told[i].latched);
		memset(world.told, 0, world.panel->layout->alarms.n * sizeof(*world.told));
		meter_forget(&world.meter);
		snapshot_clear(snapshot);
		news_post(&world.news, snapshot, &world.meter.id);
		check_book(snapshot->alarms);
		store_publish(world.panel->slot, snapshot);
	}
	world.identified = meter_accept(&world.meter, id) == 0;
	return world.identified;
}

static void publish(
	const struct pollmap *map, const uint16_t *words, unsigned classes, bool stale_scales)
{
	const struct snapshot *before = store_get(world.panel->slot);
	struct snapshot *snapshot = store_begin(world.panel->slot);
	bool first = snapshot->contact_ms == 0;
	struct meter_news energy = { 0 };

	meter_fill(&world.meter, map, words, classes, stale_scales, clock_wall_ms(), snapshot,
		&energy);
	for (int class = 0; class < POLL_CLASSES; class++)
		if ((classes & 1u << class) != 0)
			snapshot->class_ms[class] = world.now_ms;
	snapshot->contact_ms = world.now_ms;
	snapshot->fresh_until_ms = INT64_MAX;
	snapshot->comm = COMM_ONLINE;
	meter_set_identity(&world.meter, snapshot, world.now_ms);
	check_identity(snapshot->identity);
	news_online(&world.news, world.meter.id.serial, 0);
	news_energy(&world.news, &energy, world.now_ms);
	news_inputs(&world.news, snapshot, world.now_ms);
	news_alarms(&world.news, snapshot, world.now_ms);
	follow_transitions();
	check_book(snapshot->alarms);
	check_energies(first ? NULL : before, snapshot);
	news_post(&world.news, snapshot, &world.meter.id);
	store_publish(world.panel->slot, snapshot);
	store_put(world.panel->slot, before);
}

static void poll_meter(void)
{
	const struct pollmap *map;
	unsigned which = choose_below(&world.choices, MAPS);
	unsigned classes;
	uint16_t *words;
	struct meter_id id;
	bool stale_scales;

	world.want.classes = world.identified ? map_classes[which] : ALL_CLASSES;
	world.want.model = world.meter.model;
	map = pollmap_get(&world.want, &world.line);
	words = xcalloc(map->plan->words, sizeof(*words));
	read_words(map, words);
	classes = world.want.classes;
	id = meter_read_id(&world.meter, map, words, classes);
	if ((world.identified && meter_same(&world.meter, &id)) || meet(&id)) {
		stale_scales = scales_update(&world.meter.scales, map, words, classes);
		meter_triggered(&world.meter, map, words);
		publish(map, words, classes, stale_scales);
	}
	free(words);
	pollmap_put(map);
}

static void advance(void)
{
	world.now_ms += choose_16(&world.choices) + 1;
	/* The clock on the wall is somebody else's. */
	clock_set(world.now_ms, WALL_MS + (choose_8(&world.choices) & 1 ? -3600000 : world.now_ms));
}

static struct plan_want want_of(size_t kind)
{
	return (struct plan_want){ .profile = profiles[kind],
		.encoding = kinds[kind].encoding,
		.two_pole = true,
		.three_pole = true };
}

/* Users of them all, for ever: plans take long to build. */
static void keep_maps(size_t kind)
{
	const struct plan_line line = plan_line_tcp(2000);
	struct plan_want want = want_of(kind);

	for (want.model = -1; want.model < (int)profiles[kind]->n_models; want.model++) {
		for (int i = 0; i < MAPS; i++) {
			want.classes = map_classes[i];
			pollmap_get(&want, &line);
		}
	}
}

static void load_profiles(void)
{
	struct problems problems = PROBLEMS_INIT;

	fuzz_builtin("conf/profiles/bcpm-map.inc");
	for (size_t i = 0; i < KINDS; i++) {
		fuzz_builtin(kinds[i].path);
		if (profile_load_file(kinds[i].path, &problems, &profiles[i]) < 0) {
			problems_print(&problems, stderr);
			exit(2);
		}
		keep_maps(i);
	}
}

static void begin_world(const uint8_t *data, size_t size)
{
	struct config *config;
	uint32_t kind;

	memset(&world, 0, sizeof(world));
	world.choices = (struct choices){ data, size };
	kind = choose_below(&world.choices, KINDS);
	world.profile = profiles[kind];
	world.line = plan_line_tcp(2000);
	world.want = want_of(kind);
	world.now_ms = 1000;
	clock_set(world.now_ms, WALL_MS);
	world.store = store_new();
	config = fixture_config(world.profile, 1);
	config->panels[0].two_pole_meters = config->panels[0].three_pole_meters = true;
	config->panels[0].notify_hold_ms = choose_8(&world.choices) * 256u;
	world.site = site_build(&(struct site_base){ .store = world.store }, config, NULL);
	conf_unref(config);
	world.panel = &world.site->panels[0];
	meter_init(&world.meter, world.panel->layout);
	news_init(&world.news, world.site, world.panel);
	world.told = xcalloc(world.panel->layout->alarms.n, sizeof(*world.told));
	be_model(0);
}

static void end_world(void)
{
	news_fini(&world.news);
	meter_fini(&world.meter);
	site_unref(world.site);
	store_free(world.store);
	free(world.told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (profiles[0] == NULL)
		load_profiles();
	begin_world(data, size);
	for (int poll = 0; poll < POLLS_MAX && world.choices.left > 0; poll++) {
		for (uint32_t edits = choose_below(&world.choices, EDITS_MAX); edits > 0; edits--)
			edit();
		advance();
		poll_meter();
	}
	end_world();
	return 0;
}
