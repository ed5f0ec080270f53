/* board: see board.h. */
#include "config.h"

#include "snmp/board.h"

#include <stdlib.h>
#include <string.h>

#include "core/util.h"

struct board {
	uint64_t last_mark;
	struct board_entry *entries; /* by panel, key */
	size_t n, capacity;
};

struct board *board_new(void)
{
	return xcalloc(1, sizeof(struct board));
}

void board_free(struct board *board)
{
	if (board == NULL)
		return;
	free(board->entries);
	free(board);
}

static bool is_before(const struct board_entry *entry, uint32_t panel, uint64_t key)
{
	return entry->panel != panel ? entry->panel < panel : entry->key < key;
}

/* Where it is or would be. */
static size_t search(const struct board *board, uint32_t panel, uint64_t key, bool *found)
{
	size_t low = 0, high = board->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_before(&board->entries[middle], panel, key))
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < board->n && board->entries[low].panel == panel &&
		 board->entries[low].key == key;
	return low;
}

static void insert(struct board *board, size_t at)
{
	struct board_entry *entries;

	if (board->n == board->capacity) {
		board->capacity = board->capacity ? 2 * board->capacity : 16;
		board->entries = xrealloc(board->entries, board->capacity, sizeof(*entries));
	}
	entries = board->entries;
	memmove(entries + at + 1, entries + at, (board->n++ - at) * sizeof(*entries));
}

uint64_t board_begin(struct board *board, uint32_t panel, uint64_t key, int64_t wall_ms)
{
	bool found;
	size_t at = search(board, panel, key, &found);

	if (!found)
		insert(board, at);
	board->entries[at] = (struct board_entry){
		.panel = panel,
		.key = key,
		.mark = ++board->last_mark,
		.status = WRITE_PENDING,
		.wall_ms = wall_ms,
	};
	return board->last_mark;
}

void board_end(struct board *board, uint64_t mark, enum write_status status, const char *reason,
	int64_t wall_ms)
{
	for (size_t i = 0; i < board->n; i++) {
		struct board_entry *entry = &board->entries[i];

		if (entry->mark != mark)
			continue;
		entry->status = status;
		entry->wall_ms = wall_ms;
		text_copy(entry->reason, sizeof(entry->reason), reason);
	}
}

const struct board_entry *board_find(const struct board *board, uint32_t panel, uint64_t key)
{
	bool found;
	size_t at;

	if (board == NULL)
		return NULL;
	at = search(board, panel, key, &found);
	return found ? &board->entries[at] : NULL;
}

void board_review(struct board *board, const struct site *site)
{
	size_t kept = 0;

	for (size_t i = 0; i < board->n; i++)
		if (site_panel(site, board->entries[i].panel, NULL) != NULL)
			board->entries[kept++] = board->entries[i];
	board->n = kept;
}
