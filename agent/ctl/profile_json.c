/* profile_json: see profile_show.h. The JSON. */
#include "config.h"

#include "ctl/profile_show.h"

#include "core/util.h"
#include "ctl/json.h"

static void json_registers(
	struct json *json, const struct profile *profile, unsigned first, unsigned last)
{
	json_number(json, "first", show_printed(profile, first));
	json_number(json, "last", show_printed(profile, last));
}

void show_json_models(struct json *json, const struct profile *profile, uint8_t models)
{
	json_array(json, "models");
	for (unsigned m = 0; m < profile->n_models; m++) {
		if (models >> m & 1)
			json_text(json, NULL, profile->models[m].name);
	}
	json_array_end(json);
}

static void json_point(struct json *json, const struct profile *profile, const struct point *point)
{
	json_object(json, NULL);
	json_text(json, "scope", scope_name(point->scope));
	json_text(json, "quantity", quantity_info(point->quantity)->name);
	json_number(json, "channel", point->first_channel);
	json_number(json, "count", point->count);
	json_registers(json, profile, point->reg, show_point_end(point));
	json_number(json, "stride", point->stride);
	json_text(json, "type", word_type_name(point->type));
	json_text(json, "unit", unit_info(quantity_info(point->quantity)->unit)->base);
	json_number(json, "exponent", point->exponent);
	if (point->scaled) {
		json_number(json, "scale", show_printed(profile, point->scale_reg));
		json_number(json, "scale_stride", point->scale_stride);
	}
	json_text(json, "poll", poll_class_name(point->poll));
	show_json_models(json, profile, point->models);
	json_bool(json, "writable", point->access == ACCESS_READ_WRITE);
	if (point->has_range) {
		json_number(json, "min", point->min);
		json_number(json, "max", point->max);
	}
	if (point->has_default)
		json_number(json, "default", point->fallback);
	json_object_end(json);
}

static void json_thresholds(struct json *json, const struct profile *profile)
{
	static const struct {
		const char *key;
		enum quantity quantity;
	} parts[] = {
		{ "value", Q_THRESHOLD },
		{ "delay", Q_DELAY },
		{ "hysteresis", Q_HYSTERESIS },
	};

	json_array(json, "thresholds");
	for (unsigned i = 0; i < profile->n_thresholds; i++) {
		const struct profile_threshold *threshold = &profile->thresholds[i];

		json_object(json, NULL);
		json_text(json, "scope", scope_name(threshold->scope));
		json_text(json, "level", level_name(threshold->level));
		json_number(json, "channel", threshold->channel);
		json_text(json, "unit", show_threshold_unit(threshold->unit));
		json_bool(json, "zero_disables", threshold->zero_disables);
		for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
			const struct point *point =
				show_threshold_point(profile, i, parts[p].quantity);

			if (point == NULL)
				continue;
			json_object(json, parts[p].key);
			json_number(json, "register", show_printed(profile, point->reg));
			json_bool(json, "writable", point->access == ACCESS_READ_WRITE);
			json_object_end(json);
		}
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_alarms(struct json *json, const struct profile *profile)
{
	json_array(json, "alarms");
	for (unsigned i = 0; i < profile->n_alarms; i++) {
		const struct profile_alarm *alarm = &profile->alarms[i];

		json_object(json, NULL);
		json_text(json, "scope", scope_name(alarm->scope));
		json_text(json, "level", level_name(alarm->level));
		if (alarm->latched_bit >= 0)
			json_number(json, "latched_bit", alarm->latched_bit);
		if (alarm->active_bit >= 0)
			json_number(json, "active_bit", alarm->active_bit);
		json_text(json, "severity",
			alarm->severity == STATE_CRITICAL ? "critical" : "warning");
		if (alarm->counter >= 0)
			json_text(json, "counter",
				quantity_info((enum quantity)alarm->counter)->name);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_health(struct json *json, const struct profile *profile)
{
	json_array(json, "health");
	for (unsigned i = 0; i < profile->n_health; i++) {
		json_object(json, NULL);
		json_text(json, "name", health_name(profile->health[i].health));
		json_number(json, "bit", profile->health[i].bit);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_commands(struct json *json, const struct profile *profile)
{
	json_array(json, "commands");
	for (unsigned i = 0; i < profile->n_commands; i++) {
		const struct profile_command *command = &profile->commands[i];

		json_object(json, NULL);
		json_text(json, "scope", scope_name(command->scope));
		json_text(json, "name", command->name);
		json_registers(json, profile, command->reg, command->reg + command->count - 1u);
		json_number(json, "value", command->value);
		json_object_end(json);
	}
	json_array_end(json);
}

static void json_plan(struct json *json, const struct profile_show *show, unsigned classes)
{
	struct plan_line line = show_line(0);
	struct plan *plan = show_plan(show, classes, &line);

	json_object(json, NULL);
	json_array(json, "classes");
	for (unsigned c = 0; c < POLL_CLASSES; c++) {
		if (classes >> c & 1)
			json_text(json, NULL, poll_class_name(c));
	}
	json_array_end(json);
	json_number(json, "registers", plan->words);
	json_number(json, "needed", plan->needed);
	json_number(json, "ideal_us_9600_8n1", (int64_t)plan_ideal_us(plan, &line));
	for (size_t l = 0; l < SHOW_LINES; l++) {
		struct plan_line wire = show_line(l);
		struct plan *other = show_plan(show, classes, &wire);

		json_number(json, show_lines[l].key, (int64_t)plan_time_us(other, &wire));
		plan_free(other);
	}
	json_array(json, "reads");
	for (unsigned r = 0; r < plan->n_reads; r++) {
		json_object(json, NULL);
		json_registers(json, show->profile, plan->reads[r].reg,
			plan->reads[r].reg + plan->reads[r].count - 1u);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
	plan_free(plan);
}

void profile_show_json(const struct profile_show *show, FILE *out)
{
	const struct profile *profile = show->profile;
	struct json json = JSON_INIT(out);

	json_object(&json, NULL);
	json_text(&json, "name", profile->name);
	json_text(&json, "title", profile->title);
	json_number(&json, "base", profile->base);
	json_number(&json, "function", profile->function);
	json_number(&json, "max_read", profile->max_read);
	json_number(&json, "branches", profile->branches);
	json_number(&json, "mains", profile->mains);
	json_text(&json, "model", show->model);
	json_text(&json, "encoding", show->want.encoding == ENCODING_FLOAT ? "float" : "integer");
	json_array(&json, "points");
	for (unsigned i = 0; i < profile->n_points; i++) {
		if (show_has_point(show, &profile->points[i]))
			json_point(&json, profile, &profile->points[i]);
	}
	json_array_end(&json);
	json_thresholds(&json, profile);
	json_alarms(&json, profile);
	json_health(&json, profile);
	json_commands(&json, profile);
	json_array(&json, "plans");
	for (size_t s = 0; s < SHOW_SETS; s++)
		json_plan(&json, show, show_sets[s].classes);
	json_array_end(&json);
	json_object_end(&json);
}
