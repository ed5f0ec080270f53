/*
 * write: see write.h.
 *
 * A SET is divided into parts (set_part.h), which are done one after the other.
 * When one fails, those before it are taken back, the last first.
 */
#include "config.h"

#include "snmp/write.h"

#include <stdio.h>
#include <stdlib.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/types.h>
#include <net-snmp/library/snmp.h>

#include "core/clock.h"
#include "core/util.h"
#include "snmp/set_part.h"

#define FORGET_MS	 10000 /* a master that has not cleaned up by then will not */
#define TRANSACTIONS_MAX 64

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
	uint32_t test_packet;
	enum transaction_state state;
	bool undoing;  /* and the answer to that is due */
	bool released; /* the master is through with it */
	int64_t begun_ms;
	int timer; /* 0: none */
	int error;
	unsigned index;
	struct set_items items;
	struct part *parts;
	size_t n_parts;
};

struct write {
	struct part_world world;
	struct loop *loop;
	set_answer_fn *answer;
	void *arg;
	struct transaction *transactions;
	size_t n_transactions;
};

static void transaction_free(struct transaction *transaction)
{
	for (size_t i = 0; i < transaction->n_parts; i++)
		part_free(&transaction->parts[i]);
	free(transaction->parts);
	set_items_free(&transaction->items);
	free(transaction);
}

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
		const char *why;

		if (part->state == PART_DONE ||
			(part->state == PART_BEGUN && part->kind == PART_ASYNC))
			continue;
		if (part->state != PART_TO_DO)
			return;
		why = part_begin(part, transaction->begun_ms + WRITE_BEGIN_MS);
		if (why) {
			commit_fail(part, 0, why);
			return;
		}
		if (part->kind != PART_ASYNC)
			return;
	}
	commit_end(transaction, SNMP_ERR_NOERROR, 0);
}

/* The answer to an undo is due when nothing is under way any more, or when time is up. */
static void undo_review(struct transaction *transaction, bool in_time)
{
	bool stuck = false;

	if (!transaction->undoing)
		return;
	for (size_t i = 0; i < transaction->n_parts; i++) {
		const struct part *part = &transaction->parts[i];

		if (part_is_leaving(part) && in_time)
			return;
		stuck = stuck || part->state == PART_STUCK ||
			(part_is_leaving(part) && part->state != PART_LEAVING_SITE);
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

/* Free it when nobody will tell or ask anything of it any more. */
static void review(struct transaction *transaction)
{
	if (!transaction->released || transaction->state == COMMITTING)
		return;
	for (size_t i = 0; i < transaction->n_parts; i++)
		if (transaction->parts[i].n_expected > 0)
			return;
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

	while (transaction &&
		(transaction->released || transaction->token.session != token->session ||
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
	transaction->test_packet = request->token.packet;
	transaction->begun_ms = clock_mono_ms();
	transaction->next = write->transactions;
	write->transactions = transaction;
	write->n_transactions++;
	view_begin(write->world.view, transaction->begun_ms, clock_wall_ms());
	if (write->n_transactions > TRANSACTIONS_MAX) {
		transaction->error = SNMP_ERR_RESOURCEUNAVAILABLE;
		transaction->index = 1;
	} else {
		transaction->error = set_items_check(&transaction->items, write->world.view,
			request->varbinds, request->n, &transaction->index);
	}
	view_end(write->world.view);
	if (transaction->error == SNMP_ERR_NOERROR)
		transaction->n_parts = parts_divide(
			&transaction->parts, transaction, &write->world, &transaction->items);
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
	if (transaction->error == SNMP_ERR_NOERROR)
		transaction->error = SNMP_ERR_COMMITFAILED; /* should a commit come after it */
	undo_review(transaction, true);
}

static void cleanup(struct transaction *transaction)
{
	transaction->released = true;
	review(transaction);
}

/*
 * A test that the master sends once more is answered once more. Another one of the
 * same SET (the master divides what other agents have registered in between) would
 * never be carried out: the whole SET is refused.
 */
static void test_again(struct transaction *transaction, const struct set_request *request)
{
	struct write *write = transaction->write;
	bool other = request->token.packet != transaction->test_packet;

	if (other && transaction->state == TESTED) {
		transaction->error = SNMP_ERR_GENERR;
		transaction->index = 1;
	}
	write->answer(write->arg, &request->token, other ? SNMP_ERR_GENERR : transaction->error,
		other ? 1 : transaction->index);
}

bool write_receive(struct write *write, const struct set_request *request)
{
	static void (*const phases[])(struct transaction * transaction) = {
		[SET_COMMIT] = commit,
		[SET_UNDO] = undo,
		[SET_CLEANUP] = cleanup,
	};
	struct transaction *transaction = find(write, &request->token);

	if (request->phase == SET_TEST && transaction) {
		test_again(transaction, request);
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

static void handle(const struct news *news)
{
	struct part *part = news->part;
	struct transaction *transaction = part->transaction;
	bool awaited = part->state == PART_BEGUN && part->kind != PART_ASYNC;

	part_hear(part, news);
	if (awaited && part->state == PART_DONE)
		commit_go_on(transaction);
	else if (awaited && part->state == PART_FAILED)
		commit_fail(part, news->job ? news->job->failed_op : 0, news_reason(news));
	undo_review(transaction, true);
	review(transaction);
}

void write_collect(struct write *write)
{
	struct news *news, *next;

	for (news = mailbox_empty(write->world.mailbox); news; news = next) {
		next = news->next;
		handle(news);
		news_free(news);
	}
}

static void settle(struct transaction *transaction)
{
	for (size_t i = 0; i < transaction->n_parts; i++) {
		struct part *part = &transaction->parts[i];

		if (!part_settle(part))
			continue;
		if (part->state == PART_DONE)
			commit_go_on(transaction);
		else
			undo_review(transaction, true);
	}
}

void write_site_changed(struct write *write)
{
	struct transaction *transaction = write->transactions;

	board_review(write->world.board, view_site(write->world.view));
	for (; transaction; transaction = transaction->next)
		settle(transaction);
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

	write->world.view = view;
	write->loop = loop;
	write->answer = answer_fn;
	write->arg = arg;
	write->world.board = board_new();
	write->world.mailbox = mailbox_new(loop);
	view_set_board(view, write->world.board);
	return write;
}

void write_free(struct write *write)
{
	struct transaction *transaction;

	if (write == NULL)
		return;
	mailbox_close(write->world.mailbox);
	while ((transaction = write->transactions) != NULL) {
		for (size_t i = 0; i < transaction->n_parts; i++)
			part_abandon(&transaction->parts[i]);
		write_drop(write, transaction);
	}
	view_set_board(write->world.view, NULL);
	board_free(write->world.board);
	free(write);
}
