/* poll_json: one poll for programs; see poll_print.h. Units are part of the keys; what is absent is
 * null. */
#include "config.h"

#include <time.h>

#include "core/util.h"
#include "ctl/hints.h"
#include "ctl/json.h"
#include "ctl/poll_print.h"

/* RFC 3339, UTC, with milliseconds. */
static void put_time(struct json *json, const char *key, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char date[32], text[48];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03dZ", date, (int)(wall_ms % 1000));
	json_text(json, key, text);
}

static void put_reading(struct json *json, const char *key, struct reading reading)
{
	if (good(reading))
		json_number(json, key, reading.num);
	else
		json_null(json, key);
}

static void put_levels(struct json *json, const char *key, unsigned bits)
{
	json_array(json, key);
	for (unsigned level = 1; level < LEVEL_COUNT; level++) {
		if (bits & 1u << (level - 1))
			json_text(json, NULL, level_name((enum level)level));
	}
	json_array_end(json);
}

static void put_row(struct json *json, const struct facts_row *row)
{
	const char phase[] = { row->phase, '\0' };

	json_object(json, NULL);
	json_number(json, "number", row->number);
	json_text(json, "label", row->label);
	json_text(json, "tenant", row->tenant);
	if (row->phase != ' ')
		json_text(json, "phase", phase);
	else
		json_null(json, "phase");
	put_reading(json, "rating_ma", row->rating);
	put_reading(json, "current_ma", row->current);
	put_reading(json, "load_permille", row->load);
	put_reading(json, "active_power_w", row->power);
	put_reading(json, "apparent_power_va", row->apparent);
	put_reading(json, "power_factor_permille", row->factor);
	put_reading(json, "energy_wh", row->energy);
	put_levels(json, "active", row->alarms.active);
	put_levels(json, "latched", row->alarms.latched);
	json_object_end(json);
}

static void put_rows(struct json *json, const char *key, const struct facts *facts,
	const struct rowset *rows, struct facts_row (*get)(const struct facts *facts, uint64_t key))
{
	json_array(json, key);
	for (uint32_t i = 0; i < rows->n; i++) {
		struct facts_row row = get(facts, rows->keys[i]);

		put_row(json, &row);
	}
	json_array_end(json);
}

static struct facts_row get_mains(const struct facts *facts, uint64_t key)
{
	return facts_mains(facts, (ROW_KEY_A(key) - 1) * MAINS_PHASES + ROW_KEY_B(key));
}

static struct facts_row get_branch(const struct facts *facts, uint64_t key)
{
	return facts_branch(facts, ROW_KEY_A(key));
}

static struct facts_row get_circuit(const struct facts *facts, uint64_t key)
{
	return facts_circuit(facts, ROW_KEY_A(key));
}

static void put_head(struct json *json, const struct facts *facts)
{
	const struct panel_conf *conf = facts->panel->conf;
	char address[300];

	link_conf_address(conf->link, address, sizeof(address));
	json_text(json, "panel", conf->name);
	json_number(json, "index", conf->index);
	json_text(json, "location", conf->location);
	json_text(json, "link", conf->link->name);
	json_text(json, "address", address);
	json_number(json, "unit", conf->unit);
	put_time(json, "time", facts->snapshot->contact_wall_ms);
	json_number(json, "requests", (int64_t)facts->requests);
	json_number(json, "duration_ms", facts->duration_ms);
}

static void put_meter(struct json *json, const struct facts *facts)
{
	const struct identity *identity = facts->snapshot->identity;
	const struct profile_ct_layout *layout = facts_ct_layout(facts);

	json_object(json, "meter");
	json_text(json, "profile", facts->panel->conf->profile->name);
	json_text(json, "model", facts_model(facts));
	if (identity != NULL && identity->serial >= 0)
		json_number(json, "serial", identity->serial);
	else
		json_null(json, "serial");
	json_text(json, "firmware", identity ? identity->firmware : "");
	json_text(json, "location", identity ? identity->location : "");
	json_text(json, "ct_layout", layout ? layout->name : "");
	put_reading(json, "power_ups", facts_read(facts, SCOPE_PANEL, Q_POWER_UPS, 1));
	put_reading(json, "health", facts_read(facts, SCOPE_PANEL, Q_HEALTH, 1));
	json_object_end(json);
}

static void put_sources(struct json *json, const struct facts *facts)
{
	static const char *const measures[] = { "an_mv", "bn_mv", "cn_mv", "ln_mean_mv", "ab_mv",
		"bc_mv", "ca_mv", "ll_mean_mv" };
	static const enum scope scopes[] = { SCOPE_VOLTAGE, SCOPE_ALT_VOLTAGE };

	json_array(json, "sources");
	for (unsigned s = 0; s < ARRAY_LEN(scopes); s++) {
		if (!layout_has(facts->panel->layout, scopes[s], Q_VOLTAGE))
			continue;
		json_object(json, NULL);
		json_number(json, "number", s + 1);
		for (unsigned i = 0; i < ARRAY_LEN(measures); i++)
			put_reading(
				json, measures[i], facts_read(facts, scopes[s], Q_VOLTAGE, i + 1));
		put_reading(
			json, "frequency_mhz", facts_read(facts, SCOPE_SOURCE, Q_FREQUENCY, s + 1));
		json_object_end(json);
	}
	json_array_end(json);
}

static void put_point(const struct poll_point *element, void *arg)
{
	const struct point *point = element->point;
	const struct quantity_info *info = quantity_info(point->quantity);
	struct json *json = arg;

	json_object(json, NULL);
	json_number(json, "register", element->reg);
	json_text(json, "scope", scope_name(point->scope));
	json_number(json, "channel", element->channel);
	json_text(json, "quantity", info->name);
	if (element->text != NULL)
		json_text(json, "value", element->text);
	else
		put_reading(json, "value", element->value);
	json_text(json, "unit", unit_info(info->unit)->symbol);
	json_text(json, "quality", quality_name(element->value.quality));
	json_text(json, "class", poll_class_name(point->poll));
	json_object_end(json);
}

static void put_hint(const char *text, void *arg)
{
	json_text(arg, NULL, text);
}

void poll_print_json(const struct facts *facts, bool all, FILE *out)
{
	struct json json = JSON_INIT(out);

	json_object(&json, NULL);
	put_head(&json, facts);
	put_meter(&json, facts);
	put_sources(&json, facts);
	put_rows(&json, "mains", facts, &facts->panel->layout->mains, get_mains);
	put_rows(&json, "branches", facts, &facts->panel->layout->branches, get_branch);
	put_rows(&json, "circuits", facts, &facts->panel->circuits, get_circuit);
	json_array(&json, "hints");
	hints_find(facts, put_hint, &json);
	json_array_end(&json);
	if (all) {
		json_array(&json, "points");
		poll_points(facts, put_point, &json);
		json_array_end(&json);
	}
	json_object_end(&json);
}
