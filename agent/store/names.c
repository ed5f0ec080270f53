/* names: see names.h. */
#include "config.h"

#include "store/names.h"

#include <stdlib.h>
#include <string.h>

#include "core/refs.h"
#include "core/text.h"
#include "core/util.h"

struct name {
	uint32_t panel;
	enum name_kind kind;
	uint16_t branch;
	char *text, *configured;
};

struct names {
	int refs; /* atomic */
	uint64_t revision;
	struct name *items; /* by panel, kind, branch */
	size_t n;
};

struct names *names_new(void)
{
	struct names *names = xcalloc(1, sizeof(*names));

	names->refs = 1;
	return names;
}

struct names *names_ref(struct names *names)
{
	refs_take(&names->refs);
	return names;
}

void names_unref(struct names *names)
{
	if (names == NULL || !refs_drop(&names->refs))
		return;
	for (size_t i = 0; i < names->n; i++) {
		free(names->items[i].text);
		free(names->items[i].configured);
	}
	free(names->items);
	free(names);
}

uint64_t names_revision(const struct names *names)
{
	return names->revision;
}

static int compare(const struct name *name, uint32_t panel, enum name_kind kind, uint16_t branch)
{
	if (name->panel != panel)
		return name->panel < panel ? -1 : 1;
	if (name->kind != kind)
		return name->kind < kind ? -1 : 1;
	return (name->branch > branch) - (name->branch < branch);
}

/* Where it is, or would be. */
static size_t search(const struct names *names, uint32_t panel, enum name_kind kind,
	uint16_t branch, bool *found)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&names->items[middle], panel, kind, branch) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < names->n && compare(&names->items[low], panel, kind, branch) == 0;
	return low;
}

static void make_change(struct names *names, const struct name_change *change)
{
	bool found;
	size_t at = search(names, change->panel, change->kind, change->branch, &found);
	struct name *place = &names->items[at];

	if (found) {
		free(place->text);
		free(place->configured);
	}
	if (change->text == NULL) {
		if (found)
			memmove(place, place + 1, (--names->n - at) * sizeof(*place));
		return;
	}
	if (!found)
		memmove(place + 1, place, (names->n++ - at) * sizeof(*place));
	*place = (struct name){
		.panel = change->panel,
		.kind = change->kind,
		.branch = change->branch,
		.text = xstrdup(change->text),
		.configured = xstrdup(change->configured),
	};
}

struct names *names_change(const struct names *names, const struct name_change *changes, size_t n)
{
	struct names *next = names_new();

	next->revision = names->revision + 1;
	next->items = xcalloc(names->n + n, sizeof(*next->items));
	for (; next->n < names->n; next->n++) {
		const struct name *name = &names->items[next->n];
		struct name *copy = &next->items[next->n];

		*copy = *name;
		copy->text = xstrdup(name->text);
		copy->configured = xstrdup(name->configured);
	}
	for (size_t i = 0; i < n; i++)
		make_change(next, &changes[i]);
	return next;
}

const char *names_get(const struct names *names, uint32_t panel, enum name_kind kind,
	uint16_t branch, const char *configured)
{
	bool found;
	size_t at = search(names, panel, kind, branch, &found);

	if (!found || strcmp(names->items[at].configured, configured) != 0)
		return configured;
	return names->items[at].text;
}

bool names_item(const struct names *names, size_t at, struct name_change *item)
{
	const struct name *name;

	if (at >= names->n)
		return false;
	name = &names->items[at];
	*item = (struct name_change){ name->panel, name->kind, name->branch, name->text,
		name->configured };
	return true;
}

const char *names_check(enum name_kind kind, const char *text, size_t length)
{
	if (kind == NAME_LOCATION && length > NAME_LOCATION_MAX)
		return "is longer than 128 bytes";
	if (kind != NAME_LOCATION && length > NAME_LABEL_MAX)
		return "is longer than 64 bytes";
	if (strlen(text) != length)
		return "has a null byte";
	return text_fault(text);
}
