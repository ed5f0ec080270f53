/*
 * write: see write.h.
 *
 * The variable bindings of a SET are its items (a command to all panels is an
 * item for each of them); a part is what is done in one go: a job for one panel,
 * or all changes of names. Parts go one after the other: first the panels that
 * have to be waited for, then names, then what is not waited for. When one fails,
 * those before it are taken back, the last first; what cannot be taken back (a
 * cleared latch, a reset) is not.
 *
 * A part outlives its errand: a transaction is freed only when nobody can tell
 * any more news of its parts. News for a part that is not waited for any more
 * change nothing but the board.
 */
#include "config.h"

#include "snmp/write.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alarm/journal.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/refs.h"
#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/setters.h"

#define AGENTX_PROCESSING_ERROR 268   /* RFC 2741: the master says genErr */
#define FORGET_MS		10000 /* a master that has not cleaned up by then will not */
#define TRANSACTIONS_MAX	64

/* ---- news from other threads --------------------------------------------------------------- */

/* Outlives the SNMP thread's side, for a link may end a job at any time. */
struct mailbox {
	int refs; /* atomic */
	pthread_mutex_t lock;
	struct loop *loop; /* NULL: nobody looks any more */
	struct news *first, **end;
};

/* How something ended that a part had begun. Made with the errand, sent at its end. */
struct news {
	struct news *next;
	struct mailbox *mailbox;
	struct part *part;
	struct job *job; /* NULL: names */
	bool taking_back;
	int rc;		   /* names */
	uint64_t revision; /* names */
};

static struct mailbox *mailbox_new(struct loop *loop)
{
	struct mailbox *mailbox = xcalloc(1, sizeof(*mailbox));

	mailbox->refs = 1;
	mailbox->loop = loop;
	mailbox->end = &mailbox->first;
	pthread_mutex_init(&mailbox->lock, NULL);
	return mailbox;
}

static void mailbox_unref(struct mailbox *mailbox)
{
	if (!refs_drop(&mailbox->refs))
		return;
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
}

static struct news *news_new(struct mailbox *mailbox, struct part *part, bool taking_back)
{
	struct news *news = xcalloc(1, sizeof(*news));

	refs_take(&mailbox->refs);
	news->mailbox = mailbox;
	news->part = part;
	news->taking_back = taking_back;
	return news;
}

static void news_free(struct news *news)
{
	job_unref(news->job);
	mailbox_unref(news->mailbox);
	free(news);
}

/* Any thread. */
static void news_send(struct news *news)
{
	struct mailbox *mailbox = news->mailbox;
	bool open;

	pthread_mutex_lock(&mailbox->lock);
	open = mailbox->loop != NULL;
	if (open) {
		*mailbox->end = news;
		mailbox->end = &news->next;
		loop_wake(mailbox->loop);
	}
	pthread_mutex_unlock(&mailbox->lock);
	if (!open)
		news_free(news);
}

static struct news *mailbox_empty(struct mailbox *mailbox)
{
	struct news *first;

	pthread_mutex_lock(&mailbox->lock);
	first = mailbox->first;
	mailbox->first = NULL;
	mailbox->end = &mailbox->first;
	pthread_mutex_unlock(&mailbox->lock);
	return first;
}

static void mailbox_close(struct mailbox *mailbox)
{
	struct news *news, *next;

	pthread_mutex_lock(&mailbox->lock);
	mailbox->loop = NULL;
	pthread_mutex_unlock(&mailbox->lock);
	for (news = mailbox_empty(mailbox); news; news = next) {
		next = news->next;
		news_free(news);
	}
	mailbox_unref(mailbox);
}

/* In the link's thread. */
static void on_job_done(struct job *job, void *arg)
{
	struct news *news = arg;

	news->job = job_ref(job);
	news_send(news);
}

/* In the journal's thread. */
static void on_names_done(void *arg, int rc, uint64_t revision)
{
	struct news *news = arg;

	news->rc = rc;
	news->revision = revision;
	news_send(news);
}

/* ---- what a SET consists of ---------------------------------------------------------------- */

/* What one variable binding asks of one panel. */
struct item {
	struct change change;
	unsigned varbind; /* from 1 */
	uint32_t panel;
	char *text;	/* of a name, the change's own */
	uint64_t threshold; /* as in board.h, BOARD_PANEL: none */
	struct slot *slot;
	struct job_queue *queue;
	bool async;
};

enum part_kind {
	PART_JOB,   /* first: they are waited for */
	PART_NAMES,
	PART_ASYNC, /* a job that is not waited for */
	PART_KINDS,
};

enum part_state {
	PART_TO_DO,
	PART_BEGUN,
	PART_SETTLING, /* the names are stored; the site that has them is on its way */
	PART_DONE,
	PART_FAILED,  /* nothing of it is in force */
	PART_LEFT,    /* not waited for any more: its end is for the board */
	PART_LEAVING, /* being taken back */
	PART_LEAVING_SITE, /* names: taken back, and the site that shows it is on its way */
	PART_TAKEN_BACK,
	PART_STUCK, /* could not be taken back */
};

struct part {
	struct transaction *transaction;
	enum part_kind kind;
	enum part_state state;
	size_t *items; /* in the order of the SET; settings before what cannot be taken back */
	size_t n_items;
	struct job *job;
	uint64_t revision;	    /* of the names, when SETTLING */
	struct name_change *before; /* of the names, to take them back */
	char **texts;		    /* theirs */
	uint64_t *marks;	    /* of the board: two an item */
};

enum transaction_state {
	TESTED,
	COMMITTING,
	COMMITTED,
	FAILED,
};

struct transaction {
	struct transaction *next;
	struct write *write;
	struct set_token token; /* of the phase that is to be answered */
	enum transaction_state state;
	bool undoing;  /* and the answer to that is due */
	bool released; /* the master is through with it */
	int64_t begun_ms;
	int timer; /* 0: none */
	int error;
	unsigned index;
	struct item *items;
	size_t n_items;
	struct part *parts; /* in the order in which they are done */
	size_t n_parts;
	size_t n_expected; /* news that will still come */
};

struct write {
	struct view *view;
	struct loop *loop;
	set_answer_fn *answer;
	void *arg;
	struct board *board;
	struct mailbox *mailbox;
	struct transaction *transactions;
	size_t n_transactions;
};

/* ---- test ------------------------------------------------------------------------------------ */

static const struct site_link *panel_link(const struct view *view, const struct panel *panel)
{
	const struct site *site = view_site(view);

	return &site->links[panel->conf->link - site->config->links];
}

/* A job for it could be begun now. */
static bool panel_can_be_asked(struct view *view, const struct panel *panel)
{
	const struct snapshot *snapshot = view_snapshot(view, panel);
	enum comm_state comm = snapshot_comm(snapshot, view_now_ms(view));
	struct link_status status;

	if (comm != COMM_ONLINE && comm != COMM_DEGRADED)
		return false;
	link_slot_get(panel_link(view, panel)->slot, &status);
	return status.state == LINK_UP;
}

/* A command to all panels is for this one too. */
static bool is_meant(const struct panel *panel, const struct change *change)
{
	if (!panel->conf->enabled || (panel->conf->writes & change->group) != change->group)
		return false;
	return change->op.kind != JOB_CLEAR_LATCHES ||
	       profile_clears_latches(panel->layout->profile);
}

/* What is there and cannot be changed is notWritable, what is not there cannot be made. */
static int refusal(const struct row *row, const struct column *column, int error)
{
	struct cell cell = { .state = CELL_ABSENT };

	if (error != SNMP_ERR_NOTWRITABLE)
		return error;
	column->get(row, column, &cell);
	return cell.state == CELL_PRESENT ? SNMP_ERR_NOTWRITABLE : SNMP_ERR_NOCREATION;
}

static int check_leave(const struct row *row, const struct change *change)
{
	const struct site *site = view_site(row->view);

	if ((row->panel->conf->writes & change->group) != change->group)
		return SNMP_ERR_NOTWRITABLE;
	if (change->kind == CHANGE_NAME)
		return site->journal ? SNMP_ERR_NOERROR : SNMP_ERR_RESOURCEUNAVAILABLE;
	return panel_can_be_asked(row->view, row->panel) ? SNMP_ERR_NOERROR
							 : SNMP_ERR_RESOURCEUNAVAILABLE;
}

/* "mxThresholdValue.1.1.0.1" */
static void name_object(const struct set_varbind *varbind, const struct row *row,
	const struct column *column, char *text, size_t size)
{
	size_t first = row->panel ? 3 : 2; /* after table and entry or group, and column */
	size_t length = (size_t)snprintf(text, size, "%s", column->name);

	for (size_t i = first; i < varbind->n && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, ".%" PRIu32,
			varbind->suffix[i]);
}

/* The texts live as long as the transaction. */
static void own_texts(struct item *item)
{
	struct name_change *name = &item->change.name;
	size_t text = strlen(name->text) + 1;

	item->text = xcalloc(text + strlen(name->configured) + 1, 1);
	memcpy(item->text, name->text, text);
	strcpy(item->text + text, name->configured);
	name->text = item->text;
	name->configured = item->text + text;
}

static void item_add(struct transaction *transaction, const struct change *change,
	const struct panel *panel, uint64_t threshold)
{
	const struct site_link *link = panel_link(transaction->write->view, panel);
	struct item *item;

	transaction->items = xrealloc(
		transaction->items, transaction->n_items + 1, sizeof(*transaction->items));
	item = &transaction->items[transaction->n_items++];
	*item = (struct item){
		.change = *change,
		.varbind = transaction->index,
		.panel = panel->conf->index,
		.threshold = threshold,
		.slot = store_slot_ref(panel->slot),
		.queue = job_queue_ref(link->jobs),
		.async = panel->conf->writes_async || change->kind == CHANGE_PANELS,
	};
	if (change->kind == CHANGE_NAME)
		own_texts(item);
}

/* One after the other, and nobody waits for all of them. */
static int add_panels(struct transaction *transaction, struct change *change)
{
	struct view *view = transaction->write->view;
	const struct site *site = view_site(view);
	int error = SNMP_ERR_NOTWRITABLE;

	change->op.scope = SCOPE_PANEL;
	change->op.channel = 1;
	for (size_t i = 0; i < site->n_panels; i++) {
		const struct panel *panel = &site->panels[i];

		if (!is_meant(panel, change))
			continue;
		if (panel_can_be_asked(view, panel)) {
			item_add(transaction, change, panel, BOARD_PANEL);
			error = SNMP_ERR_NOERROR;
		} else if (error != SNMP_ERR_NOERROR) {
			error = SNMP_ERR_RESOURCEUNAVAILABLE;
		}
	}
	return error;
}

/* In the order of RFC 3416, section 4.2.5. */
static int check(struct transaction *transaction, const struct set_varbind *varbind)
{
	struct change change = { 0 };
	struct row row;
	bool found;
	const struct column *column = table_find(
		transaction->write->view, varbind->suffix, varbind->n, &row, &found);
	int error;

	if (column == NULL || column->set == NULL)
		return SNMP_ERR_NOTWRITABLE;
	if (varbind->wanted.asn != column->asn)
		return SNMP_ERR_WRONGTYPE;
	if (!found)
		return SNMP_ERR_NOCREATION;
	error = column->set(&row, column, &varbind->wanted, &change);
	if (error != SNMP_ERR_NOERROR)
		return refusal(&row, column, error);
	name_object(varbind, &row, column, change.op.object, sizeof(change.op.object));
	if (change.kind == CHANGE_PANELS)
		return add_panels(transaction, &change);
	error = check_leave(&row, &change);
	if (error == SNMP_ERR_NOERROR)
		item_add(transaction, &change, row.panel, row_write_key(&row));
	return error;
}

static bool is_repeated(const struct set_varbind *varbinds, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (varbinds[i].n == varbinds[at].n &&
			memcmp(varbinds[i].suffix, varbinds[at].suffix,
				varbinds[at].n * sizeof(varbinds[at].suffix[0])) == 0)
			return true;
	return false;
}

static bool check_all(struct transaction *transaction, const struct set_request *request)
{
	for (size_t i = 0; i < request->n && transaction->error == SNMP_ERR_NOERROR; i++) {
		transaction->index = (unsigned)i + 1;
		transaction->error = check(transaction, &request->varbinds[i]);
		/* Which of the two the manager means is not known. */
		if (transaction->error == SNMP_ERR_NOERROR && is_repeated(request->varbinds, i))
			transaction->error = SNMP_ERR_INCONSISTENTVALUE;
	}
	if (transaction->error == SNMP_ERR_NOERROR)
		transaction->index = 0;
	return transaction->error == SNMP_ERR_NOERROR;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static enum part_kind kind_of(const struct item *item)
{
	if (item->change.kind == CHANGE_NAME)
		return PART_NAMES;
	return item->async ? PART_ASYNC : PART_JOB;
}

static bool belongs(const struct transaction *transaction, const struct part *part,
	const struct item *item)
{
	if (part->kind != kind_of(item))
		return false;
	return part->kind == PART_NAMES ||
	       transaction->items[part->items[0]].panel == item->panel;
}

static void part_add(struct transaction *transaction, enum part_kind kind, size_t i)
{
	struct item *item = &transaction->items[i];
	size_t at = 0;

	if (kind_of(item) != kind)
		return;
	while (at < transaction->n_parts && !belongs(transaction, &transaction->parts[at], item))
		at++;
	if (at == transaction->n_parts) {
		struct part *part = &transaction->parts[transaction->n_parts++];

		part->transaction = transaction;
		part->kind = kind;
		part->items = xcalloc(transaction->n_items, sizeof(*part->items));
		part->marks = xcalloc(2 * transaction->n_items, sizeof(*part->marks));
	}
	transaction->parts[at].items[transaction->parts[at].n_items++] = i;
}

static bool is_setting(const struct item *item)
{
	return item->change.op.kind == JOB_SETTING;
}

/* Two rounds: what cannot be taken back is done when all the rest of its panel has gone well. */
static void divide(struct transaction *transaction)
{
	transaction->parts = xcalloc(transaction->n_items, sizeof(*transaction->parts));
	for (int kind = PART_JOB; kind < PART_KINDS; kind++) {
		for (size_t i = 0; i < transaction->n_items; i++)
			if (is_setting(&transaction->items[i]))
				part_add(transaction, (enum part_kind)kind, i);
		for (size_t i = 0; i < transaction->n_items; i++)
			if (!is_setting(&transaction->items[i]))
				part_add(transaction, (enum part_kind)kind, i);
	}
}

static struct item *part_item(const struct part *part, size_t at)
{
	return &part->transaction->items[part->items[at]];
}

static void part_free(struct part *part)
{
	for (size_t i = 0; part->texts && i < 2 * part->n_items; i++)
		free(part->texts[i]);
	free(part->texts);
	free(part->before);
	free(part->items);
	free(part->marks);
	job_unref(part->job);
}

static void transaction_free(struct transaction *transaction)
{
	for (size_t i = 0; i < transaction->n_parts; i++)
		part_free(&transaction->parts[i]);
	for (size_t i = 0; i < transaction->n_items; i++) {
		free(transaction->items[i].text);
		store_slot_unref(transaction->items[i].slot);
		job_queue_unref(transaction->items[i].queue);
	}
	free(transaction->parts);
	free(transaction->items);
	free(transaction);
}

/* ---- the board ------------------------------------------------------------------------------- */

static void mark_begin(struct part *part)
{
	struct board *board = part->transaction->write->board;
	int64_t now = clock_wall_ms();

	for (size_t i = 0; i < part->n_items; i++) {
		const struct item *item = part_item(part, i);

		/* A poll changes nothing, and should not hide what did. */
		if (item->change.kind != CHANGE_NAME && item->change.op.kind == JOB_POLL_NOW)
			continue;
		part->marks[2 * i] = board_begin(board, item->panel, BOARD_PANEL, now);
		if (item->threshold != BOARD_PANEL)
			part->marks[2 * i + 1] =
				board_begin(board, item->panel, item->threshold, now);
	}
}

static void mark_end(struct part *part, enum write_status status, const char *reason)
{
	for (size_t i = 0; i < 2 * part->n_items; i++)
		if (part->marks[i] != 0)
			board_end(part->transaction->write->board, part->marks[i], status, reason,
				clock_wall_ms());
}

/* ---- names ----------------------------------------------------------------------------------- */

static void before_find(const struct names *names, struct name_change *before)
{
	struct name_change item;

	for (size_t at = 0; names_item(names, at, &item); at++) {
		if (item.panel == before->panel && item.kind == before->kind &&
			item.branch == before->branch) {
			*before = item;
			return;
		}
	}
}

/* What the changes of the part replace. */
static void before_keep(struct part *part, const struct names *names)
{
	part->before = xcalloc(part->n_items, sizeof(*part->before));
	part->texts = xcalloc(2 * part->n_items, sizeof(*part->texts));
	for (size_t i = 0; i < part->n_items; i++) {
		struct name_change *before = &part->before[i];

		*before = part_item(part, i)->change.name;
		before->text = NULL;
		before_find(names, before);
		if (before->text)
			before->text = part->texts[2 * i] = xstrdup(before->text);
		before->configured = part->texts[2 * i + 1] = xstrdup(before->configured);
	}
}

static int names_submit(struct part *part)
{
	const struct site *site = view_site(part->transaction->write->view);
	struct name_change *changes = xcalloc(part->n_items, sizeof(*changes));

	before_keep(part, site->names);
	for (size_t i = 0; i < part->n_items; i++) {
		changes[i] = part_item(part, i)->change.name;
		/* The configured text needs nobody to set it. */
		if (strcmp(changes[i].text, changes[i].configured) == 0)
			changes[i].text = NULL;
	}
	part->transaction->n_expected++;
	mark_begin(part);
	part->state = PART_BEGUN;
	journal_set_names(site->journal, changes, part->n_items, on_names_done,
		news_new(part->transaction->write->mailbox, part, false));
	free(changes);
	return 0;
}

static bool site_has(const struct part *part)
{
	return names_revision(view_site(part->transaction->write->view)->names) >= part->revision;
}

/* "P1: mxBranchLabel.1.7 set to "Chiller 2"" */
static void name_text(const struct item *item, const struct name_change *name,
	const char *panel_name, int rc, char *text, size_t size)
{
	const char *value = name->text ? name->text : name->configured;

	if (rc == 0)
		snprintf(text, size, "%s: %s set to \"%s\"", panel_name, item->change.op.object,
			value);
	else
		snprintf(text, size, "%s: %s not set to \"%s\": %s", panel_name,
			item->change.op.object, value, strerror(-rc));
}

/* Every accepted write is told: links tell theirs, names are told here. */
static void names_tell(const struct part *part, const struct news *news)
{
	const struct site *site = view_site(part->transaction->write->view);
	struct journal_batch batch;

	journal_begin(&batch, site->journal);
	for (size_t i = 0; i < part->n_items; i++) {
		const struct item *item = part_item(part, i);
		const struct name_change *name =
			news->taking_back ? &part->before[i] : &item->change.name;
		const struct panel *panel = site_panel(site, item->panel, NULL);
		struct event event = {
			.wall_ms = clock_wall_ms(),
			.kind = news->rc == 0 ? EVENT_WRITTEN : EVENT_WRITE_FAILED,
			.notify = news->rc != 0,
			.panel = item->panel,
			.scope = name->branch ? EVENT_SCOPE_BRANCH : EVENT_SCOPE_PANEL,
			.channel = name->branch,
			.severity = news->rc == 0 ? STATE_OK : STATE_WARNING,
			.panel_name = panel ? panel->conf->name : "",
		};
		char text[EVENT_TEXT_MAX + 1];

		name_text(item, name, event.panel_name, news->rc, text, sizeof(text));
		log_write(news->rc == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "write", "panel %s",
			text);
		event.text = text;
		if (name->branch && panel)
			event.label = site_branch_label(site, panel->conf, name->branch);
		journal_add(&batch, &event);
	}
	journal_end(&batch);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

/* Gives the job to the link; it is the part's now, also when it fails. */
static int job_send(struct part *part, struct job *job, struct job_queue *queue)
{
	struct news *news =
		news_new(part->transaction->write->mailbox, part, job->restore);
	int rc;

	job->done = on_job_done;
	job->arg = news;
	rc = job_queue_put(queue, job);
	if (rc == 0)
		part->transaction->n_expected++;
	else
		news_free(news);
	job_unref(part->job);
	part->job = job;
	return rc;
}

static int job_submit(struct part *part)
{
	const struct item *first = part_item(part, 0);
	struct job *job = job_new(first->slot, part->n_items);

	job->begin_by_ms = part->kind == PART_ASYNC
				   ? clock_mono_ms() + WRITE_ASYNC_MS
				   : part->transaction->begun_ms + WRITE_BEGIN_MS;
	for (size_t i = 0; i < part->n_items; i++)
		job->ops[i] = part_item(part, i)->change.op;
	mark_begin(part);
	part->state = PART_BEGUN;
	return job_send(part, job, first->queue);
}

static int part_submit(struct part *part)
{
	static int (*const submit[])(struct part *part) = {
		[PART_JOB] = job_submit,
		[PART_NAMES] = names_submit,
		[PART_ASYNC] = job_submit,
	};

	return submit[part->kind](part);
}

/* ---- taking back ----------------------------------------------------------------------------- */

static bool can_take_back(const struct job_op *op)
{
	return op->kind == JOB_POLL_NOW ||
	       (op->kind == JOB_SETTING && (op->has_before || !op->touched));
}

/* A job that writes what was there before; NULL: nothing to write. *all: that is all there is. */
static struct job *job_back(const struct job *done, bool *all)
{
	struct job *job = job_new(done->slot, done->n_ops);
	size_t n = 0;

	*all = true;
	for (size_t i = done->n_ops; i-- > 0;) {
		const struct job_op *op = &done->ops[i];

		*all = *all && can_take_back(op);
		if (op->kind != JOB_SETTING || !op->has_before || !op->touched)
			continue;
		job->ops[n] = *op;
		job->ops[n].value = op->before;
		job->ops[n].has_before = false;
		job->ops[n++].touched = false;
	}
	job->n_ops = n;
	job->restore = true;
	job->begin_by_ms = clock_mono_ms() + WRITE_ASYNC_MS;
	if (n > 0)
		return job;
	job_unref(job);
	return NULL;
}

static void job_take_back(struct part *part)
{
	bool all;
	struct job *job = job_back(part->job, &all);

	part->state = all ? PART_TAKEN_BACK : PART_STUCK;
	if (job == NULL)
		return;
	part->state = all ? PART_LEAVING : PART_STUCK;
	if (job_send(part, job, part_item(part, 0)->queue) < 0)
		part->state = PART_STUCK;
}

static void names_take_back(struct part *part)
{
	struct write *write = part->transaction->write;

	part->transaction->n_expected++;
	part->state = PART_LEAVING;
	journal_set_names(view_site(write->view)->journal, part->before, part->n_items,
		on_names_done, news_new(write->mailbox, part, true));
}

static void part_take_back(struct part *part, const char *why)
{
	switch (part->state) {
	case PART_DONE:
	case PART_SETTLING:
		if (part->kind == PART_NAMES)
			names_take_back(part);
		else
			job_take_back(part);
		break;
	case PART_BEGUN:
		part->state = part->kind != PART_NAMES && job_withdraw(part->job) ? PART_FAILED
									  : PART_LEFT;
		break;
	default:
		return;
	}
	if (part->state != PART_LEFT && part->state != PART_STUCK)
		mark_end(part, WRITE_FAILED, why);
}

/* ---- the life of a transaction --------------------------------------------------------------- */

static void answer(struct transaction *transaction, int error, unsigned index)
{
	struct write *write = transaction->write;

	write->answer(write->arg, &transaction->token, error, index);
}

static void timer_stop(struct transaction *transaction)
{
	if (transaction->timer != 0)
		loop_remove_timer(transaction->write->loop, transaction->timer);
	transaction->timer = 0;
}

static void commit_end(struct transaction *transaction, int error, unsigned index)
{
	transaction->state = error == SNMP_ERR_NOERROR ? COMMITTED : FAILED;
	transaction->error = error;
	transaction->index = index;
	timer_stop(transaction);
	if (!transaction->released)
		answer(transaction, error, index);
}

static void take_back_all(struct transaction *transaction, const char *why)
{
	for (size_t i = transaction->n_parts; i-- > 0;)
		part_take_back(&transaction->parts[i], why);
}

static void commit_fail(struct part *part, size_t failed, const char *why)
{
	struct transaction *transaction = part->transaction;
	char text[sizeof(((struct board_entry *)NULL)->reason)];

	if (failed >= part->n_items)
		failed = 0;
	snprintf(text, sizeof(text), "taken back: %s: %s",
		part_item(part, failed)->change.op.object, why);
	take_back_all(transaction, text);
	commit_end(transaction, SNMP_ERR_COMMITFAILED, part_item(part, failed)->varbind);
}

/* Begin the parts in turn, up to the first that has to be waited for. */
static void commit_go_on(struct transaction *transaction)
{
	for (size_t i = 0; i < transaction->n_parts; i++) {
		struct part *part = &transaction->parts[i];
		int rc;

		if (part->state == PART_DONE || (part->state == PART_BEGUN && part->kind == PART_ASYNC))
			continue;
		if (part->state != PART_TO_DO)
			return;
		rc = part_submit(part);
		if (rc < 0) {
			const char *why = rc == -EAGAIN ? "too many writes wait for the line"
							: "the link is not up";

			part->state = PART_FAILED;
			mark_end(part, WRITE_FAILED, why);
			commit_fail(part, 0, why);
			return;
		}
		if (part->kind != PART_ASYNC)
			return;
	}
	commit_end(transaction, SNMP_ERR_NOERROR, 0);
}

/* Still to be taken back; the end of what is not waited for has to come first. */
static bool is_leaving(const struct part *part)
{
	return part->state == PART_LEAVING || part->state == PART_LEAVING_SITE ||
	       (part->state == PART_LEFT && part->kind == PART_ASYNC);
}

/* The answer to an undo is due when nothing is under way any more, or when time is up. */
static void undo_review(struct transaction *transaction, bool in_time)
{
	bool stuck = false;

	if (!transaction->undoing)
		return;
	for (size_t i = 0; i < transaction->n_parts; i++) {
		const struct part *part = &transaction->parts[i];

		if (is_leaving(part) && in_time)
			return;
		stuck = stuck || part->state == PART_STUCK ||
			(is_leaving(part) && part->state != PART_LEAVING_SITE);
	}
	transaction->undoing = false;
	timer_stop(transaction);
	if (!transaction->released)
		answer(transaction, stuck ? SNMP_ERR_UNDOFAILED : SNMP_ERR_NOERROR, stuck ? 1 : 0);
}

/* What has not ended by now does not end in time. */
static void commit_time_out(struct transaction *transaction)
{
	size_t at = 0;
	struct part *part;

	while (transaction->parts[at].state != PART_BEGUN &&
		transaction->parts[at].state != PART_SETTLING)
		at++;
	part = &transaction->parts[at];
	if (part->state == PART_SETTLING) {
		/* The names are set; those who read them will see them soon. */
		part->state = PART_DONE;
		commit_go_on(transaction);
		return;
	}
	part_take_back(part, "could not be begun in time");
	commit_fail(part, 0, "no answer in time");
}

static void write_drop(struct write *write, struct transaction *transaction)
{
	struct transaction **place = &write->transactions;

	while (*place != transaction)
		place = &(*place)->next;
	*place = transaction->next;
	write->n_transactions--;
	timer_stop(transaction);
	transaction_free(transaction);
}

static void review(struct transaction *transaction)
{
	if (transaction->released && transaction->n_expected == 0 &&
		transaction->state != COMMITTING)
		write_drop(transaction->write, transaction);
}

static void on_timer(void *arg)
{
	struct transaction *transaction = arg;

	timer_stop(transaction);
	if (transaction->state == COMMITTING)
		commit_time_out(transaction);
	else
		undo_review(transaction, false);
	review(transaction);
}

static void timer_start(struct transaction *transaction, int64_t due_ms)
{
	int64_t left = due_ms - clock_mono_ms();

	timer_stop(transaction);
	transaction->timer = loop_add_timer(
		transaction->write->loop, left > 1 ? left : 1, on_timer, transaction);
}

/* ---- phases ---------------------------------------------------------------------------------- */

static struct transaction *find(const struct write *write, const struct set_token *token)
{
	struct transaction *transaction = write->transactions;

	while (transaction && (transaction->released ||
				      transaction->token.session != token->session ||
				      transaction->token.transaction != token->transaction))
		transaction = transaction->next;
	return transaction;
}

/* A master that never said how it went on. */
static void forget_old(struct write *write)
{
	struct transaction *transaction, *next;

	for (transaction = write->transactions; transaction; transaction = next) {
		next = transaction->next;
		if (transaction->state == COMMITTING ||
			clock_mono_ms() - transaction->begun_ms < FORGET_MS)
			continue;
		transaction->released = true;
		review(transaction);
	}
}

static void test(struct write *write, const struct set_request *request)
{
	struct transaction *transaction = xcalloc(1, sizeof(*transaction));

	forget_old(write);
	transaction->write = write;
	transaction->token = request->token;
	transaction->begun_ms = clock_mono_ms();
	transaction->next = write->transactions;
	write->transactions = transaction;
	write->n_transactions++;
	view_begin(write->view, transaction->begun_ms, clock_wall_ms());
	if (write->n_transactions > TRANSACTIONS_MAX) {
		transaction->error = SNMP_ERR_RESOURCEUNAVAILABLE;
		transaction->index = 1;
	} else if (check_all(transaction, request)) {
		divide(transaction);
	}
	view_end(write->view);
	answer(transaction, transaction->error, transaction->index);
}

static void commit(struct transaction *transaction)
{
	int64_t due_ms = transaction->begun_ms + WRITE_ANSWER_MS;

	if (transaction->state == COMMITTING)
		return; /* the master asks again; it is answered once */
	if (transaction->state != TESTED || transaction->error != SNMP_ERR_NOERROR) {
		answer(transaction, transaction->error, transaction->index);
		return;
	}
	transaction->state = COMMITTING;
	if (clock_mono_ms() >= due_ms) {
		commit_end(transaction, SNMP_ERR_COMMITFAILED, 1);
		return;
	}
	timer_start(transaction, due_ms);
	commit_go_on(transaction);
}

static void undo(struct transaction *transaction)
{
	transaction->undoing = true;
	if (transaction->state == COMMITTED)
		timer_start(transaction, clock_mono_ms() + WRITE_ANSWER_MS);
	else if (transaction->state == FAILED)
		timer_start(transaction, transaction->begun_ms + WRITE_ANSWER_MS);
	if (transaction->state != TESTED)
		take_back_all(transaction, "taken back: another agent failed in the same SET");
	transaction->state = FAILED;
	undo_review(transaction, true);
}

static void cleanup(struct transaction *transaction)
{
	transaction->released = true;
	review(transaction);
}

bool write_receive(struct write *write, const struct set_request *request)
{
	static void (*const phases[])(struct transaction *transaction) = {
		[SET_COMMIT] = commit,
		[SET_UNDO] = undo,
		[SET_CLEANUP] = cleanup,
	};
	struct transaction *transaction = find(write, &request->token);

	if (request->phase == SET_TEST && transaction) {
		transaction->token = request->token;
		answer(transaction, transaction->error, transaction->index);
		return true;
	}
	if (request->phase == SET_TEST) {
		test(write, request);
		return true;
	}
	if (transaction == NULL)
		return false;
	transaction->token = request->token;
	phases[request->phase](transaction);
	return true;
}

/* ---- news ------------------------------------------------------------------------------------ */

static const char *reason_of(const struct news *news)
{
	if (news->job == NULL)
		return news->rc == 0 ? "" : strerror(-news->rc);
	if (news->job->reason[0] != '\0' || news->job->end == JOB_DONE)
		return news->job->reason;
	return news->job->end == JOB_WITHDRAWN ? "could not be begun in time" : "failed";
}

static bool went_well(const struct news *news)
{
	return news->job ? news->job->end == JOB_DONE : news->rc == 0;
}

static void part_end(struct part *part, const struct news *news)
{
	struct transaction *transaction = part->transaction;
	const char *why = reason_of(news);
	bool left = part->state == PART_LEFT, done = went_well(news);

	mark_end(part, done ? WRITE_DONE : WRITE_FAILED, why);
	part->state = done ? PART_DONE : PART_FAILED;
	part->revision = news->revision;
	if (left && done && part->kind == PART_ASYNC)
		part_take_back(part, "taken back: the SET failed");
	if (left || part->kind == PART_ASYNC)
		return;
	if (!done) {
		commit_fail(part, news->job ? news->job->failed_op : 0, why);
	} else if (part->kind == PART_NAMES && !site_has(part)) {
		part->state = PART_SETTLING;
	} else {
		commit_go_on(transaction);
	}
}

static void back_end(struct part *part, const struct news *news)
{
	char text[sizeof(((struct board_entry *)NULL)->reason)];

	part->state = went_well(news) ? PART_TAKEN_BACK : PART_STUCK;
	part->revision = news->revision;
	if (part->state == PART_TAKEN_BACK && part->kind == PART_NAMES && !site_has(part))
		part->state = PART_LEAVING_SITE;
	if (part->state != PART_STUCK)
		return;
	snprintf(text, sizeof(text), "could not be taken back: %.130s", reason_of(news));
	mark_end(part, WRITE_FAILED, text);
}

static void handle(const struct news *news)
{
	struct part *part = news->part;

	part->transaction->n_expected--;
	if (news->job == NULL)
		names_tell(part, news);
	if (news->taking_back && part->state == PART_LEAVING)
		back_end(part, news);
	else if (!news->taking_back && (part->state == PART_BEGUN || part->state == PART_LEFT))
		part_end(part, news);
	undo_review(part->transaction, true);
	review(part->transaction);
}

void write_collect(struct write *write)
{
	struct news *news, *next;

	for (news = mailbox_empty(write->mailbox); news; news = next) {
		next = news->next;
		handle(news);
		news_free(news);
	}
}

/* Names are shown now. */
static void settle(struct part *part)
{
	struct transaction *transaction = part->transaction;

	if (part->state == PART_LEAVING_SITE && site_has(part)) {
		part->state = PART_TAKEN_BACK;
		undo_review(transaction, true);
	} else if (part->state == PART_SETTLING && site_has(part)) {
		part->state = PART_DONE;
		commit_go_on(transaction);
	}
}

void write_site_changed(struct write *write)
{
	struct transaction *transaction = write->transactions;

	board_review(write->board, view_site(write->view));
	for (; transaction; transaction = transaction->next)
		for (size_t i = 0; i < transaction->n_parts; i++)
			settle(&transaction->parts[i]);
}

void write_hang_up(struct write *write)
{
	struct transaction *transaction, *next;

	for (transaction = write->transactions; transaction; transaction = next) {
		next = transaction->next;
		transaction->released = true;
		if (transaction->state == COMMITTING)
			commit_time_out(transaction);
		review(transaction);
	}
}

/* ---- start and end --------------------------------------------------------------------------- */

struct write *write_new(struct view *view, struct loop *loop, set_answer_fn *answer_fn, void *arg)
{
	struct write *write = xcalloc(1, sizeof(*write));

	write->view = view;
	write->loop = loop;
	write->answer = answer_fn;
	write->arg = arg;
	write->board = board_new();
	write->mailbox = mailbox_new(loop);
	view_set_board(view, write->board);
	return write;
}

static void withdraw(struct transaction *transaction)
{
	for (size_t i = 0; i < transaction->n_parts; i++) {
		struct part *part = &transaction->parts[i];

		if (part->job && part->state != PART_LEAVING)
			job_withdraw(part->job);
	}
}

void write_free(struct write *write)
{
	struct transaction *transaction;

	if (write == NULL)
		return;
	mailbox_close(write->mailbox);
	while ((transaction = write->transactions) != NULL) {
		withdraw(transaction);
		write_drop(write, transaction);
	}
	view_set_board(write->view, NULL);
	board_free(write->board);
	free(write);
}
