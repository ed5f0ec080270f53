/*
 * notifier: see notifier.h.
 *
 * after is the number up to which everything has been sent on this connection,
 * or passed over. A refused event sets it back, and is then sent alone until it
 * is taken or given up; the pauses in between grow. Acknowledged events are not
 * offered by the journal again, those under way are stepped over here.
 */
#include "config.h"

#include "snmp/notifier.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/util.h"

#define WINDOW_DEFAULT 32
#define RATE_DEFAULT   1000

#define BURST_MS       20 /* of pace that may be caught up on at once */
#define PACE_STEP_MS   2  /* not to wake up for each single event */
#define ROOM_MS	       20 /* until the next look whether the master takes more */
#define PAUSE_FIRST_MS 250
#define PAUSE_MAX_MS   30000
#define REFUSALS_MAX   5
#define ANSWER_WAIT_MS 120000
#define PINGS_MIN      12 /* answered meanwhile, and no event */

struct flight {
	struct event *event;
	uint32_t packet;
	int64_t sent_ms;
};

struct notifier {
	struct journal *journal;
	notifier_send_fn *send;
	void *arg;
	atomic_bool woken;
	unsigned window, rate;
	bool connected;
	bool more; /* the journal may have something to tell after all */
	uint64_t after;
	uint64_t refused;  /* number of the event that is tried again, 0: none */
	unsigned refusals; /* of it */
	int64_t pause_until_ms, pause_ms;
	int64_t tokens; /* in thousandths of an event */
	int64_t paced_ms;
	uint32_t last_packet;
	unsigned pings;				    /* answered since an event was */
	struct flight flights[NOTIFIER_WINDOW_MAX]; /* in the order sent */
	unsigned n_flights;
	struct notifier_stats stats;
};

struct notifier *notifier_new(struct journal *journal, notifier_send_fn *send, void *arg)
{
	struct notifier *notifier = xcalloc(1, sizeof(*notifier));

	notifier->journal = journal;
	notifier->send = send;
	notifier->arg = arg;
	atomic_init(&notifier->woken, false);
	notifier_set_pace(notifier, WINDOW_DEFAULT, RATE_DEFAULT);
	return notifier;
}

static void flights_drop(struct notifier *notifier)
{
	for (unsigned i = 0; i < notifier->n_flights; i++)
		event_unref(notifier->flights[i].event);
	notifier->n_flights = 0;
}

void notifier_free(struct notifier *notifier)
{
	if (notifier == NULL)
		return;
	flights_drop(notifier);
	free(notifier);
}

void notifier_set_pace(struct notifier *notifier, unsigned window, unsigned rate)
{
	notifier->window = window;
	notifier->rate = rate;
}

void notifier_connected(struct notifier *notifier, int64_t now_ms)
{
	flights_drop(notifier);
	notifier->connected = true;
	notifier->more = true;
	notifier->after = 0;
	notifier->refused = 0;
	notifier->refusals = 0;
	notifier->pause_ms = 0;
	notifier->pause_until_ms = now_ms;
}

void notifier_disconnected(struct notifier *notifier)
{
	flights_drop(notifier);
	notifier->connected = false;
}

void notifier_wake(struct notifier *notifier)
{
	atomic_store(&notifier->woken, true);
}

/* ---- pace -------------------------------------------------------------------------------- */

static int64_t burst(const struct notifier *notifier)
{
	int64_t tokens = (int64_t)notifier->rate * BURST_MS;

	return tokens < 1000 ? 1000 : tokens;
}

static int64_t tokens_at(const struct notifier *notifier, int64_t now_ms)
{
	int64_t passed = now_ms - notifier->paced_ms, most = burst(notifier);
	int64_t tokens;

	if (passed > 1000 || passed < 0)
		return most; /* a second fills it at any rate */
	tokens = notifier->tokens + passed * notifier->rate;
	return tokens < most ? tokens : most;
}

static void pace(struct notifier *notifier, int64_t now_ms)
{
	notifier->tokens = tokens_at(notifier, now_ms);
	notifier->paced_ms = now_ms;
}

/* ---- what comes next ------------------------------------------------------------------------ */

static unsigned window(const struct notifier *notifier)
{
	return notifier->refusals > 0 ? 1 : notifier->window;
}

static bool in_flight(const struct notifier *notifier, uint64_t number)
{
	for (unsigned i = 0; i < notifier->n_flights; i++) {
		if (notifier->flights[i].event->number == number)
			return true;
	}
	return false;
}

/* With a reference. Events become ready in the order of their numbers. */
static struct event *next_event(struct notifier *notifier)
{
	struct event *event = journal_next_to_tell(notifier->journal, notifier->after);

	while (event && in_flight(notifier, event->number)) {
		notifier->after = event->number;
		event_unref(event);
		event = journal_next_to_tell(notifier->journal, notifier->after);
	}
	return event;
}

/* What is to be tried again may have been dropped by the journal meanwhile. */
static void refused_review(struct notifier *notifier, uint64_t next)
{
	if (notifier->refused != 0 && next > notifier->refused) {
		notifier->refused = 0;
		notifier->refusals = 0;
	}
}

static bool send_next(struct notifier *notifier, int64_t now_ms)
{
	struct event *event = next_event(notifier);
	uint32_t packet = notifier->last_packet + 1;

	if (event == NULL) {
		/* What is under way may come back: its answer has us look again. */
		notifier->more = false;
		return false;
	}
	refused_review(notifier, event->number);
	switch (notifier->send(notifier->arg, event, packet)) {
	case NOTIFIER_SENT:
		break;
	case NOTIFIER_NO_ROOM:
		event_unref(event);
		notifier->pause_until_ms = now_ms + ROOM_MS;
		return false;
	case NOTIFIER_NOT_TOLD:
		notifier->after = event->number;
		notifier->stats.given_up++;
		event_unref(event);
		return true;
	}
	notifier->last_packet = packet;
	notifier->tokens -= 1000;
	notifier->after = event->number;
	if (notifier->n_flights == 0)
		notifier->pings = 0;
	notifier->flights[notifier->n_flights++] = (struct flight){ event, packet, now_ms };
	return true;
}

/* ---- answers ------------------------------------------------------------------------------- */

static struct event *flight_end(struct notifier *notifier, unsigned place)
{
	struct event *event = notifier->flights[place].event;

	notifier->n_flights--;
	memmove(&notifier->flights[place], &notifier->flights[place + 1],
		(notifier->n_flights - place) * sizeof(struct flight));
	notifier->more = true;
	return event;
}

static void taken(struct notifier *notifier, struct event *event)
{
	journal_delivered(notifier->journal, event);
	log_debug("snmp", "event %llu: delivered", (unsigned long long)event->number);
	notifier->stats.delivered++;
	if (event->number == notifier->refused) {
		notifier->refused = 0;
		notifier->refusals = 0;
	}
	if (notifier->refused == 0)
		notifier->pause_ms = 0;
}

static void pause_begin(struct notifier *notifier, int64_t now_ms)
{
	notifier->pause_ms = notifier->pause_ms == 0 ? PAUSE_FIRST_MS : notifier->pause_ms * 2;
	if (notifier->pause_ms > PAUSE_MAX_MS)
		notifier->pause_ms = PAUSE_MAX_MS;
	notifier->pause_until_ms = now_ms + notifier->pause_ms;
}

static void give_up(struct notifier *notifier, const struct event *event, const char *why)
{
	log_error("snmp",
		"the master agent does not take the notification of event %llu (%s), tried %u "
		"times; it stays undelivered until the next connection: %s",
		(unsigned long long)event->number, why, notifier->refusals, event->text);
	notifier->after = event->number;
	notifier->stats.given_up++;
	notifier->refused = 0;
	notifier->refusals = 0;
}

/* The lowest number is tried first; the others that were refused with it come behind it. */
static void refused(
	struct notifier *notifier, const struct event *event, const char *why, int64_t now_ms)
{
	notifier->stats.refused++;
	if (event->number <= notifier->after)
		notifier->after = event->number - 1;
	if (notifier->refused == 0 || event->number < notifier->refused) {
		notifier->refused = event->number;
		notifier->refusals = 0;
	}
	if (event->number != notifier->refused)
		return;
	pause_begin(notifier, now_ms);
	if (++notifier->refusals >= REFUSALS_MAX)
		give_up(notifier, event, why);
}

bool notifier_answer(struct notifier *notifier, uint32_t packet, unsigned error, int64_t now_ms)
{
	struct event *event;
	unsigned place = 0;
	char why[32];

	while (place < notifier->n_flights && notifier->flights[place].packet != packet)
		place++;
	if (place == notifier->n_flights)
		return false;
	event = flight_end(notifier, place);
	notifier->pings = 0;
	snprintf(why, sizeof(why), "error %u", error);
	if (error == 0)
		taken(notifier, event);
	else
		refused(notifier, event, why, now_ms);
	event_unref(event);
	return true;
}

/*
 * It answers in the order it was asked, so that it has passed over what it was
 * asked before. Pings have to be many, in case it does not; and one that has
 * work to do on those before, like waiting for a receiver, gets its time.
 */
void notifier_pinged(struct notifier *notifier, int64_t now_ms)
{
	if (notifier->n_flights == 0 || ++notifier->pings < PINGS_MIN)
		return;
	while (notifier->n_flights > 0 && now_ms - notifier->flights[0].sent_ms >= ANSWER_WAIT_MS) {
		struct event *event = flight_end(notifier, 0);

		refused(notifier, event, "no answer", now_ms);
		event_unref(event);
	}
}

/* ---- the owner's side ---------------------------------------------------------------------- */

/* Until the pace allows the next one. */
static int64_t pace_wait(const struct notifier *notifier, int64_t now_ms)
{
	int64_t missing = 1000 - tokens_at(notifier, now_ms);
	int64_t wait = (missing + notifier->rate - 1) / notifier->rate;

	if (missing <= 0)
		return 0;
	return wait < PACE_STEP_MS ? PACE_STEP_MS : wait;
}

static int64_t send_wait(const struct notifier *notifier, int64_t now_ms)
{
	int64_t wait, pause = notifier->pause_until_ms - now_ms;

	if (!notifier->more && !atomic_load(&notifier->woken))
		return INT64_MAX;
	if (notifier->n_flights >= window(notifier))
		return INT64_MAX;
	wait = pace_wait(notifier, now_ms);
	return wait > pause ? wait : pause;
}

int notifier_wait_ms(const struct notifier *notifier, int64_t now_ms)
{
	int64_t wait;

	if (!notifier->connected || notifier->journal == NULL)
		return -1;
	wait = send_wait(notifier, now_ms);
	if (wait == INT64_MAX)
		return -1;
	return wait < 0 ? 0 : (int)wait;
}

void notifier_work(struct notifier *notifier, int64_t now_ms)
{
	if (!notifier->connected || notifier->journal == NULL)
		return;
	if (atomic_exchange(&notifier->woken, false))
		notifier->more = true;
	pace(notifier, now_ms);
	while (notifier->more && notifier->n_flights < window(notifier) &&
		now_ms >= notifier->pause_until_ms && notifier->tokens >= 1000) {
		if (!send_next(notifier, now_ms))
			break;
	}
}

void notifier_stats(const struct notifier *notifier, struct notifier_stats *stats)
{
	*stats = notifier->stats;
}
