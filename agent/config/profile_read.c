/*
 * profile_read: the text of a profile -> draft. See meterx-profile(5) for the
 * options and profile_draft.h for what comes out.
 *
 * Each value is checked by itself here. After a wrong one the reader goes on
 * with something harmless, so that the rest of the file is looked at too.
 */
#include "config.h"

#include "config/profile_draft.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"

#define REGISTER_LAST 65535
#define COUNT_MAX     1000
#define STRIDE_MAX    1000

struct word {
	const char *name;
	int value;
};

#define WORDS(list) list, ARRAY_LEN(list)

static const struct word bool_words[] = {
	{ "yes", 1 },
	{ "no", 0 },
	{ "true", 1 },
	{ "false", 0 },
	{ "on", 1 },
	{ "off", 0 },
};
static const struct word poll_words[] = {
	{ "alarm", POLL_ALARM },
	{ "fast", POLL_FAST },
	{ "slow", POLL_SLOW },
	{ "once", POLL_ONCE },
};
static const struct word type_words[] = {
	{ "u16", TYPE_U16 },
	{ "i16", TYPE_I16 },
	{ "u32", TYPE_U32 },
	{ "i32", TYPE_I32 },
	{ "f32", TYPE_F32 },
	{ "u64", TYPE_U64 },
	{ "i64", TYPE_I64 },
	{ "bits", TYPE_BITS },
	{ "ascii", TYPE_ASCII },
};
static const uint8_t type_words_each[] = {
	[TYPE_U16] = 1,
	[TYPE_I16] = 1,
	[TYPE_U32] = 2,
	[TYPE_I32] = 2,
	[TYPE_F32] = 2,
	[TYPE_U64] = 4,
	[TYPE_I64] = 4,
	[TYPE_BITS] = 1,
	[TYPE_ASCII] = 0 /* as long as its range */,
};
static const struct word order_words[] = {
	{ "big", ORDER_BIG },
	{ "little", ORDER_LITTLE },
};
static const struct word access_words[] = {
	{ "read", ACCESS_READ },
	{ "read-write", ACCESS_READ_WRITE },
};
static const struct word function_words[] = {
	{ "holding", 3 },
	{ "input", 4 },
};
static const struct word level_words[] = {
	{ "high-high", LEVEL_HIGH_HIGH },
	{ "high", LEVEL_HIGH },
	{ "low", LEVEL_LOW },
	{ "low-low", LEVEL_LOW_LOW },
	{ "off", LEVEL_OFF },
	{ "high-non-latching", LEVEL_HIGH_NON_LATCHING },
	{ "low-non-latching", LEVEL_LOW_NON_LATCHING },
};
static const struct word health_words[] = {
	{ "frequency", HEALTH_FREQUENCY },
	{ "voltage-clipping-a", HEALTH_VOLTAGE_CLIPPING_A },
	{ "voltage-clipping-b", HEALTH_VOLTAGE_CLIPPING_B },
	{ "voltage-clipping-c", HEALTH_VOLTAGE_CLIPPING_C },
	{ "current-clipping", HEALTH_CURRENT_CLIPPING },
	{ "ct-strip", HEALTH_CT_STRIP },
};
static const struct word severity_words[] = {
	{ "warning", STATE_WARNING },
	{ "critical", STATE_CRITICAL },
};
static const struct word clear_words[] = {
	{ "none", CLEAR_NONE },
	{ "zero-bits", CLEAR_ZERO_BITS },
	{ "ones-mask", CLEAR_ONES_MASK },
	{ "command", CLEAR_COMMAND },
};
static const struct word command_words[] = {
	{ "clear-latches", 0 },
	{ "reset-energy", 0 },
	{ "reset-maxima", 0 },
	{ "reset-demand", 0 },
	{ "reset-max-demand", 0 },
	{ "start-demand-interval", 0 },
};
/* What a register may be in, and its power of ten against the base unit. */
static const struct {
	enum unit unit;
	const char *name;
	int exponent;
} unit_words[] = {
	{ UNIT_MA, "A", 0 },
	{ UNIT_MA, "mA", -3 },
	{ UNIT_MV, "V", 0 },
	{ UNIT_MV, "mV", -3 },
	{ UNIT_MV, "kV", 3 },
	{ UNIT_MHZ, "Hz", 0 },
	{ UNIT_MHZ, "mHz", -3 },
	{ UNIT_W, "kW", 0 },
	{ UNIT_W, "W", -3 },
	{ UNIT_W, "MW", 3 },
	{ UNIT_VA, "kVA", 0 },
	{ UNIT_VA, "VA", -3 },
	{ UNIT_VA, "MVA", 3 },
	{ UNIT_VAR, "kvar", 0 },
	{ UNIT_VAR, "var", -3 },
	{ UNIT_VAR, "Mvar", 3 },
	{ UNIT_PF, "1", 0 },
	{ UNIT_PF, "percent", -2 },
	{ UNIT_WH, "kWh", 0 },
	{ UNIT_WH, "Wh", -3 },
	{ UNIT_WH, "MWh", 3 },
	{ UNIT_DECIDEGREE, "deg", 0 },
	{ UNIT_S, "s", 0 },
	{ UNIT_S, "ms", -3 },
	{ UNIT_PERMILLE, "percent", 0 },
	{ UNIT_PERMILLE, "permille", -1 },
};

static const struct {
	const char *name;
	enum threshold_unit unit;
	int exponent;
} threshold_units[] = {
	{ "permille-of-rating", THRESHOLD_PERMILLE_OF_RATING, 0 },
	{ "percent-of-rating", THRESHOLD_PERMILLE_OF_RATING, 1 },
	{ "A", THRESHOLD_MILLIAMP, 3 },
	{ "mA", THRESHOLD_MILLIAMP, 0 },
	{ "V", THRESHOLD_MILLIVOLT, 3 },
	{ "mV", THRESHOLD_MILLIVOLT, 0 },
};

static cfg_opt_t model_options[] = { SYNTAX_VALUE("id"), CFG_END() };
static cfg_opt_t block_options[] = {
	SYNTAX_VALUE("registers"),
	SYNTAX_VALUE("optional"),
	CFG_END(),
};
static cfg_opt_t scale_options[] = {
	SYNTAX_VALUE("registers"),
	SYNTAX_VALUE("count"),
	SYNTAX_VALUE("stride"),
	SYNTAX_VALUE("poll"),
	CFG_END(),
};

/* What a point may take over from its group. */
#define SHARED_OPTIONS                                                                             \
	SYNTAX_VALUE("count"), SYNTAX_VALUE("channel"), SYNTAX_VALUE("step"),                      \
		SYNTAX_VALUE("type"), SYNTAX_VALUE("word-order"), SYNTAX_VALUE("scale"),           \
		SYNTAX_VALUE("unit"), SYNTAX_VALUE("exponent"), SYNTAX_VALUE("poll"),              \
		SYNTAX_VALUE("access"), SYNTAX_LIST("models")

static cfg_opt_t point_options[] = {
	SHARED_OPTIONS,
	SYNTAX_VALUE("registers"),
	SYNTAX_VALUE("integer"),
	SYNTAX_VALUE("float"),
	SYNTAX_VALUE("stride"),
	SYNTAX_VALUE("rollover"),
	SYNTAX_VALUE("no-value"),
	SYNTAX_LIST("range"),
	SYNTAX_VALUE("default"),
	CFG_END(),
};
static cfg_opt_t group_options[] = {
	SHARED_OPTIONS,
	SYNTAX_TITLED("point", point_options),
	CFG_END(),
};

static cfg_opt_t threshold_options[] = {
	SYNTAX_LIST("scopes"),
	SYNTAX_VALUE("channel"),
	SYNTAX_VALUE("unit"),
	SYNTAX_VALUE("zero-disables"),
	SYNTAX_VALUE("poll"),
	SYNTAX_LIST("models"),
	SYNTAX_VALUE("value"),
	SYNTAX_VALUE("value-access"),
	SYNTAX_LIST("value-range"),
	SYNTAX_VALUE("value-default"),
	SYNTAX_VALUE("scale"),
	SYNTAX_VALUE("delay"),
	SYNTAX_VALUE("delay-access"),
	SYNTAX_LIST("delay-range"),
	SYNTAX_VALUE("delay-default"),
	SYNTAX_VALUE("hysteresis"),
	SYNTAX_VALUE("hysteresis-access"),
	SYNTAX_LIST("hysteresis-range"),
	SYNTAX_VALUE("hysteresis-default"),
	CFG_END(),
};
static cfg_opt_t alarm_options[] = {
	SYNTAX_LIST("scopes"),
	SYNTAX_VALUE("latched-bit"),
	SYNTAX_VALUE("active-bit"),
	SYNTAX_VALUE("severity"),
	SYNTAX_VALUE("counter"),
	SYNTAX_VALUE("threshold"),
	SYNTAX_VALUE("clear"),
	SYNTAX_VALUE("clear-register"),
	SYNTAX_VALUE("clear-value"),
	CFG_END(),
};
static cfg_opt_t command_options[] = {
	SYNTAX_VALUE("scope"),
	SYNTAX_VALUE("registers"),
	SYNTAX_VALUE("value"),
	CFG_END(),
};
static cfg_opt_t ct_layout_options[] = {
	SYNTAX_VALUE("value"),
	SYNTAX_VALUE("sequential"),
	CFG_END(),
};
static cfg_opt_t health_options[] = { SYNTAX_VALUE("bit"), CFG_END() };
static cfg_opt_t file_options[] = {
	SYNTAX_VALUE("title"),
	SYNTAX_LIST("include"),
	SYNTAX_VALUE("base"),
	SYNTAX_VALUE("area"),
	SYNTAX_VALUE("word-order"),
	SYNTAX_VALUE("no-value"),
	SYNTAX_VALUE("max-read"),
	SYNTAX_VALUE("max-write"),
	SYNTAX_VALUE("branches"),
	SYNTAX_VALUE("mains"),
	SYNTAX_LIST("triggers"),
	SYNTAX_TITLED("model", model_options),
	SYNTAX_TITLED("block", block_options),
	SYNTAX_TITLED("scale", scale_options),
	SYNTAX_TITLED("group", group_options),
	SYNTAX_TITLED("threshold", threshold_options),
	SYNTAX_TITLED("alarm", alarm_options),
	SYNTAX_TITLED("command", command_options),
	SYNTAX_TITLED("ct-layout", ct_layout_options),
	SYNTAX_TITLED("health", health_options),
	CFG_END(),
};

/* A place in the text to read from: a section and what it takes over from. */
struct place {
	struct draft *draft;
	cfg_t *section;
	cfg_t *parent; /* group of a point, else NULL */
};

static struct origin place_origin(const struct place *place)
{
	return (struct origin){ place->section->filename, place->section->line };
}

/* How a section is called in messages: point "current". */
#define PLACE_FORMAT	  "%s \"%s\""
#define PLACE_ARGS(place) (place)->section->name, syntax_title((place)->section)

static void complain(const struct place *place, const struct setting *setting, const char *format,
	...) __attribute__((format(printf, 3, 4)));

/* setting NULL: about the section as a whole. */
static void complain(
	const struct place *place, const struct setting *setting, const char *format, ...)
{
	struct origin origin = place_origin(place);
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	problem_add(place->draft->problems, origin.file, setting ? setting->line : origin.line,
		"%s", text);
}

static bool has_option(cfg_t *section, const char *name)
{
	for (unsigned i = 0; i < cfg_num(section); i++) {
		if (strcmp(section->opts[i].name, name) == 0)
			return true;
	}
	return false;
}

static const struct setting *find(const struct place *place, const char *name)
{
	const struct setting *setting = syntax_get(place->section, name);

	if (setting == NULL && place->parent != NULL && has_option(place->parent, name))
		setting = syntax_get(place->parent, name);
	return setting;
}

/* The section whose option counts: a list given in the point replaces that of the group. */
static cfg_t *list_owner(const struct place *place, const char *name)
{
	if (syntax_count(place->section, name) > 0 || place->parent == NULL ||
		!has_option(place->parent, name))
		return place->section;
	return place->parent;
}

static const struct setting *need(const struct place *place, const char *name)
{
	const struct setting *setting = find(place, name);

	if (setting == NULL && place->draft->whole)
		complain(place, NULL, PLACE_FORMAT ": %s is missing", PLACE_ARGS(place), name);
	return setting;
}

static bool parse_number(const struct place *place, const struct setting *setting, const char *name,
	int64_t min, int64_t max, int64_t *value)
{
	int rc = number_parse(setting->text, min, max, value);

	if (rc == 0)
		return true;
	complain(place, setting, "%s: \"%s\" is %s (%" PRId64 " to %" PRId64 ")", name,
		setting->text, rc == -ERANGE ? "out of range" : "not a whole number", min, max);
	return false;
}

/* fallback when it is not given or wrong. */
static int64_t get_number(
	const struct place *place, const char *name, int64_t min, int64_t max, int64_t fallback)
{
	const struct setting *setting = find(place, name);
	int64_t value;

	if (setting == NULL || !parse_number(place, setting, name, min, max, &value))
		return fallback;
	return value;
}

static bool need_number(
	const struct place *place, const char *name, int64_t min, int64_t max, int64_t *value)
{
	const struct setting *setting = need(place, name);

	return setting != NULL && parse_number(place, setting, name, min, max, value);
}

static bool find_word(const char *text, const struct word *words, size_t n, int *value)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i].name, text) == 0) {
			*value = words[i].value;
			return true;
		}
	}
	return false;
}

static void join(char *to, size_t size, const char *name)
{
	size_t used = strlen(to);

	snprintf(to + used, size - used, "%s%s", used ? ", " : "", name);
}

static bool parse_word(const struct place *place, const struct setting *setting, const char *name,
	const struct word *words, size_t n, int *value)
{
	char allowed[512] = "";

	if (find_word(setting->text, words, n, value))
		return true;
	for (size_t i = 0; i < n; i++)
		join(allowed, sizeof(allowed), words[i].name);
	complain(place, setting, "%s: \"%s\" is none of: %s", name, setting->text, allowed);
	return false;
}

static int get_word(const struct place *place, const char *name, const struct word *words, size_t n,
	int fallback)
{
	const struct setting *setting = find(place, name);
	int value;

	if (setting == NULL || !parse_word(place, setting, name, words, n, &value))
		return fallback;
	return value;
}

static bool get_bool(const struct place *place, const char *name)
{
	return get_word(place, name, WORDS(bool_words), 0) != 0;
}

struct range {
	uint16_t first, last; /* PDU addresses */
	bool ranged;	      /* two numbers were given */
};

/* "1168-1251" or "1168", as printed in the manual. */
static bool parse_registers(const struct place *place, const struct setting *setting,
	const char *name, struct range *range)
{
	unsigned base = place->draft->profile.base;
	char first_text[32];
	const char *dash = strchr(setting->text, '-');
	int64_t first, last;

	text_copy(first_text, sizeof(first_text), setting->text);
	if (dash != NULL && (size_t)(dash - setting->text) < sizeof(first_text))
		first_text[dash - setting->text] = '\0';
	if (number_parse(first_text, base, REGISTER_LAST + base, &first) < 0 ||
		number_parse(dash ? dash + 1 : first_text, base, REGISTER_LAST + base, &last) < 0) {
		complain(place, setting,
			"%s: \"%s\" is neither a register nor a range like 1000-1041 (%u to %u)",
			name, setting->text, base, REGISTER_LAST + base);
		return false;
	}
	if (last < first) {
		complain(place, setting, "%s: \"%s\" ends before it begins", name, setting->text);
		return false;
	}
	*range = (struct range){ (uint16_t)(first - base), (uint16_t)(last - base), dash != NULL };
	return true;
}

static bool need_registers(const struct place *place, const char *name, struct range *range)
{
	const struct setting *setting = need(place, name);

	return setting != NULL && parse_registers(place, setting, name, range);
}

/* Names are shown and referred to: keep them short and plain. */
static bool take_title(const struct place *place, char *to, size_t size)
{
	const char *title = syntax_title(place->section);

	if (title[0] == '\0' || strlen(title) >= size ||
		title[strspn(title,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")]) {
		complain(place, NULL,
			PLACE_FORMAT ": a name has 1 to %zu letters, digits and hyphens",
			PLACE_ARGS(place), size - 1);
		return false;
	}
	text_copy(to, size, title);
	return true;
}

static uint8_t get_models(const struct place *place)
{
	cfg_t *owner = list_owner(place, "models");
	struct draft *draft = place->draft;
	uint8_t mask = 0;

	for (size_t i = 0; i < syntax_count(owner, "models"); i++) {
		const struct setting *setting = syntax_get_nth(owner, "models", i);
		unsigned m = 0;

		while (m < draft->models.n &&
			strcmp(draft->models.items[m].model.name, setting->text) != 0)
			m++;
		if (m == draft->models.n)
			complain(place, setting, "models: there is no model \"%s\"", setting->text);
		else if (m < PROFILE_MODELS_MAX)
			mask |= (uint8_t)(1u << m);
	}
	return mask != 0 ? mask : UINT8_MAX;
}

static void read_model(const struct place *place)
{
	struct draft_model *item = DRAFT_ADD(&place->draft->models);
	int64_t id;

	item->origin = place_origin(place);
	take_title(place, item->model.name, sizeof(item->model.name));
	if (need_number(place, "id", 0, UINT16_MAX, &id))
		item->model.id = (uint16_t)id;
}

static void read_block(const struct place *place)
{
	struct range range;
	struct draft_block *item;

	if (!need_registers(place, "registers", &range)) {
		place->draft->lost |= LOST_BLOCK;
		return;
	}
	item = DRAFT_ADD(&place->draft->blocks);
	item->origin = place_origin(place);
	item->block.first = range.first;
	item->block.last = range.last;
	item->block.optional = get_bool(place, "optional");
}

/*
 * count elements of words registers, stride apart, must fill the range exactly:
 * numbers in manuals are easily mistyped, and this finds it.
 */
static bool check_extent(const struct place *place, const struct setting *setting, const char *name,
	const struct range *range, unsigned count, unsigned words, unsigned stride)
{
	unsigned base = place->draft->profile.base;
	unsigned last = range->first + (count - 1) * stride + words - 1;

	if (last > REGISTER_LAST) {
		complain(place, setting, "%s: %u values from %s on end beyond register %u", name,
			count, setting->text, REGISTER_LAST + base);
		return false;
	}
	if (range->ranged && last != range->last) {
		complain(place, setting,
			"%s: \"%s\" has %u registers, but %u value%s of %u end%s at %u", name,
			setting->text, range->last - range->first + 1u, count, count > 1 ? "s" : "",
			words, count > 1 ? "" : "s", last + base);
		return false;
	}
	return true;
}

static bool read_scale_registers(const struct place *place, struct profile_scale *scale)
{
	const struct setting *setting = need(place, "registers");
	struct range range;
	int64_t count, stride;

	if (setting == NULL || !parse_registers(place, setting, "registers", &range))
		return false;
	stride = get_number(place, "stride", 1, STRIDE_MAX, 1);
	count = get_number(
		place, "count", 1, COUNT_MAX, stride == 1 ? range.last - range.first + 1 : 1);
	if (!check_extent(
		    place, setting, "registers", &range, (unsigned)count, 1, (unsigned)stride))
		return false;
	scale->reg = range.first;
	scale->count = (uint16_t)count;
	scale->stride = count > 1 ? (uint16_t)stride : 0;
	return true;
}

static void read_scale(const struct place *place)
{
	struct draft_scale item = { .origin = place_origin(place) };

	item.scale.poll = (enum poll_class)get_word(place, "poll", WORDS(poll_words), POLL_SLOW);
	if (take_title(place, item.scale.name, sizeof(item.scale.name)) &&
		read_scale_registers(place, &item.scale))
		*DRAFT_ADD(&place->draft->scales) = item;
	else
		place->draft->lost |= LOST_SCALE;
}

static void read_unit(const struct place *place, enum quantity quantity, int *exponent)
{
	const struct setting *setting = find(place, "unit");
	enum unit unit = quantity_info(quantity)->unit;
	char allowed[128] = "";

	if (setting == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(unit_words); i++) {
		if (unit_words[i].unit != unit)
			continue;
		if (strcmp(unit_words[i].name, setting->text) == 0) {
			*exponent += unit_words[i].exponent;
			return;
		}
		join(allowed, sizeof(allowed), unit_words[i].name);
	}
	if (allowed[0] == '\0')
		complain(place, setting, "unit: %s has no unit", quantity_info(quantity)->name);
	else
		complain(place, setting, "unit: \"%s\" is none of those of %s: %s", setting->text,
			quantity_info(quantity)->name, allowed);
}

/* Raw value that a register of this type can hold. */
static void type_limits(enum word_type type, int64_t *min, int64_t *max)
{
	*min = type == TYPE_I16 ? INT16_MIN : type == TYPE_I32 ? INT32_MIN : 0;
	*max = type == TYPE_I16 ? INT16_MAX : type == TYPE_I32 ? INT32_MAX : UINT16_MAX;
	if (type == TYPE_U32)
		*max = INT32_MAX; /* struct point keeps 32 signed bits */
}

/* option: "range" and "default", or with the prefix of a threshold. */
static void read_range(const struct place *place, const char *range_name, const char *default_name,
	struct point *point)
{
	const struct setting *low = syntax_get_nth(place->section, range_name, 0);
	const struct setting *high = syntax_get_nth(place->section, range_name, 1);
	const struct setting *fallback = syntax_get(place->section, default_name);
	int64_t least, most, min, max, value;

	type_limits(point->type, &least, &most);
	if (low != NULL && point->access == ACCESS_READ)
		complain(place, low, "%s: only what can be written has a range", range_name);
	if (low != NULL && syntax_count(place->section, range_name) != 2)
		complain(place, low, "%s: a range has two numbers: {lowest, highest}", range_name);
	else if (low != NULL && parse_number(place, low, range_name, least, most, &min) &&
		 parse_number(place, high, range_name, min, most, &max)) {
		point->has_range = true;
		point->min = (int32_t)min;
		point->max = (int32_t)max;
		least = min;
		most = max;
	}
	if (fallback != NULL && parse_number(place, fallback, default_name, least, most, &value)) {
		point->has_default = true;
		point->fallback = (int32_t)value;
	}
}

/* Raw values that a 32- or 64-bit register can hold; INT64_MAX is enough for a u64. */
static int64_t raw_limit(const struct point *point)
{
	return point->words == 1 ? UINT16_MAX : point->words == 2 ? UINT32_MAX : INT64_MAX;
}

/* Where a float stands beside an integer, these are the integer's. */
static void refuse_special(const struct place *place, const struct point *point, const char *option)
{
	const struct setting *setting = find(place, option);

	if (setting != NULL && point->encoding != ENCODING_FLOAT)
		complain(place, setting, "%s: a value of type %s has none%s", option,
			word_type_name(point->type),
			point->type == TYPE_F32 ? "; it is absent when it is NaN or infinite" : "");
}

static void read_specials(const struct place *place, struct point *point)
{
	const struct setting *setting = find(place, "no-value");
	int64_t value;

	if (point->type == TYPE_F32 || point->type == TYPE_ASCII) {
		refuse_special(place, point, "no-value");
		refuse_special(place, point, "rollover");
		return;
	}
	if (setting != NULL &&
		parse_number(place, setting, "no-value", 0, raw_limit(point), &value)) {
		point->has_no_value = true;
		point->no_value = (uint64_t)value;
	}
	setting = find(place, "rollover");
	if (setting == NULL)
		return;
	if (point->quantity != Q_ENERGY || point->type == TYPE_BITS)
		complain(place, setting, "rollover: only energies roll over");
	else if (parse_number(place, setting, "rollover", 2,
			 point->words == 4 ? INT64_MAX : raw_limit(point) + 1, &value)) {
		point->has_rollover = true;
		point->rollover = (uint64_t)value;
	}
}

static void read_scale_name(const struct place *place, struct draft *draft, struct point *point)
{
	const struct setting *setting = find(place, "scale");
	const struct profile_scale *scale = NULL;

	if (setting == NULL)
		return;
	for (unsigned i = 0; i < draft->scales.n && scale == NULL; i++) {
		if (strcmp(draft->scales.items[i].scale.name, setting->text) == 0) {
			scale = &draft->scales.items[i].scale;
			point->scale = (uint16_t)i;
		}
	}
	if (scale == NULL) {
		if ((draft->lost & LOST_SCALE) == 0)
			complain(place, setting, "scale: there is no scale \"%s\"", setting->text);
		return;
	}
	if (point->type == TYPE_BITS || point->type == TYPE_ASCII || point->type == TYPE_F32) {
		complain(place, setting, "scale: a value of type %s has none",
			word_type_name(point->type));
		return;
	}
	if (scale->count != 1 && scale->count != point->count) {
		complain(place, setting, "scale: \"%s\" has %u registers for %u values (1 or %u)",
			scale->name, scale->count, point->count, point->count);
		return;
	}
	point->scaled = true;
	point->scale_reg = scale->reg;
	point->scale_stride = scale->stride;
}

static void check_type(const struct place *place, const struct point *point)
{
	const struct quantity_info *info = quantity_info(point->quantity);
	const struct setting *setting = find(place, "type");

	if (info->text != (point->type == TYPE_ASCII))
		complain(place, setting, "type: %s is %s, so it cannot be of type %s", info->name,
			info->text ? "a text" : "a number", word_type_name(point->type));
	else if (point->type == TYPE_BITS && info->unit != UNIT_NONE)
		complain(place, setting, "type: %s has a unit, so it cannot be of type bits",
			info->name);
}

/* A contact is read whole, as it is. */
static bool check_input(const struct place *place, const struct point *point)
{
	if (point->quantity != Q_INPUT_STATE)
		return true;
	if (point->type != TYPE_BITS && point->type != TYPE_U16) {
		complain(place, find(place, "type"), "type: input-state is of type u16 or bits");
		return false;
	}
	if (point->access != ACCESS_READ) {
		complain(place, find(place, "access"), "access: an input can only be read");
		return false;
	}
	if (point->type == TYPE_BITS && point->count > 16) {
		complain(place, find(place, "count"),
			"count: a register has 16 bits, for %u inputs", point->count);
		return false;
	}
	return true;
}

/* One place of the values: option is "registers", "integer" or "float". */
static bool read_point_at(const struct place *place, const char *option, struct point point)
{
	const struct setting *setting = find(place, option);
	struct draft *draft = place->draft;
	struct draft_point *item;
	struct range range;
	int unit_exponent = 0;

	if (!parse_registers(place, setting, option, &range))
		return false;
	read_unit(place, point.quantity, &unit_exponent);
	point.exponent = (int8_t)(unit_exponent +
				  (point.encoding == ENCODING_FLOAT
						  ? 0
						  : get_number(place, "exponent", -9, 9, 0)));
	check_type(place, &point);
	point.reg = range.first;
	point.words = type_words_each[point.type];
	if (point.type == TYPE_ASCII)
		point.words = (uint16_t)((range.last - range.first + 1) / point.count);
	if (point.quantity == Q_INPUT_STATE && point.type == TYPE_BITS)
		point.stride = 0; /* all in one register */
	else
		point.stride = (uint16_t)get_number(
			place, "stride", point.words, STRIDE_MAX, point.words);
	if (!check_input(place, &point) || !check_extent(place, setting, option, &range, point.count, point.words, point.stride))
		return false;
	if (point.encoding != ENCODING_FLOAT)
		read_scale_name(place, draft, &point);
	read_specials(place, &point);
	if (point.encoding != ENCODING_FLOAT)
		read_range(place, "range", "default", &point);
	else
		point.access = ACCESS_READ; /* written as integer only */
	item = DRAFT_ADD(&draft->points);
	item->point = point;
	item->origin = (struct origin){ place->section->filename, setting->line };
	snprintf(item->name, sizeof(item->name), "%s %s", scope_name(point.scope),
		quantity_info(point.quantity)->name);
	return true;
}

static unsigned scope_channels(const struct draft *draft, enum scope scope)
{
	switch (scope) {
	case SCOPE_BRANCH:
		return draft->profile.branches;
	case SCOPE_MAINS:
		return draft->profile.mains * MAINS_PHASES;
	case SCOPE_VOLTAGE:
	case SCOPE_ALT_VOLTAGE:
		return VOLTAGE_MEASURES;
	case SCOPE_SOURCE:
		return 2;
	case SCOPE_INPUT:
		return INPUTS_MAX;
	case SCOPE_TWO_POLE:
	case SCOPE_THREE_POLE:
		return 999; /* circuit numbers 2001 to 2999, 3001 to 3999 */
	default:
		return 1;
	}
}

/* Those of the first mains set are meant; 0: there is none of that name. */
static unsigned channel_find(enum scope scope, const char *name, char *known, size_t size)
{
	unsigned most = scope == SCOPE_MAINS ? MAINS_PHASES : VOLTAGE_MEASURES;

	for (unsigned i = 1; i <= most && channel_name(scope, i) != NULL; i++) {
		if (strcmp(channel_name(scope, i), name) == 0)
			return i;
		join(known, size, channel_name(scope, i));
	}
	return 0;
}

/* A number, or where the channels of the scope have names, one of these. */
static bool read_first_channel(const struct place *place, unsigned most, struct point *point)
{
	const struct setting *setting = find(place, "channel");
	char known[128] = "";
	int64_t number = 1;

	if (setting != NULL && number_parse(setting->text, 1, most, &number) < 0) {
		number = channel_find(point->scope, setting->text, known, sizeof(known));
		if (number == 0 && known[0] == '\0')
			return parse_number(place, setting, "channel", 1, most, &number);
		if (number == 0)
			complain(place, setting, "channel: \"%s\" is none of: %s, or 1 to %u",
				setting->text, known, most);
	}
	point->first_channel = (uint16_t)number;
	return number > 0;
}

static bool read_channels(const struct place *place, struct point *point)
{
	unsigned most = scope_channels(place->draft, point->scope);
	unsigned last;

	if (!read_first_channel(place, most ? most : 1, point))
		return false;
	point->count = (uint16_t)get_number(place, "count", 1, COUNT_MAX, 1);
	point->channel_step = (uint16_t)get_number(place, "step", 1, COUNT_MAX, 1);
	last = point->first_channel + (point->count - 1u) * point->channel_step;
	if (last > most) {
		complain(place, find(place, "count"),
			PLACE_FORMAT ": channels %u to %u, but scope %s has only %u here",
			PLACE_ARGS(place), point->first_channel, last, scope_name(point->scope),
			most);
		return false;
	}
	return true;
}

static bool read_quantity(const struct place *place, struct point *point)
{
	const char *title = syntax_title(place->section);
	int quantity = quantity_find(title);

	if (quantity < 0) {
		complain(place, NULL, "there is no quantity \"%s\"", title);
		return false;
	}
	point->quantity = (enum quantity)quantity;
	if (quantity_in_scope(point->quantity, point->scope))
		return true;
	complain(place, NULL, "a quantity \"%s\" does not exist in scope %s", title,
		scope_name(point->scope));
	return false;
}

static bool read_type(const struct place *place, struct point *point)
{
	const struct setting *setting = find(place, "type");
	int type = TYPE_I16;

	if (setting != NULL && !parse_word(place, setting, "type", WORDS(type_words), &type))
		return false;
	point->type = (enum word_type)type;
	return true;
}

/* At one place, or as integer at one and as float at another. */
static bool read_places(const struct place *place, struct point point)
{
	bool one = find(place, "registers") != NULL, integer = find(place, "integer") != NULL,
	     real = find(place, "float") != NULL, done;

	if (integer != real || one == integer) {
		complain(place, NULL,
			PLACE_FORMAT ": give either registers, or both integer and float",
			PLACE_ARGS(place));
		return false;
	}
	if (one)
		return read_point_at(place, "registers", point);
	point.encoding = ENCODING_INTEGER;
	done = read_point_at(place, "integer", point);
	point.encoding = ENCODING_FLOAT;
	point.type = TYPE_F32;
	return read_point_at(place, "float", point) && done;
}

static bool read_point(const struct place *place, enum scope scope)
{
	struct point point = { .scope = scope, .encoding = ENCODING_ANY };

	if (!read_quantity(place, &point) || !read_channels(place, &point) ||
		!read_type(place, &point))
		return false;
	point.models = get_models(place);
	point.poll = (enum poll_class)get_word(place, "poll", WORDS(poll_words), POLL_FAST);
	point.access = (enum access)get_word(place, "access", WORDS(access_words), ACCESS_READ);
	point.order = (enum word_order)get_word(
		place, "word-order", WORDS(order_words), (int)place->draft->order);
	return read_places(place, point);
}

static void read_group(const struct place *place)
{
	cfg_t *group = place->section;
	int scope = scope_find(syntax_title(group));

	if (scope < 0 || scope == SCOPE_THRESHOLD) {
		complain(place, NULL,
			"there is no scope \"%s\" (panel, branch, mains, voltage, "
			"alt-voltage, source, two-pole, three-pole, input)",
			syntax_title(group));
		place->draft->lost |= LOST_POINT;
		return;
	}
	for (unsigned i = 0; i < cfg_size(group, "point"); i++) {
		struct place point = *place;

		point.section = cfg_getnsec(group, "point", i);
		point.parent = group;
		if (!read_point(&point, (enum scope)scope))
			place->draft->lost |= LOST_POINT;
	}
}

/* The title is one of words; what: what they are. */
static bool parse_title(
	const struct place *place, const char *what, const struct word *words, size_t n, int *value)
{
	char allowed[256] = "";

	if (find_word(syntax_title(place->section), words, n, value))
		return true;
	for (size_t i = 0; i < n; i++)
		join(allowed, sizeof(allowed), words[i].name);
	complain(place, NULL, "there is no %s \"%s\" (%s)", what, syntax_title(place->section),
		allowed);
	return false;
}

static bool parse_level(const struct place *place, enum level *level)
{
	int value;

	if (!parse_title(place, "level", WORDS(level_words), &value))
		return false;
	*level = (enum level)value;
	return true;
}

/* Scopes that have alarms, as a bit mask. */
static unsigned need_scopes(const struct place *place)
{
	static const struct word words[] = {
		{ "branch", SCOPE_BRANCH },
		{ "mains", SCOPE_MAINS },
		{ "voltage", SCOPE_VOLTAGE },
		{ "alt-voltage", SCOPE_ALT_VOLTAGE },
	};
	unsigned scopes = 0;
	int scope;

	need(place, "scopes");
	for (size_t i = 0; i < syntax_count(place->section, "scopes"); i++) {
		const struct setting *setting = syntax_get_nth(place->section, "scopes", i);

		if (parse_word(place, setting, "scopes", WORDS(words), &scope))
			scopes |= 1u << scope;
	}
	return scopes;
}

/* One of the three registers of a threshold: "value", "delay", "hysteresis". */
static void read_threshold_point(const struct place *place, const char *option, struct point point)
{
	const struct setting *setting = syntax_get(place->section, option);
	struct draft *draft = place->draft;
	struct draft_point *item;
	struct range range;
	char access[32], limits[32], fallback[32];

	if (setting == NULL || !parse_registers(place, setting, option, &range))
		return;
	snprintf(access, sizeof(access), "%s-access", option);
	snprintf(limits, sizeof(limits), "%s-range", option);
	snprintf(fallback, sizeof(fallback), "%s-default", option);
	point.reg = range.first;
	point.access = (enum access)get_word(place, access, WORDS(access_words), ACCESS_READ_WRITE);
	read_range(place, limits, fallback, &point);
	if (point.quantity == Q_THRESHOLD)
		read_scale_name(place, draft, &point);
	item = DRAFT_ADD(&draft->points);
	item->point = point;
	item->origin = (struct origin){ place->section->filename, setting->line };
	snprintf(item->name, sizeof(item->name), "threshold %s %s", syntax_title(place->section),
		option);
}

static void read_threshold_of(
	const struct place *place, struct profile_threshold threshold, int exponent)
{
	struct draft_threshold *item = DRAFT_ADD(&place->draft->thresholds);
	struct point point = {
		.scope = SCOPE_THRESHOLD,
		.first_channel = (uint16_t)place->draft->thresholds.n,
		.count = 1,
		.channel_step = 1,
		.stride = 1,
		.words = 1,
		.type = TYPE_U16,
		.encoding = ENCODING_ANY,
		.models = get_models(place),
		.poll = (enum poll_class)get_word(place, "poll", WORDS(poll_words), POLL_SLOW),
	};

	item->origin = place_origin(place);
	item->threshold = threshold;
	point.quantity = Q_THRESHOLD;
	point.exponent = (int8_t)exponent;
	read_threshold_point(place, "value", point);
	point.quantity = Q_DELAY;
	point.exponent = 0;
	read_threshold_point(place, "delay", point);
	point.quantity = Q_HYSTERESIS;
	point.exponent = -1; /* registers count 0.1 %; the base unit is % */
	read_threshold_point(place, "hysteresis", point);
}

static void read_threshold(const struct place *place)
{
	const struct setting *unit = need(place, "unit");
	struct profile_threshold threshold = { .unit = THRESHOLD_PERMILLE_OF_RATING };
	unsigned scopes = need_scopes(place);
	bool known = unit == NULL;
	int exponent = 0;

	if (!parse_level(place, &threshold.level) || scopes == 0) {
		place->draft->lost |= LOST_THRESHOLD;
		return;
	}
	need(place, "value");
	for (size_t i = 0; unit != NULL && i < ARRAY_LEN(threshold_units); i++) {
		if (strcmp(threshold_units[i].name, unit->text) != 0)
			continue;
		threshold.unit = threshold_units[i].unit;
		exponent = threshold_units[i].exponent;
		known = true;
	}
	if (!known)
		complain(place, unit,
			"unit: \"%s\" is none of: permille-of-rating, "
			"percent-of-rating, A, mA, V, mV",
			unit->text);
	threshold.zero_disables = get_bool(place, "zero-disables");
	threshold.channel = (uint16_t)get_number(place, "channel", 0, COUNT_MAX, 0);
	for (unsigned scope = 0; scope < SCOPE_COUNT; scope++) {
		if ((scopes & 1u << scope) == 0)
			continue;
		threshold.scope = (enum scope)scope;
		read_threshold_of(place, threshold, exponent);
	}
}

static void read_clear(const struct place *place, struct profile_alarm *alarm)
{
	struct range range;
	int64_t value;

	alarm->clear = (enum clear_method)get_word(place, "clear", WORDS(clear_words), CLEAR_NONE);
	if (alarm->clear != CLEAR_COMMAND)
		return;
	if (need_registers(place, "clear-register", &range))
		alarm->clear_reg = range.first;
	if (need_number(place, "clear-value", 0, UINT16_MAX, &value))
		alarm->clear_value = (uint16_t)value;
}

static void read_alarm(const struct place *place)
{
	const struct setting *counter = find(place, "counter");
	struct profile_alarm alarm = { .counter = -1, .threshold = -1 };
	unsigned scopes = need_scopes(place);
	int quantity;

	if (!parse_level(place, &alarm.level))
		return;
	alarm.latched_bit = (int8_t)get_number(place, "latched-bit", 0, 15, -1);
	alarm.active_bit = (int8_t)get_number(place, "active-bit", 0, 15, -1);
	if (find(place, "latched-bit") == NULL && find(place, "active-bit") == NULL)
		complain(place, NULL, PLACE_FORMAT ": give latched-bit, active-bit or both",
			PLACE_ARGS(place));
	alarm.severity =
		(enum worst_state)get_word(place, "severity", WORDS(severity_words), STATE_WARNING);
	read_clear(place, &alarm);
	if (counter != NULL) {
		quantity = quantity_find(counter->text);
		if (quantity < Q_COUNT_HIGH_HIGH || quantity > Q_COUNT_OFF)
			complain(place, counter,
				"counter: \"%s\" is none of: count-high-high, count-high, "
				"count-low, count-low-low, count-off",
				counter->text);
		else
			alarm.counter = (int16_t)quantity;
	}
	for (unsigned scope = 0; scope < SCOPE_COUNT; scope++) {
		struct draft_alarm *item;

		if ((scopes & 1u << scope) == 0)
			continue;
		item = DRAFT_ADD(&place->draft->alarms);
		item->origin = place_origin(place);
		item->alarm = alarm;
		item->alarm.scope = (enum scope)scope;
		item->threshold_level = get_word(place, "threshold", WORDS(level_words), -1);
	}
}

static void read_command(const struct place *place)
{
	static const struct word words[] = {
		{ "panel", SCOPE_PANEL },
		{ "branch", SCOPE_BRANCH },
		{ "mains", SCOPE_MAINS },
		{ "two-pole", SCOPE_TWO_POLE },
		{ "three-pole", SCOPE_THREE_POLE },
	};
	struct draft_command *item;
	struct range range;
	int64_t value;
	int ignored;

	parse_title(place, "command", WORDS(command_words), &ignored);
	need(place, "scope");
	if (!need_registers(place, "registers", &range) ||
		!need_number(place, "value", 0, UINT16_MAX, &value))
		return;
	item = DRAFT_ADD(&place->draft->commands);
	item->origin = place_origin(place);
	text_copy(item->command.name, sizeof(item->command.name), syntax_title(place->section));
	item->command.scope = (enum scope)get_word(place, "scope", WORDS(words), SCOPE_PANEL);
	item->command.reg = range.first;
	item->command.count = (uint16_t)(range.last - range.first + 1);
	item->command.value = (uint16_t)value;
}

static void read_ct_layout(const struct place *place)
{
	struct draft_ct_layout *item = DRAFT_ADD(&place->draft->ct_layouts);
	int64_t value;

	item->origin = place_origin(place);
	take_title(place, item->ct_layout.name, sizeof(item->ct_layout.name));
	if (need_number(place, "value", 0, UINT16_MAX, &value))
		item->ct_layout.value = (uint16_t)value;
	item->ct_layout.sequential = get_bool(place, "sequential");
}

static void read_health(const struct place *place)
{
	struct draft_health *item;
	int64_t bit;
	int health;

	if (!parse_title(place, "health", WORDS(health_words), &health) ||
		!need_number(place, "bit", 0, 15, &bit))
		return;
	item = DRAFT_ADD(&place->draft->health);
	item->origin = place_origin(place);
	item->health.health = (enum health)health;
	item->health.bit = (uint8_t)bit;
}

static void read_triggers(const struct place *place)
{
	struct range range;

	for (size_t i = 0; i < syntax_count(place->section, "triggers"); i++) {
		const struct setting *setting = syntax_get_nth(place->section, "triggers", i);

		if (!parse_registers(place, setting, "triggers", &range))
			continue;
		if (range.last - range.first >= COUNT_MAX) {
			complain(place, setting, "triggers: \"%s\" is more than %d registers",
				setting->text, COUNT_MAX);
			continue;
		}
		for (unsigned reg = range.first; reg <= range.last; reg++) {
			struct draft_trigger *item = DRAFT_ADD(&place->draft->triggers);

			item->reg = (uint16_t)reg;
			item->origin = (struct origin){ place->section->filename, setting->line };
		}
	}
}

/* The first file that gives an option decides: the profile before what it includes. */
static struct place deciding(struct draft *draft, const char *name)
{
	struct place place = { .draft = draft, .section = draft->files[0] };

	for (unsigned i = 0; i < draft->n_files; i++) {
		if (syntax_get(draft->files[i], name) != NULL) {
			place.section = draft->files[i];
			break;
		}
	}
	return place;
}

static int64_t top_number(
	struct draft *draft, const char *name, int64_t min, int64_t max, int64_t fallback)
{
	struct place place = deciding(draft, name);

	return get_number(&place, name, min, max, fallback);
}

static int top_word(
	struct draft *draft, const char *name, const struct word *words, size_t n, int fallback)
{
	struct place place = deciding(draft, name);

	return get_word(&place, name, words, n, fallback);
}

/* A wrong number must not make all channels wrong. */
static unsigned top_channels(struct draft *draft, const char *name, unsigned most)
{
	struct place place = deciding(draft, name);

	return (unsigned)get_number(&place, name, 0, most, find(&place, name) ? most : 0);
}

static void read_top(struct draft *draft)
{
	struct profile *profile = &draft->profile;
	struct place place = deciding(draft, "title");
	const struct setting *title = find(&place, "title");
	int64_t marker;

	if (title != NULL && strlen(title->text) < sizeof(profile->title))
		text_copy(profile->title, sizeof(profile->title), title->text);
	else if (title != NULL)
		complain(&place, title, "title: longer than %zu characters",
			sizeof(profile->title) - 1);
	else if (draft->whole)
		problem_add(draft->problems, draft->path, 0, "title is missing");
	profile->base = (unsigned)top_number(draft, "base", 0, 1, 1);
	profile->function = (unsigned)top_word(draft, "area", WORDS(function_words), 3);
	profile->max_read = (unsigned)top_number(draft, "max-read", 1, 125, 125);
	profile->max_write = (unsigned)top_number(draft, "max-write", 1, 123, 123);
	draft->order =
		(enum word_order)top_word(draft, "word-order", WORDS(order_words), ORDER_BIG);
	profile->branches = top_channels(draft, "branches", 999);
	profile->mains = top_channels(draft, "mains", 9);
	/* Written as the manual prints it, 0x8000, or as the number it is, -32768. */
	marker = top_number(draft, "no-value", INT16_MIN, UINT16_MAX, INT32_MAX);
	profile->no_value_i16 = marker <= UINT16_MAX ? (int16_t)(uint16_t)marker : INT32_MAX;
}

static void read_sections(
	struct draft *draft, const char *name, void (*read_one)(const struct place *place))
{
	struct place place = { .draft = draft };

	for (unsigned f = 0; f < draft->n_files; f++) {
		for (unsigned i = 0; i < cfg_size(draft->files[f], name); i++) {
			place.section = cfg_getnsec(draft->files[f], name, i);
			read_one(&place);
		}
	}
}

static void load_file(struct draft *draft, const char *path)
{
	bool whole;
	cfg_t *file = syntax_read(path, file_options, draft->problems, &whole);

	draft->whole = draft->whole && whole;
	if (file != NULL)
		draft->files[draft->n_files++] = file;
}

static void load_include(const struct place *place, const struct setting *setting)
{
	struct draft *draft = place->draft;
	const char *slash = strrchr(draft->path, '/');
	char *path;

	if (setting->text[0] == '\0' || strchr(setting->text, '/') != NULL) {
		complain(place, setting,
			"include: \"%s\" is not the name of a file in the same folder",
			setting->text);
		return;
	}
	path = xasprintf(
		"%.*s%s", slash ? (int)(slash - draft->path + 1) : 0, draft->path, setting->text);
	for (unsigned i = 0; i < draft->n_files; i++) {
		if (strcmp(draft->files[i]->filename, path) == 0) {
			complain(place, setting, "include: \"%s\" is included already",
				setting->text);
			goto out;
		}
	}
	if (draft->n_files == DRAFT_FILES_MAX)
		complain(place, setting, "include: \"%s\" is one file too many (at most %d)",
			setting->text, DRAFT_FILES_MAX);
	else
		load_file(draft, path);
out:
	free(path);
}

void profile_read(struct draft *draft, const char *path)
{
	draft->path = path;
	draft->whole = true;
	load_file(draft, path);
	/* The list grows while it is walked. */
	for (unsigned f = 0; f < draft->n_files; f++) {
		struct place place = { .draft = draft, .section = draft->files[f] };

		for (size_t i = 0; i < syntax_count(place.section, "include"); i++)
			load_include(&place, syntax_get_nth(place.section, "include", i));
	}
	if (draft->n_files == 0)
		return;
	read_top(draft);
	/* Models and scales first: the others refer to them. */
	read_sections(draft, "model", read_model);
	read_sections(draft, "block", read_block);
	read_sections(draft, "scale", read_scale);
	read_sections(draft, "group", read_group);
	read_sections(draft, "threshold", read_threshold);
	read_sections(draft, "alarm", read_alarm);
	read_sections(draft, "command", read_command);
	read_sections(draft, "ct-layout", read_ct_layout);
	read_sections(draft, "health", read_health);
	for (unsigned f = 0; f < draft->n_files; f++)
		read_triggers(&(struct place){ .draft = draft, .section = draft->files[f] });
}

void draft_fini(struct draft *draft)
{
	for (unsigned i = 0; i < draft->n_files; i++)
		cfg_free(draft->files[i]);
	free(draft->models.items);
	free(draft->blocks.items);
	free(draft->scales.items);
	free(draft->points.items);
	free(draft->thresholds.items);
	free(draft->alarms.items);
	free(draft->commands.items);
	free(draft->ct_layouts.items);
	free(draft->health.items);
	free(draft->triggers.items);
}

static const char *name_of(const struct word *words, size_t n, int value)
{
	for (size_t i = 0; i < n; i++) {
		if (words[i].value == value)
			return words[i].name;
	}
	return "?";
}

const char *level_name(enum level level)
{
	return name_of(WORDS(level_words), (int)level);
}

const char *health_name(enum health health)
{
	return name_of(WORDS(health_words), (int)health);
}

const char *poll_class_name(enum poll_class poll)
{
	return name_of(WORDS(poll_words), (int)poll);
}

const char *word_type_name(enum word_type type)
{
	return name_of(WORDS(type_words), (int)type);
}
