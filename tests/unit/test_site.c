/* Sites: what a reload keeps, which layouts are shared, and how panels are found. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util.h"
#include "fixture_profile.h"
#include "store/site.h"

struct fixture {
	struct store *store;
	struct profile *profile;
	struct config *config;
	struct site *site;
};

static struct site *build(struct fixture *f, struct config *config, const struct site *previous)
{
	struct site *site = site_build(
		&(struct site_base){ .store = f->store, .start_wall_ms = 5 }, config, previous);

	conf_unref(config); /* the site's now */
	return site;
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->store = store_new();
	f->profile = fixture_profile();
	f->config = fixture_config(f->profile, 3);
	f->config->panels[1].index = 20;
	f->config->panels[2].index = 30;
	f->site = build(f, f->config, NULL);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct store_stats stats;

	site_unref(f->site);
	site_unref(NULL);
	store_stats(f->store, &stats);
	assert_int_equal(stats.snapshots, 0);
	assert_int_equal(f->profile->refs, 1);
	profile_unref(f->profile);
	store_free(f->store);
	free(f);
	return 0;
}

static void panels_are_found_by_index_and_name(void **state)
{
	static const struct {
		uint32_t index;
		bool found;
		size_t position;
	} cases[] = {
		{ 0, false, 0 }, { 1, true, 0 }, { 2, false, 1 }, { 20, true, 1 }, { 21, false, 2 },
		{ 30, true, 2 }, { 31, false, 3 }, { UINT32_MAX, false, 3 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t position = 99;
		const struct panel *panel = site_panel(f->site, cases[i].index, &position);

		assert_int_equal(panel != NULL, cases[i].found);
		assert_int_equal(position, cases[i].position);
		assert_ptr_equal(panel, cases[i].found ? &f->site->panels[position] : NULL);
	}
	assert_ptr_equal(site_panel_by_name(f->site, "P3"), &f->site->panels[2]);
	assert_null(site_panel_by_name(f->site, "P4"));
	assert_int_equal(f->site->start_wall_ms, 5);
	assert_int_equal(f->site->n_links, 1);
}

static void panels_of_one_profile_share_a_layout(void **state)
{
	struct fixture *f = *state;
	struct config *config = fixture_config(f->profile, 4);
	struct site *site;

	config->panels[1].two_pole_meters = true;
	config->panels[3].two_pole_meters = true;
	config->panels[3].enabled = false;
	site = build(f, config, NULL);
	assert_ptr_equal(site->panels[0].layout, site->panels[2].layout);
	assert_ptr_equal(site->panels[1].layout, site->panels[3].layout);
	assert_ptr_not_equal(site->panels[0].layout, site->panels[1].layout);
	assert_ptr_not_equal(site->panels[0].slot, site->panels[2].slot);
	site_unref(site);
}

static enum comm_state comm_of(const struct panel *panel)
{
	const struct snapshot *snapshot = store_get(panel->slot);
	enum comm_state comm = snapshot_comm(snapshot, 0);

	store_put(panel->slot, snapshot);
	return comm;
}

static void a_reload_keeps_what_did_not_change(void **state)
{
	struct fixture *f = *state;
	struct config *config = fixture_config(f->profile, 4);
	struct site *site;

	config->panels[1].index = 20;
	config->panels[1].poll_ms = 3000; /* another rhythm */
	config->panels[2].index = 30;
	config->panels[2].enabled = false;
	config->panels[3].index = 40; /* new */
	free(config->panels[0].name);
	config->panels[0].name = xstrdup("renamed");
	site = build(f, config, f->site);

	assert_ptr_equal(site->panels[0].slot, f->site->panels[0].slot);
	assert_string_equal(site->panels[0].conf->name, "renamed");
	assert_ptr_not_equal(site->panels[1].slot, f->site->panels[1].slot);
	assert_ptr_not_equal(site->panels[2].slot, f->site->panels[2].slot);
	for (size_t i = 0; i < site->n_panels; i++)
		assert_ptr_equal(site->panels[i].layout, f->site->panels[0].layout);
	assert_int_equal(comm_of(&site->panels[0]), COMM_OFFLINE);
	assert_int_equal(comm_of(&site->panels[2]), COMM_DISABLED);
	assert_ptr_equal(site->links[0].slot, f->site->links[0].slot);
	site_unref(site);
}

/* The profile was read again: kept panels keep their slot's layout, new ones get one of the new profile. */
static void a_slot_keeps_its_layout(void **state)
{
	struct fixture *f = *state;
	struct profile *again = fixture_profile();
	struct config *config = fixture_config(again, 4);
	struct site *site;

	config->panels[1].index = 20;
	config->panels[2].index = 30;
	config->panels[3].index = 40;
	site = build(f, config, f->site);
	assert_ptr_equal(site->panels[0].layout, f->site->panels[0].layout);
	assert_ptr_equal(site->panels[3].layout->profile, again);
	for (size_t i = 0; i < site->n_panels; i++) {
		const struct snapshot *snapshot = store_get(site->panels[i].slot);

		assert_ptr_equal(snapshot->layout, site->panels[i].layout);
		store_put(site->panels[i].slot, snapshot);
	}
	profile_unref(again);
	site_unref(site);
}

static void links_go_by_name_and_settings(void **state)
{
	static const struct {
		const char *name;
		uint16_t port;
		bool kept;
	} cases[] = { { "L1", 502, true }, { "L1", 503, false }, { "other", 502, false } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config *config = fixture_config(f->profile, 1);
		struct site *site;

		config->links[0].port = cases[i].port;
		free(config->links[0].name);
		config->links[0].name = xstrdup(cases[i].name);
		site = build(f, config, f->site);
		assert_int_equal(site->links[0].slot == f->site->links[0].slot, cases[i].kept);
		assert_int_equal(site->panels[0].slot == f->site->panels[0].slot, cases[i].kept);
		assert_int_equal(site->panels[0].layout == f->site->panels[0].layout, cases[i].kept);
		site_unref(site);
	}
}

static void circuits_are_the_configured_and_the_meters_own(void **state)
{
	static const uint16_t numbers[] = { 1, 7, 1999 };
	struct fixture *f = *state;
	struct config *config = fixture_config(f->profile, 1);
	struct panel_conf *conf = &config->panels[0];
	const struct panel *panel;
	struct site *site;

	conf->two_pole_meters = true;
	conf->three_pole_meters = true;
	conf->n_circuits = ARRAY_LEN(numbers);
	conf->circuits = xcalloc(conf->n_circuits, sizeof(*conf->circuits));
	for (size_t i = 0; i < conf->n_circuits; i++) {
		conf->circuits[i].number = numbers[i];
		conf->circuits[i].label = xstrdup("");
		conf->circuits[i].tenant = xstrdup("");
	}
	site = build(f, config, NULL);
	panel = &site->panels[0];
	assert_int_equal(panel->circuits.n, 3 + 21 + 14);
	assert_int_equal(panel->circuits.keys[2], ROW_KEY(1999, 0, 0));
	assert_int_equal(panel->circuits.keys[3], ROW_KEY(2001, 0, 0));
	assert_int_equal(panel->circuits.keys[23], ROW_KEY(2021, 0, 0));
	assert_int_equal(panel->circuits.keys[24], ROW_KEY(3001, 0, 0));
	assert_ptr_equal(panel_circuit(panel, 7), &panel->conf->circuits[1]);
	assert_null(panel_circuit(panel, 8));
	assert_null(panel_circuit(panel, 2001));
	assert_null(panel_circuit(&f->site->panels[0], 1));
	assert_int_equal(f->site->panels[0].circuits.n, 0);
	site_unref(site);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(panels_are_found_by_index_and_name),
		TEST(panels_of_one_profile_share_a_layout),
		TEST(a_reload_keeps_what_did_not_change),
		TEST(a_slot_keeps_its_layout),
		TEST(links_go_by_name_and_settings),
		TEST(circuits_are_the_configured_and_the_meters_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
