/* job_news: see job_news.h. */
#include "config.h"

#include "modbus/job_news.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "alarm/journal.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"
#include "store/channel.h"

/* All that the texts about one job are made of. */
struct account {
	const struct job *job;
	const struct site *site;
	const struct panel *panel; /* NULL: a reload has taken it away */
	const struct snapshot *snapshot;
	struct journal_batch batch;
};

static enum unit unit_of(const struct profile *profile, const struct job_op *op)
{
	static const enum unit threshold_units[] = {
		[THRESHOLD_PERMILLE_OF_RATING] = UNIT_PERMILLE,
		[THRESHOLD_MILLIAMP] = UNIT_MA,
		[THRESHOLD_MILLIVOLT] = UNIT_MV,
	};

	if (op->quantity == Q_THRESHOLD && op->channel >= 1 && op->channel <= profile->n_thresholds)
		return threshold_units[profile->thresholds[op->channel - 1].unit];
	return quantity_info(op->quantity)->unit;
}

void job_value_text(const struct profile *profile, const struct job_op *op, int64_t value,
	char *text, size_t size)
{
	const struct unit_info *unit = unit_info(unit_of(profile, op));
	const char *symbol = unit->symbol;

	/* A unit such as "0.1 %" is a number of its own. */
	if (isdigit((unsigned char)*symbol))
		snprintf(text, size, "%.*f %s", unit->exponent,
			(double)value / pow(10, unit->exponent), unit->base);
	else
		snprintf(text, size, "%lld%s%s", (long long)value, *symbol == '\0' ? "" : " ", symbol);
}

static void name_op(const struct job_op *op, char *text, size_t size)
{
	if (op->object[0] != '\0')
		text_copy(text, size, op->object);
	else if (op->kind == JOB_SETTING)
		snprintf(text, size, "%s %s %u", quantity_info(op->quantity)->name,
			scope_name(op->scope), op->channel);
	else
		snprintf(text, size, "%s %u", scope_name(op->scope), op->channel);
}

static void setting_text(const struct account *account, const struct job_op *op, bool failed,
	char *text, size_t size)
{
	const struct profile *profile = account->snapshot->layout->profile;
	const char *back = account->job->restore ? " back" : "";
	char value[48], before[48];

	job_value_text(profile, op, op->value, value, sizeof(value));
	job_value_text(profile, op, op->before, before, sizeof(before));
	if (failed)
		snprintf(text, size, " not set%s to %s", back, value);
	else if (op->has_before)
		snprintf(text, size, " set%s to %s, was %s", back, value, before);
	else
		snprintf(text, size, " set%s to %s", back, value);
}

static void latch_text(const struct account *account, const struct job_op *op, bool failed,
	char *text, size_t size)
{
	(void)account;
	snprintf(text, size, failed ? ": latch %s not cleared" : ": latch %s cleared",
		level_name(op->level));
}

static void latches_text(const struct account *account, const struct job_op *op, bool failed,
	char *text, size_t size)
{
	(void)account, (void)op;
	text_copy(text, size, failed ? ": latches not cleared" : ": latches cleared");
}

static void command_text(const struct account *account, const struct job_op *op, bool failed,
	char *text, size_t size)
{
	const struct profile *profile = account->snapshot->layout->profile;
	bool known = op->command >= profile->commands &&
		     op->command < profile->commands + profile->n_commands;

	snprintf(text, size, failed ? ": %s failed" : ": %s done",
		known ? op->command->name : "command");
}

static void poll_text(const struct account *account, const struct job_op *op, bool failed,
	char *text, size_t size)
{
	(void)account, (void)op;
	text_copy(text, size, failed ? ": not polled" : ": polled");
}

static void (*const texts[])(
	const struct account *, const struct job_op *, bool, char *, size_t) = {
	[JOB_SETTING] = setting_text,
	[JOB_CLEAR_LATCH] = latch_text,
	[JOB_CLEAR_LATCHES] = latches_text,
	[JOB_COMMAND] = command_text,
	[JOB_POLL_NOW] = poll_text,
};

/* Where in the panel it happened; all that is of no channel is the panel's. */
static void locate(const struct account *account, const struct job_op *op, struct event *draft,
	char *buffer, size_t size)
{
	struct channel channel = {
		.site = account->site,
		.snapshot = account->snapshot,
		.scope = op->scope,
		.channel = op->channel,
		.now_ms = clock_mono_ms(),
	};

	draft->scope = EVENT_SCOPE_PANEL;
	if (account->panel == NULL || op->scope < SCOPE_BRANCH || op->scope > SCOPE_ALT_VOLTAGE ||
		op->channel == 0 || op->kind == JOB_CLEAR_LATCHES)
		return;
	channel.panel = account->panel->conf;
	draft->scope = (enum event_scope)op->scope;
	draft->channel = op->channel;
	draft->label = channel_label(&channel, buffer, size);
}

static void post(struct account *account, const struct job_op *op, bool failed, const char *more)
{
	const char *panel = account->panel != NULL ? account->panel->conf->name : "";
	char object[128], effect[160], line[768], text[EVENT_TEXT_MAX + 1], label[64];
	struct event draft = {
		.wall_ms = clock_wall_ms(),
		.kind = failed ? EVENT_WRITE_FAILED : EVENT_WRITTEN,
		.notify = failed,
		.panel = account->panel != NULL ? account->panel->conf->index : 0,
		.severity = failed ? STATE_WARNING : STATE_OK,
		.panel_name = panel,
		.text = text,
	};

	name_op(op, object, sizeof(object));
	texts[op->kind](account, op, failed, effect, sizeof(effect));
	snprintf(line, sizeof(line), "%s%s%s%s%s", panel, *panel != '\0' ? ": " : "", object,
		effect, more);
	/* Names of any language are at its beginning: a cut end is of plain letters. */
	text_copy(text, sizeof(text), line);
	log_write(failed ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "writer", "%s%s",
		*panel != '\0' ? "panel " : "", line);
	locate(account, op, &draft, label, sizeof(label));
	journal_add(&account->batch, &draft);
}

static void post_failure(struct account *account)
{
	const struct job *job = account->job;
	char more[sizeof(job->reason) + 64];

	if (job->n_ops > 1)
		snprintf(
			more, sizeof(more), ": %s (%zu written together)", job->reason, job->n_ops);
	else
		snprintf(more, sizeof(more), ": %s", job->reason);
	post(account, &job->ops[job->failed_op], true, more);
}

static const struct panel *panel_of(const struct site *site, const struct slot *slot)
{
	for (size_t i = 0; i < site->n_panels; i++)
		if (site->panels[i].slot == slot)
			return &site->panels[i];
	return NULL;
}

void job_tell(const struct job *job, const struct site *site)
{
	struct account account = {
		.job = job,
		.site = site,
		.panel = panel_of(site, job->slot),
		.snapshot = store_get(job->slot),
	};

	journal_begin(&account.batch, site->journal);
	for (size_t i = 0; i < job->n_ops; i++) {
		const struct job_op *op = &job->ops[i];
		bool stands = job->end == JOB_DONE || (op->touched && i != job->failed_op);

		/* Somebody has set it since, and it was left so. */
		if (job->restore && op->kind == JOB_SETTING && !op->touched)
			continue;
		if (stands && job->end != JOB_WITHDRAWN && op->kind != JOB_POLL_NOW)
			post(&account, op, false, "");
	}
	if (job->end != JOB_DONE && job->n_ops > 0)
		post_failure(&account);
	journal_end(&account.batch);
	store_put(job->slot, account.snapshot);
}
