/*
 * journal: see journal.h.
 *
 * Two locks. `order` is held by a batch from its first number to its end, so
 * that events enter the ring in the order of their numbers; `lock` guards all
 * there is in memory and is never held over I/O or a callback. What the thread
 * has to store is not a queue but what is dirty: events behind `stored`, panels,
 * links, marks and names that changed. It is therefore bounded, and taken under
 * one lock it is whole batches. A second thread, the watch, makes events tellable
 * while the first is held by a disk that does not answer. Lock order: order, lock; calls, lock.
 */
#include "config.h"

#include "alarm/journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"
#include "store/persist.h"

#define RETRY_MIN_S  1 /* while the disk takes nothing */
#define RETRY_MAX_S  30
#define HUNG_S	     3 /* a disk that has not answered for so long is not waited for */
#define DROPS_END_MS 60000 /* without a drop, and with nothing left to be told */

struct panel_record {
	uint32_t panel;
	bool dirty;
	struct panel_memory memory;
	struct alarm_book *stored; /* NULL: none */
};

struct link_record {
	char name[CONF_NAME_MAX + 1];
	bool dirty, down;
};

struct name_request {
	struct name_request *next;
	struct name_change *changes;
	size_t n;
	void (*done)(void *arg, int rc, uint64_t revision);
	void *arg;
};

struct call {
	void (*fn)(void *arg);
	void *arg;
};

struct journal {
	pthread_mutex_t order; /* numbers; not to be held over I/O, nor over the log */
	uint64_t given;	       /* the last number */

	pthread_mutex_t calls; /* on_ready, on_names: held while they are called */
	struct call on_ready, on_names;

	pthread_mutex_t lock; /* all below */
	pthread_cond_t news;
	bool dirty, stopping;
	pthread_cond_t watched; /* storing, hung (and then: news), watch_ends */
	bool storing, hung, watch_ends;
	struct timespec hung_at; /* while storing */
	struct event **ring; /* by number */
	size_t capacity, first, n;
	uint64_t last;	   /* number that may have been given in batches that ended */
	uint64_t posted;   /* the last number of a batch that ended; 0: none */
	uint64_t stored;   /* events up to here are on disk */
	uint64_t tellable; /* events up to here are marked EVENT_STORED */
	uint64_t settled;  /* up to here nothing is left to be told */
	size_t undelivered;
	uint64_t dropped, unstored;
	bool degraded, lacks_file;
	bool whole;	 /* all there is has to be stored, for the file is a new one */
	bool others_go;	 /* panels and links that were forgotten are still in the file */
	uint64_t *marks; /* delivered, and that is not on disk yet */
	size_t n_marks, marks_capacity;
	struct panel_record *panels; /* by index */
	size_t n_panels;
	struct link_record *links;
	size_t n_links;
	struct names *names;
	struct name_request *requests, **requests_end;

	/* The thread's own. */
	pthread_t thread, watch;
	bool running;
	struct persist *persist; /* NULL: nothing is stored */
	struct timespec retry_at;
	int retry_s, failure;
	uint64_t dropped_seen;
	bool dropping;
	int64_t dropped_ms;
};

/* The ring, under lock */

static struct event *event_at(const struct journal *journal, size_t at)
{
	return journal->ring[(journal->first + at) % journal->capacity];
}

/* First place with that number or a higher one. */
static size_t position(const struct journal *journal, uint64_t number)
{
	size_t low = 0, high = journal->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (event_at(journal, middle)->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_mark(struct event *event, enum event_mark mark)
{
	return (atomic_load(&event->mark) & mark) != 0;
}

static bool is_to_deliver(struct event *event)
{
	return event->notify && !is_mark(event, EVENT_DELIVERED);
}

static void drop_oldest(struct journal *journal)
{
	struct event *event = event_at(journal, 0);

	if (is_to_deliver(event)) {
		journal->undelivered--;
		journal->dropped++;
	}
	event_unref(event);
	journal->first = (journal->first + 1) % journal->capacity;
	journal->n--;
}

/* Takes the reference over. */
static void keep_event(struct journal *journal, struct event *event)
{
	if (journal->n == journal->capacity)
		drop_oldest(journal);
	journal->ring[(journal->first + journal->n++) % journal->capacity] = event;
	journal->undelivered += is_to_deliver(event);
}

/* What was remembered, under lock */

static struct panel_record *find_panel(struct journal *journal, uint32_t panel, size_t *at)
{
	size_t low = 0, high = journal->n_panels;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (journal->panels[middle].panel < panel)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return low < journal->n_panels && journal->panels[low].panel == panel
		       ? &journal->panels[low]
		       : NULL;
}

static void release_panel(struct panel_record *record)
{
	alarm_book_unref(record->memory.book);
	alarm_book_unref(record->stored);
}

/* Takes the reference to the book over. */
static void keep_panel(struct journal *journal, uint32_t panel, const struct panel_memory *memory)
{
	size_t at;
	struct panel_record *record = find_panel(journal, panel, &at);

	if (record == NULL) {
		journal->panels =
			xrealloc(journal->panels, journal->n_panels + 1, sizeof(*journal->panels));
		record = &journal->panels[at];
		memmove(record + 1, record, (journal->n_panels++ - at) * sizeof(*record));
		*record = (struct panel_record){ .panel = panel };
	}
	alarm_book_unref(record->memory.book);
	record->memory = *memory;
	record->dirty = true;
}

static struct link_record *find_link(struct journal *journal, const char *name)
{
	for (size_t i = 0; i < journal->n_links; i++)
		if (strcmp(journal->links[i].name, name) == 0)
			return &journal->links[i];
	return NULL;
}

static void keep_link(struct journal *journal, const char *name, bool down)
{
	struct link_record *record = find_link(journal, name);

	if (record == NULL) {
		journal->links =
			xrealloc(journal->links, journal->n_links + 1, sizeof(*journal->links));
		record = &journal->links[journal->n_links++];
		memset(record, 0, sizeof(*record));
		text_copy(record->name, sizeof(record->name), name);
	}
	record->down = down;
	record->dirty = true;
}

static void wake(struct journal *journal)
{
	journal->dirty = true;
	pthread_cond_signal(&journal->news);
	if (journal->hung)
		pthread_cond_signal(&journal->watched);
}

/* Batches */

/* Where there is no journal. */
static _Atomic uint64_t loose_number;

void journal_begin(struct journal_batch *batch, struct journal *journal)
{
	*batch = (struct journal_batch){ .journal = journal };
}

/* What was added before any number was asked for gets its numbers now. */
static void take_order(struct journal_batch *batch)
{
	if (batch->locked)
		return;
	pthread_mutex_lock(&batch->journal->order);
	batch->locked = true;
	for (size_t i = 0; i < batch->n; i++)
		if (batch->events[i]->number == 0)
			batch->events[i]->number = ++batch->journal->given;
}

uint64_t journal_number(struct journal_batch *batch)
{
	if (batch->journal == NULL)
		return atomic_fetch_add(&loose_number, 1) + 1;
	take_order(batch);
	return ++batch->journal->given;
}

void journal_add(struct journal_batch *batch, const struct event *draft)
{
	struct event *event;

	if (batch->journal == NULL)
		return;
	if (batch->n == batch->capacity) {
		batch->capacity = batch->capacity ? batch->capacity * 2 : 8;
		batch->events = xrealloc(batch->events, batch->capacity, sizeof(*batch->events));
	}
	event = event_new(draft);
	if (event->number == 0 && batch->locked)
		event->number = journal_number(batch);
	batch->events[batch->n++] = event;
}

void journal_remember_panel(
	struct journal_batch *batch, uint32_t panel, const struct panel_memory *memory)
{
	if (batch->journal == NULL)
		return;
	if (batch->remembers)
		alarm_book_unref(batch->memory.book);
	batch->remembers = true;
	batch->panel = panel;
	batch->memory = *memory;
	if (memory->book != NULL)
		alarm_book_ref(memory->book);
}

void journal_remember_link(struct journal_batch *batch, const char *link, bool down)
{
	text_copy(batch->link, sizeof(batch->link), link);
	batch->link_down = down;
}

static int compare_events(const void *a, const void *b)
{
	const struct event *const *x = a, *const *y = b;

	return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

void journal_end(struct journal_batch *batch)
{
	struct journal *journal = batch->journal;

	if (batch->n > 0)
		take_order(batch);
	if (journal != NULL && (batch->locked || batch->remembers || batch->link[0] != '\0')) {
		if (batch->n > 1)
			qsort(batch->events, batch->n, sizeof(*batch->events), compare_events);
		pthread_mutex_lock(&journal->lock);
		for (size_t i = 0; i < batch->n; i++)
			keep_event(journal, batch->events[i]);
		if (batch->locked)
			journal->last = journal->posted = journal->given;
		if (batch->remembers)
			keep_panel(journal, batch->panel, &batch->memory);
		if (batch->link[0] != '\0')
			keep_link(journal, batch->link, batch->link_down);
		wake(journal);
		pthread_mutex_unlock(&journal->lock);
		if (batch->locked)
			pthread_mutex_unlock(&journal->order);
	}
	free(batch->events);
	journal_begin(batch, journal);
}

bool journal_panel(struct journal *journal, uint32_t panel, struct panel_memory *memory)
{
	struct panel_record *record;
	size_t at;

	if (journal == NULL)
		return false;
	pthread_mutex_lock(&journal->lock);
	record = find_panel(journal, panel, &at);
	if (record != NULL) {
		*memory = record->memory;
		if (memory->book != NULL)
			alarm_book_ref(memory->book);
	}
	pthread_mutex_unlock(&journal->lock);
	return record != NULL;
}

size_t journal_panels(struct journal *journal, uint32_t **panels)
{
	size_t n;

	pthread_mutex_lock(&journal->lock);
	n = journal->n_panels;
	*panels = xcalloc(n, sizeof(**panels));
	for (size_t i = 0; i < n; i++)
		(*panels)[i] = journal->panels[i].panel;
	pthread_mutex_unlock(&journal->lock);
	return n;
}

bool journal_link_down(struct journal *journal, const char *link)
{
	struct link_record *record;
	bool down;

	if (journal == NULL)
		return false;
	pthread_mutex_lock(&journal->lock);
	record = find_link(journal, link);
	down = record != NULL && record->down;
	pthread_mutex_unlock(&journal->lock);
	return down;
}

bool journal_orphan_link(
	struct journal *journal, const struct config *config, char *name, size_t size)
{
	bool found = false;

	pthread_mutex_lock(&journal->lock);
	for (size_t i = 0; i < journal->n_links && !found; i++) {
		const struct link_record *record = &journal->links[i];

		found = record->down && conf_link(config, record->name) == NULL;
		if (found)
			text_copy(name, size, record->name);
	}
	pthread_mutex_unlock(&journal->lock);
	return found;
}

/* Reading */

struct event *journal_next(struct journal *journal, uint64_t number, bool inclusive)
{
	struct event *event = NULL;
	size_t at;

	if (journal == NULL || (!inclusive && number == UINT64_MAX))
		return NULL;
	pthread_mutex_lock(&journal->lock);
	at = position(journal, inclusive ? number : number + 1);
	if (at < journal->n)
		event = event_ref(event_at(journal, at));
	pthread_mutex_unlock(&journal->lock);
	return event;
}

struct event *journal_find(struct journal *journal, uint64_t number)
{
	struct event *event = journal_next(journal, number, true);

	if (event == NULL || event->number == number)
		return event;
	event_unref(event);
	return NULL;
}

/* Where the first event is that is still to be told, whether it may be or not. */
static size_t first_unsettled(struct journal *journal)
{
	size_t at = position(journal, journal->settled + 1);

	while (at < journal->n && !is_to_deliver(event_at(journal, at)))
		journal->settled = event_at(journal, at++)->number;
	return at;
}

struct event *journal_next_to_tell(struct journal *journal, uint64_t number)
{
	struct event *found = NULL;
	size_t at, after;

	if (journal == NULL || number == UINT64_MAX)
		return NULL;
	pthread_mutex_lock(&journal->lock);
	at = first_unsettled(journal);
	after = position(journal, number + 1);
	if (after > at)
		at = after;
	for (; at < journal->n && found == NULL; at++) {
		struct event *event = event_at(journal, at);

		if (!is_mark(event, EVENT_STORED))
			break; /* nor is any behind it */
		if (is_to_deliver(event))
			found = event_ref(event);
	}
	pthread_mutex_unlock(&journal->lock);
	return found;
}

void journal_stats(struct journal *journal, struct journal_stats *stats)
{
	*stats = (struct journal_stats){ 0 };
	if (journal == NULL)
		return;
	pthread_mutex_lock(&journal->lock);
	*stats = (struct journal_stats){
		.last = journal->posted,
		.kept = journal->n,
		.undelivered = journal->undelivered,
		.dropped = journal->dropped,
		.unstored = journal->unstored,
		.degraded = journal->degraded || journal->hung,
		.lasts = journal->persist != NULL,
	};
	pthread_mutex_unlock(&journal->lock);
}

/* Under lock. */
static void add_mark(struct journal *journal, uint64_t number)
{
	if (journal->n_marks == journal->marks_capacity) {
		journal->marks_capacity =
			journal->marks_capacity ? journal->marks_capacity * 2 : 64;
		journal->marks =
			xrealloc(journal->marks, journal->marks_capacity, sizeof(*journal->marks));
	}
	journal->marks[journal->n_marks++] = number;
}

void journal_delivered(struct journal *journal, struct event *event)
{
	size_t at;

	pthread_mutex_lock(&journal->lock);
	at = position(journal, event->number);
	if (!(atomic_fetch_or(&event->mark, EVENT_DELIVERED) & EVENT_DELIVERED) &&
		at < journal->n && event_at(journal, at) == event && event->notify) {
		journal->undelivered--;
		if (journal->persist != NULL)
			add_mark(journal, event->number);
		wake(journal);
	}
	pthread_mutex_unlock(&journal->lock);
}

static void set_call(struct journal *journal, struct call *call, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&journal->calls);
	*call = (struct call){ fn, arg };
	pthread_mutex_unlock(&journal->calls);
}

static void make_call(struct journal *journal, const struct call *call)
{
	pthread_mutex_lock(&journal->calls);
	if (call->fn != NULL)
		call->fn(call->arg);
	pthread_mutex_unlock(&journal->calls);
}

void journal_on_ready(struct journal *journal, void (*fn)(void *arg), void *arg)
{
	set_call(journal, &journal->on_ready, fn, arg);
}

/* Names */

void journal_on_names(struct journal *journal, void (*fn)(void *arg), void *arg)
{
	set_call(journal, &journal->on_names, fn, arg);
}

struct names *journal_names(struct journal *journal)
{
	struct names *names;

	pthread_mutex_lock(&journal->lock);
	names = names_ref(journal->names);
	pthread_mutex_unlock(&journal->lock);
	return names;
}

static struct name_change copy_change(const struct name_change *change)
{
	struct name_change copy = *change;

	if (change->text != NULL)
		copy.text = xstrdup(change->text);
	copy.configured = xstrdup(change->configured);
	return copy;
}

static void free_change(const struct name_change *change)
{
	free((char *)(uintptr_t)change->text);
	free((char *)(uintptr_t)change->configured);
}

void journal_set_names(struct journal *journal, const struct name_change *changes, size_t n,
	void (*done)(void *arg, int rc, uint64_t revision), void *arg)
{
	struct name_request *request = xcalloc(1, sizeof(*request));

	request->changes = xcalloc(n, sizeof(*changes));
	request->n = n;
	request->done = done;
	request->arg = arg;
	for (size_t i = 0; i < n; i++)
		request->changes[i] = copy_change(&changes[i]);
	pthread_mutex_lock(&journal->lock);
	*journal->requests_end = request;
	journal->requests_end = &request->next;
	wake(journal);
	pthread_mutex_unlock(&journal->lock);
}

static void free_request(struct name_request *request)
{
	for (size_t i = 0; i < request->n; i++)
		free_change(&request->changes[i]);
	free(request->changes);
	free(request);
}

/* The names that follow from all that is asked for. */
static struct names *names_asked_for(struct names *names, const struct name_request *requests)
{
	names_ref(names);
	for (; requests != NULL; requests = requests->next) {
		struct names *next = names_change(names, requests->changes, requests->n);

		names_unref(names);
		names = next;
	}
	return names;
}

static void answer_requests(struct name_request *request, int rc, uint64_t revision)
{
	while (request != NULL) {
		struct name_request *next = request->next;

		if (request->done != NULL)
			request->done(request->arg, rc, revision);
		free_request(request);
		request = next;
	}
}

/* Who is not in the configuration. Under lock. */

static bool has_panel(const struct config *config, uint32_t panel)
{
	for (size_t i = 0; i < config->n_panels; i++)
		if (config->panels[i].index == panel)
			return true;
	return false;
}

/* What was told of it must be ended first, and that is up to who speaks for panels. */
static bool is_owing(const struct panel_memory *memory)
{
	const struct alarm_book *book = memory->book;

	for (uint32_t i = 0; book != NULL && i < book->n; i++)
		if (book->alarms[i].latched || book->alarms[i].told_active)
			return true;
	return memory->told_offline;
}

static void forget_panels(struct journal *journal, const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < journal->n_panels; i++) {
		if (has_panel(config, journal->panels[i].panel) ||
			is_owing(&journal->panels[i].memory))
			journal->panels[n++] = journal->panels[i];
		else
			release_panel(&journal->panels[i]);
	}
	journal->others_go |= n < journal->n_panels;
	journal->n_panels = n;
}

static void forget_links(struct journal *journal, const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < journal->n_links; i++)
		if (journal->links[i].down || conf_link(config, journal->links[i].name) != NULL)
			journal->links[n++] = journal->links[i];
	journal->others_go |= n < journal->n_links;
	journal->n_links = n;
}

/* An index that is given to another panel later must not bring along names of this one. */
static void forget_names(struct journal *journal, const struct config *config)
{
	struct names *names = journal_names(journal);
	struct name_change item, *changes = NULL;
	size_t n = 0;

	for (size_t i = 0; names_item(names, i, &item); i++) {
		if (has_panel(config, item.panel))
			continue;
		changes = xrealloc(changes, n + 1, sizeof(*changes));
		item.text = NULL;
		changes[n++] = item;
	}
	if (n > 0) {
		log_info("journal", "forgotten: %zu names that were set for panels that are gone",
			n);
		journal_set_names(journal, changes, n, NULL, NULL);
	}
	free(changes);
	names_unref(names);
}

void journal_forget_others(struct journal *journal, const struct config *config)
{
	pthread_mutex_lock(&journal->lock);
	forget_panels(journal, config);
	forget_links(journal, config);
	if (journal->others_go)
		wake(journal);
	pthread_mutex_unlock(&journal->lock);
	forget_names(journal, config);
}

/* What is to be stored. Under lock. */

static void collect_events(struct journal *journal, struct persist_set *set)
{
	size_t at = position(journal, journal->whole ? 0 : journal->stored + 1);

	set->oldest = journal->n > 0 ? event_at(journal, 0)->number : 0;
	set->events = xcalloc(journal->n - at, sizeof(struct event *));
	for (; at < journal->n; at++)
		set->events[set->n_events++] = event_ref(event_at(journal, at));
	set->delivered = xcalloc(journal->n_marks, sizeof(uint64_t));
	set->n_delivered = journal->n_marks;
	if (journal->n_marks > 0)
		memcpy(set->delivered, journal->marks, journal->n_marks * sizeof(uint64_t));
}

static void collect_panels(struct journal *journal, struct persist_set *set)
{
	set->panels = xcalloc(journal->n_panels, sizeof(*set->panels));
	for (size_t i = 0; i < journal->n_panels; i++) {
		struct panel_record *record = &journal->panels[i];
		struct persist_panel *panel = &set->panels[set->n_panels];

		if (!record->dirty && !journal->whole && !journal->others_go)
			continue;
		*panel = (struct persist_panel){ .panel = record->panel, .memory = record->memory };
		if (panel->memory.book != NULL)
			alarm_book_ref(panel->memory.book);
		if (record->stored != NULL && !journal->whole && !journal->others_go)
			panel->before = alarm_book_ref(record->stored);
		record->dirty = false;
		set->n_panels++;
	}
}

static void collect_links(struct journal *journal, struct persist_set *set)
{
	set->links = xcalloc(journal->n_links, sizeof(*set->links));
	for (size_t i = 0; i < journal->n_links; i++) {
		struct link_record *record = &journal->links[i];
		struct persist_link *link = &set->links[set->n_links];

		if (!record->dirty && !journal->whole && !journal->others_go)
			continue;
		text_copy(link->name, sizeof(link->name), record->name);
		link->down = record->down;
		record->dirty = false;
		set->n_links++;
	}
}

static void add_name(struct persist_set *set, const struct name_change *change)
{
	set->names = xrealloc(set->names, set->n_names + 1, sizeof(*set->names));
	set->names[set->n_names++] = copy_change(change);
}

/* names: as they shall be. */
static void collect_names(struct journal *journal, const struct name_request *requests,
	const struct names *names, struct persist_set *set)
{
	struct name_change item;

	if (journal->whole) {
		for (size_t i = 0; names_item(names, i, &item); i++)
			add_name(set, &item);
		return;
	}
	for (; requests != NULL; requests = requests->next)
		for (size_t i = 0; i < requests->n; i++)
			add_name(set, &requests->changes[i]);
}

static struct persist_set collect(
	struct journal *journal, const struct name_request *requests, const struct names *names)
{
	struct persist_set set = { .last = journal->last,
		.whole = journal->whole,
		.others_go = journal->others_go,
		.ends = journal->stopping };

	collect_events(journal, &set);
	collect_panels(journal, &set);
	collect_links(journal, &set);
	collect_names(journal, requests, names, &set);
	journal->whole = journal->others_go = false;
	return set;
}

static void settle_panel(struct journal *journal, struct persist_panel *panel, bool stored)
{
	size_t at;
	struct panel_record *record = find_panel(journal, panel->panel, &at);

	if (record == NULL)
		return;
	if (!stored) {
		record->dirty = true;
		return;
	}
	alarm_book_unref(record->stored);
	record->stored = panel->memory.book;
	panel->memory.book = NULL;
}

/* Marks of what is not kept any more are of no use. */
static void prune_marks(struct journal *journal)
{
	uint64_t oldest = journal->n > 0 ? event_at(journal, 0)->number : UINT64_MAX;
	size_t n = 0;

	for (size_t i = 0; i < journal->n_marks; i++)
		if (journal->marks[i] >= oldest)
			journal->marks[n++] = journal->marks[i];
	journal->n_marks = n;
}

/* What was collected is on disk, or is dirty again. */
static void settle(struct journal *journal, struct persist_set *set, bool stored)
{
	for (size_t i = 0; i < set->n_panels; i++)
		settle_panel(journal, &set->panels[i], stored);
	if (stored) {
		journal->stored = set->last;
		journal->n_marks -= set->n_delivered;
		if (journal->n_marks > 0)
			memmove(journal->marks, journal->marks + set->n_delivered,
				journal->n_marks * sizeof(*journal->marks));
		return;
	}
	for (size_t i = 0; i < set->n_links; i++) {
		struct link_record *record = find_link(journal, set->links[i].name);

		if (record != NULL)
			record->dirty = true;
	}
	journal->whole |= set->whole;
	journal->others_go |= set->others_go;
	prune_marks(journal);
}

static void free_set(struct persist_set *set)
{
	for (size_t i = 0; i < set->n_panels; i++)
		alarm_book_unref((struct alarm_book *)(uintptr_t)set->panels[i].before);
	persist_set_free(set);
}

/* The thread */

/* Events up to last may be told, on disk or not. Under lock; true when there were any. */
static bool make_tellable(struct journal *journal, uint64_t last, bool stored)
{
	size_t at = position(journal, journal->tellable + 1);
	bool any = false;

	for (; at < journal->n && event_at(journal, at)->number <= last; at++) {
		struct event *event = event_at(journal, at);

		atomic_fetch_or(&event->mark, EVENT_STORED);
		journal->unstored += event->notify && !stored;
		any = true;
	}
	if (last > journal->tellable)
		journal->tellable = last;
	return any;
}

static void log_drops(struct journal *journal, const struct journal_stats *stats)
{
	int64_t now_ms = clock_mono_ms();

	if (stats->dropped != journal->dropped_seen) {
		if (!journal->dropping)
			log_warning("journal", "more events than are kept: the oldest go untold");
		journal->dropping = true;
		journal->dropped_ms = now_ms;
		journal->dropped_seen = stats->dropped;
	} else if (journal->dropping && stats->undelivered == 0 &&
		   now_ms - journal->dropped_ms >= DROPS_END_MS) {
		log_info("journal", "events are told again; %llu went untold since the start",
			(unsigned long long)stats->dropped);
		journal->dropping = false;
	}
}

static bool is_past(const struct timespec *when)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > when->tv_sec ||
	       (now.tv_sec == when->tv_sec && now.tv_nsec >= when->tv_nsec);
}

static bool is_retry_time(const struct journal *journal)
{
	return is_past(&journal->retry_at);
}

static void wait_for_retry(struct journal *journal)
{
	journal->retry_s = journal->retry_s == 0		? RETRY_MIN_S
			   : journal->retry_s * 2 > RETRY_MAX_S ? RETRY_MAX_S
								: journal->retry_s * 2;
	clock_gettime(CLOCK_MONOTONIC, &journal->retry_at);
	journal->retry_at.tv_sec += journal->retry_s;
}

/* Without lock: nobody waits for who reads the log. */
static void log_outcome(const struct journal *journal, int rc)
{
	if (rc < 0 && !journal->degraded)
		log_error("journal", "events cannot be stored, and are told all the same: %s",
			persist_error(journal->persist));
	if (rc == 0 && journal->degraded)
		log_info("journal", "events are stored again");
}

/* Under lock. */
static void note_outcome(struct journal *journal, int rc)
{
	journal->degraded = rc < 0;
	journal->failure = rc;
	if (rc < 0)
		wait_for_retry(journal);
	else
		journal->retry_s = 0;
}

/* Under lock: the disk is about to be asked, or has answered. */
static void set_storing(struct journal *journal, bool storing)
{
	journal->storing = storing;
	clock_gettime(CLOCK_MONOTONIC, &journal->hung_at);
	journal->hung_at.tv_sec += HUNG_S;
	pthread_cond_signal(&journal->watched);
}

/* Under lock, which is let go in between. 0: all that was dirty is on disk. */
static int store(
	struct journal *journal, const struct name_request *requests, const struct names *names)
{
	int rc = -ESTALE;

	for (int turn = 0; turn < 2 && rc == -ESTALE; turn++) {
		struct persist_set set = collect(journal, requests, names);

		set_storing(journal, true);
		pthread_mutex_unlock(&journal->lock);
		rc = persist_store(journal->persist, &set);
		if (rc != -ESTALE || turn > 0)
			log_outcome(journal, rc);
		pthread_mutex_lock(&journal->lock);
		set_storing(journal, false);
		settle(journal, &set, rc == 0);
		journal->whole |= rc == -ESTALE;
		free_set(&set);
	}
	note_outcome(journal, rc);
	return rc;
}

/* Take in all that is dirty. Under lock, which is let go in between. */
static void work(struct journal *journal)
{
	struct name_request *requests = journal->requests;
	struct names *names = names_asked_for(journal->names, requests);
	uint64_t last = journal->last;
	struct journal_stats stats;
	bool ready;
	int rc = 0;

	journal->dirty = false;
	journal->requests = NULL;
	journal->requests_end = &journal->requests;
	if (journal->lacks_file)
		rc = journal->failure;
	else if (journal->persist != NULL && journal->degraded && !is_retry_time(journal) &&
		 !journal->stopping)
		rc = journal->failure;
	else if (journal->persist != NULL)
		rc = store(journal, requests, names);
	ready = make_tellable(journal, last, rc == 0);
	if (rc == 0) {
		names_unref(journal->names);
		journal->names = names_ref(names);
	}
	pthread_mutex_unlock(&journal->lock);
	if (ready)
		make_call(journal, &journal->on_ready);
	if (requests != NULL && rc == 0)
		make_call(journal, &journal->on_names);
	answer_requests(requests, rc, names_revision(names));
	names_unref(names);
	journal_stats(journal, &stats);
	log_drops(journal, &stats);
	pthread_mutex_lock(&journal->lock);
}

/* Under lock. */
static bool is_due(const struct journal *journal)
{
	return journal->dirty || (journal->degraded && is_retry_time(journal));
}

static void *run(void *arg)
{
	struct journal *journal = arg;
	size_t left;

	pthread_mutex_lock(&journal->lock);
	while (!journal->stopping) {
		if (is_due(journal))
			work(journal);
		else if (journal->degraded)
			pthread_cond_timedwait(&journal->news, &journal->lock, &journal->retry_at);
		else
			pthread_cond_wait(&journal->news, &journal->lock);
	}
	work(journal); /* also without news: the last number is known now */
	left = journal->n - position(journal, journal->stored + 1);
	pthread_mutex_unlock(&journal->lock);
	if (journal->degraded && left > 0)
		log_error("journal", "stopped with %zu events not stored, they are lost", left);
	return NULL;
}

/* The watch */

/* Under lock, which is let go in between: nobody else waits for who reads the log. */
static void set_hung(struct journal *journal, bool hung)
{
	journal->hung = hung;
	pthread_mutex_unlock(&journal->lock);
	if (hung)
		log_error("journal",
			"events are told without being stored: the disk has not answered for %d s",
			HUNG_S);
	else
		log_info("journal", "the disk answers again");
	pthread_mutex_lock(&journal->lock);
}

/* Under lock, which is let go in between if there are any: then look again. */
static bool tell_unstored(struct journal *journal)
{
	if (!make_tellable(journal, journal->last, false))
		return false;
	pthread_mutex_unlock(&journal->lock);
	make_call(journal, &journal->on_ready);
	pthread_mutex_lock(&journal->lock);
	return true;
}

static void *run_watch(void *arg)
{
	struct journal *journal = arg;

	pthread_mutex_lock(&journal->lock);
	while (!journal->watch_ends) {
		bool late = journal->storing && is_past(&journal->hung_at);

		if (late != journal->hung)
			set_hung(journal, late);
		else if (late && tell_unstored(journal))
			continue;
		else if (journal->storing && !late)
			pthread_cond_timedwait(
				&journal->watched, &journal->lock, &journal->hung_at);
		else
			pthread_cond_wait(&journal->watched, &journal->lock);
	}
	pthread_mutex_unlock(&journal->lock);
	return NULL;
}

/* Opening */

static void take_found(struct journal *journal, struct persist_set *set)
{
	struct names *none = names_new();

	journal->given = journal->last = set->last;
	journal->stored = journal->tellable = set->last;
	for (size_t i = 0; i < set->n_events; i++)
		keep_event(journal, set->events[i]);
	set->n_events = 0;
	if (journal->n > 0)
		journal->posted = event_at(journal, journal->n - 1)->number;
	journal->dropped = set->dropped;
	for (size_t i = 0; i < set->n_panels; i++) {
		struct panel_memory *memory = &set->panels[i].memory;

		keep_panel(journal, set->panels[i].panel, memory);
		journal->panels[i].dirty = false;
		if (memory->book != NULL)
			journal->panels[i].stored = alarm_book_ref(memory->book);
		memory->book = NULL;
	}
	for (size_t i = 0; i < set->n_links; i++) {
		keep_link(journal, set->links[i].name, set->links[i].down);
		journal->links[i].dirty = false;
	}
	journal->names = names_change(none, set->names, set->n_names);
	names_unref(none);
}

static void open_file(struct journal *journal, const char *dir)
{
	struct persist_set set = { 0 };

	if (dir != NULL)
		journal->persist = persist_open(dir, journal->capacity, &set);
	journal->lacks_file = dir != NULL && journal->persist == NULL;
	journal->failure = -EROFS;
	take_found(journal, &set);
	persist_set_free(&set);
	if (journal->persist != NULL && !persist_ready(journal->persist)) {
		journal->degraded = true;
		wait_for_retry(journal);
	}
}

static void init_locks(struct journal *journal)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&journal->order, NULL);
	pthread_mutex_init(&journal->calls, NULL);
	pthread_mutex_init(&journal->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&journal->news, &attributes);
	pthread_cond_init(&journal->watched, &attributes);
	pthread_condattr_destroy(&attributes);
}

struct journal *journal_open(const char *dir, size_t capacity)
{
	struct journal *journal = xcalloc(1, sizeof(*journal));
	int error;

	init_locks(journal);
	journal->capacity = capacity;
	journal->ring = xcalloc(capacity, sizeof(struct event *));
	journal->requests_end = &journal->requests;
	open_file(journal, dir);
	error = pthread_create(&journal->thread, NULL, run, journal);
	if (error == 0)
		error = pthread_create(&journal->watch, NULL, run_watch, journal);
	if (error != 0) {
		log_error("journal", "no thread: %s", strerror(error));
		abort();
	}
	journal->running = true;
	return journal;
}

void journal_stop(struct journal *journal)
{
	if (!journal->running)
		return;
	pthread_mutex_lock(&journal->lock);
	journal->stopping = true;
	pthread_cond_signal(&journal->news);
	pthread_mutex_unlock(&journal->lock);
	pthread_join(journal->thread, NULL);
	pthread_mutex_lock(&journal->lock);
	journal->watch_ends = true;
	pthread_cond_signal(&journal->watched);
	pthread_mutex_unlock(&journal->lock);
	pthread_join(journal->watch, NULL);
	journal->running = false;
	pthread_mutex_lock(&journal->lock);
	persist_close(journal->persist);
	journal->persist = NULL;
	pthread_mutex_unlock(&journal->lock);
}

void journal_close(struct journal *journal)
{
	if (journal == NULL)
		return;
	journal_stop(journal);
	while (journal->n > 0)
		drop_oldest(journal);
	for (size_t i = 0; i < journal->n_panels; i++)
		release_panel(&journal->panels[i]);
	names_unref(journal->names);
	free(journal->panels);
	free(journal->links);
	free(journal->marks);
	free(journal->ring);
	pthread_cond_destroy(&journal->news);
	pthread_cond_destroy(&journal->watched);
	pthread_mutex_destroy(&journal->lock);
	pthread_mutex_destroy(&journal->calls);
	pthread_mutex_destroy(&journal->order);
	free(journal);
}
