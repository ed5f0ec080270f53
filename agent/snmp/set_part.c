/*
 * set_part: see set_part.h.
 *
 * Settings are taken back by a job that writes what the meter held before, the
 * last first; what cannot be taken back (a cleared latch, a reset) is not.
 */
#include "config.h"

#include "snmp/set_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alarm/journal.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"

/* ---- dividing -------------------------------------------------------------------------------- */

const struct set_item *part_item(const struct part *part, size_t at)
{
	return &part->all->list[part->items[at]];
}

static enum part_kind kind_of(const struct set_item *item)
{
	if (item->change.kind == CHANGE_NAME)
		return PART_NAMES;
	return item->async ? PART_ASYNC : PART_JOB;
}

static bool belongs(const struct part *part, const struct set_item *item)
{
	if (part->kind != kind_of(item))
		return false;
	return part->kind == PART_NAMES || part_item(part, 0)->panel == item->panel;
}

/* The part of an item, a new one if it is the first of its part. */
static struct part *part_of(
	const struct part *model, struct part *parts, size_t *n, const struct set_item *item)
{
	size_t at = 0;

	while (at < *n && !belongs(&parts[at], item))
		at++;
	if (at == *n) {
		parts[at] = *model;
		parts[at].kind = kind_of(item);
		(*n)++;
	}
	return &parts[at];
}

static bool is_setting(const struct set_item *item)
{
	return item->change.op.kind == JOB_SETTING;
}

/* In each panel what cannot be taken back is done when all the rest has gone well. */
size_t parts_divide(struct part **parts, struct transaction *transaction,
	const struct part_world *world, const struct set_items *items)
{
	const struct part model = { .transaction = transaction, .world = world, .all = items };
	size_t n = 0;

	*parts = xcalloc(items->n, sizeof(**parts));
	for (int round = 0; round < 2 * PART_KINDS; round++)
		for (size_t i = 0; i < items->n; i++) {
			const struct set_item *item = &items->list[i];
			struct part *part;

			if ((int)kind_of(item) != round / 2 || is_setting(item) == (round % 2 == 1))
				continue;
			part = part_of(&model, *parts, &n, item);
			part->items =
				xrealloc(part->items, part->n_items + 1, sizeof(*part->items));
			part->items[part->n_items++] = i;
		}
	for (size_t i = 0; i < n; i++)
		(*parts)[i].has_others = n > 1;
	return n;
}

void part_free(struct part *part)
{
	for (size_t i = 0; part->texts && i < 2 * part->n_items; i++)
		free(part->texts[i]);
	free(part->texts);
	free(part->before);
	free(part->items);
	free(part->marks);
	job_unref(part->job);
}

/* ---- the board ------------------------------------------------------------------------------- */

static void mark_begin(struct part *part)
{
	struct board *board = part->world->board;
	int64_t now = clock_wall_ms();

	part->marks = xcalloc(2 * part->n_items, sizeof(*part->marks));
	for (size_t i = 0; i < part->n_items; i++) {
		const struct set_item *item = part_item(part, i);

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
			board_end(part->world->board, part->marks[i], status, reason,
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

static int names_submit(struct part *part, int64_t begin_by_ms)
{
	const struct site *site = view_site(part->world->view);
	struct name_change *changes = xcalloc(part->n_items, sizeof(*changes));

	(void)begin_by_ms;
	before_keep(part, site->names);
	for (size_t i = 0; i < part->n_items; i++) {
		changes[i] = part_item(part, i)->change.name;
		/* The configured text needs nobody to set it. */
		if (strcmp(changes[i].text, changes[i].configured) == 0)
			changes[i].text = NULL;
	}
	part->n_expected++;
	mark_begin(part);
	part->state = PART_BEGUN;
	journal_set_names(site->journal, changes, part->n_items, news_of_names,
		news_new(part->world->mailbox, part, false));
	free(changes);
	return 0;
}

static bool site_has(const struct part *part)
{
	return names_revision(view_site(part->world->view)->names) >= part->revision;
}

/* "P1: mxBranchLabel.1.7 set to "Chiller 2"" */
static void name_text(const struct set_item *item, const struct name_change *name,
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
	const struct site *site = view_site(part->world->view);
	struct journal_batch batch;

	journal_begin(&batch, site->journal);
	for (size_t i = 0; i < part->n_items; i++) {
		const struct set_item *item = part_item(part, i);
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
	struct news *news = news_new(part->world->mailbox, part, job->restore);
	int rc;

	job->done = news_of_job;
	job->arg = news;
	rc = job_queue_put(queue, job);
	if (rc == 0)
		part->n_expected++;
	else
		news_free(news);
	job_unref(part->job);
	part->job = job;
	return rc;
}

static int job_submit(struct part *part, int64_t begin_by_ms)
{
	const struct set_item *first = part_item(part, 0);
	struct job *job = job_new(first->slot, part->n_items);

	job->begin_by_ms = part->kind == PART_ASYNC ? clock_mono_ms() + PART_ASYNC_MS : begin_by_ms;
	job->look_first = part->has_others || part->n_items > 1;
	for (size_t i = 0; i < part->n_items; i++)
		job->ops[i] = part_item(part, i)->change.op;
	mark_begin(part);
	part->state = PART_BEGUN;
	return job_send(part, job, first->queue);
}

const char *part_begin(struct part *part, int64_t begin_by_ms)
{
	static int (*const submit[])(struct part *part, int64_t begin_by_ms) = {
		[PART_JOB] = job_submit,
		[PART_NAMES] = names_submit,
		[PART_ASYNC] = job_submit,
	};
	const char *why;
	int rc = submit[part->kind](part, begin_by_ms);

	if (rc == 0)
		return NULL;
	why = rc == -EAGAIN ? "too many writes wait for the line" : "the link is not up";
	part->state = PART_FAILED;
	mark_end(part, WRITE_FAILED, why);
	return why;
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
		job->ops[n].before = op->value;
		job->ops[n++].touched = false;
	}
	job->n_ops = n;
	job->restore = true;
	job->begin_by_ms = clock_mono_ms() + PART_ASYNC_MS;
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
	part->n_expected++;
	part->state = PART_LEAVING;
	journal_set_names(view_site(part->world->view)->journal, part->before, part->n_items,
		news_of_names, news_new(part->world->mailbox, part, true));
}

void part_take_back(struct part *part, const char *why)
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

bool part_is_leaving(const struct part *part)
{
	return part->state == PART_LEAVING || part->state == PART_LEAVING_SITE ||
	       (part->state == PART_LEFT && (part->kind == PART_ASYNC || part->has_others));
}

void part_abandon(struct part *part)
{
	if (part->job && part->state != PART_LEAVING)
		job_withdraw(part->job);
}

/* ---- news ------------------------------------------------------------------------------------ */

static void hear_end(struct part *part, const struct news *news)
{
	bool left = part->state == PART_LEFT, done = news_are_good(news);

	mark_end(part, done ? WRITE_DONE : WRITE_FAILED, news_reason(news));
	part->state = done ? PART_DONE : PART_FAILED;
	part->revision = news->revision;
	if (left && done && (part->kind == PART_ASYNC || part->has_others))
		part_take_back(part, "taken back: the SET failed");
	if (!left && done && part->kind == PART_NAMES && !site_has(part))
		part->state = PART_SETTLING;
}

static void hear_taken_back(struct part *part, const struct news *news)
{
	char text[sizeof(((struct board_entry *)NULL)->reason)];

	part->revision = news->revision;
	if (news_are_good(news)) {
		part->state = part->kind == PART_NAMES && !site_has(part) ? PART_LEAVING_SITE
									  : PART_TAKEN_BACK;
		return;
	}
	part->state = PART_STUCK;
	snprintf(text, sizeof(text), "could not be taken back: %.130s", news_reason(news));
	mark_end(part, WRITE_FAILED, text);
}

void part_hear(struct part *part, const struct news *news)
{
	part->n_expected--;
	if (part->kind == PART_NAMES)
		names_tell(part, news);
	if (news->taking_back && part->state == PART_LEAVING)
		hear_taken_back(part, news);
	else if (!news->taking_back && (part->state == PART_BEGUN || part->state == PART_LEFT))
		hear_end(part, news);
}

bool part_settle(struct part *part)
{
	bool back = part->state == PART_LEAVING_SITE;

	if ((!back && part->state != PART_SETTLING) || !site_has(part))
		return false;
	part->state = back ? PART_TAKEN_BACK : PART_DONE;
	return true;
}
