/*
 * link: see link.h.
 *
 * Everything below the line "thread" is touched by the link's thread alone;
 * other threads hand over a new site under the lock and wake it. A timeout on
 * TCP costs the connection, but not the link: as long as somebody answers it is
 * taken up again at once and in silence. Only a connection that fails, or ends
 * without one answer of a unit that should have been there, leads to BACKOFF.
 */
#include "config.h"

#include "modbus/link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/descriptors.h"
#include "core/log.h"
#include "core/util.h"
#include "modbus/bus.h"
#include "modbus/job.h"
#include "modbus/news.h"
#include "modbus/overload.h"
#include "modbus/poller.h"
#include "modbus/turns.h"
#include "modbus/writer.h"

#define STACK_BYTES       (256 * 1024)
#define START_STEP_US     2000    /* between the starts of two links, so that not all poll at once */
#define START_SPREAD_US   1000000 /* of all of them */
#define BACKOFF_MIN_MS    500
#define BACKOFF_MAX_MS    30000
#define REOPEN_MAX_MS     4000 /* a device that is plugged in again is no network to be spared */
#define RECENT_TIMEOUTS   10 /* the last answer is so long ago at most: one timeout is not the link's end */
#define SILENT_FIRST      8 /* timeouts that a link of several units may begin with before it is down again */
#define STATUS_MS         100   /* least time between two publications of counters */
#define LOAD_WINDOW_US    5000000
#define SLEEP_MAX_MS      60000
#define STUCK_MS          (SLEEP_MAX_MS + 120000) /* more than any turn takes, with writes */
#define ASK_LEAST_MS      100 /* of waiting for a unit that may not be there while a job waits for the bus */
#define RECOVER_MAX_MS    1000
#define STOP_CHECK_MS     50
#define JOBS_A_TURN       64 /* that cannot be begun and are only told so */

struct link {
	int wake_fd;
	atomic_bool stopping;
	_Atomic int64_t turned_ms; /* when its thread last came round */
	int64_t start_ms; /* not before */
	pthread_t id;
	pthread_mutex_t lock; /* guards next_site, next_position */
	struct site *next_site; /* reference; NULL: nothing new */
	size_t next_position;

	/* thread */
	struct site *site; /* reference */
	const struct link_conf *conf;
	struct link_slot *slot; /* reference */
	struct job_queue *jobs; /* reference */
	struct bus *bus;
	char peer[128];
	struct poller **pollers;
	size_t n_pollers;
	struct turns turns;
	bool poll_turn; /* a job was carried out: polls are next */

	unsigned failures; /* connections in a row that failed or brought no answer */
	unsigned in_vain;  /* timeouts in a row */
	int last_rc;       /* of the last request */
	uint64_t connections;
	uint64_t answers;      /* on this connection */
	int64_t answered_ms;   /* last answer of any unit, 0: never */
	int64_t retry_ms;      /* not connected: next try */
	int64_t rest_until_ms; /* turnaround */
	int64_t asked_ms;      /* since when a unit that may not be there is, 0: none is */
	bool writing;          /* a job is under way: its requests are not called off */
	int64_t down_ms;       /* since when it is not UP, for the log */
	bool told_down; /* in the log */
	struct overload overload;
	bool posted_down; /* to the journal, by this agent or the one before */
	unsigned seed;

	struct link_status status;
	bool status_dirty;
	int64_t status_ms;
	int64_t load_begun_us;
	int64_t busy_us, busy_before_us; /* in this window and the one before */
};

/* State and statistics */

static void publish_status(struct link *link)
{
	link_slot_set(link->slot, &link->status);
	link->status_dirty = false;
	link->status_ms = clock_mono_ms();
}

static const char no_panel[] = "no panel to poll";

static const char *const state_names[] = {
	[LINK_DOWN] = "down",
	[LINK_CONNECTING] = "connecting",
	[LINK_UP] = "up",
	[LINK_BACKOFF] = "backoff",
};

/* An event, and which of the two was told last: the other is told next. */
static void post_state(struct link *link, bool down, const char *reason)
{
	enum event_kind kind = down ? EVENT_LINK_DOWN : EVENT_LINK_UP;
	struct journal_batch batch;
	struct tale tale;

	if (link->posted_down == down)
		return;
	link->posted_down = down;
	tell_link(&tale, link->conf, kind, clock_wall_ms(), "link %s (%s) %s%s%s",
		link->conf->name, link->peer, down ? "down" : "up again", down ? ": " : "",
		down ? reason : "");
	journal_begin(&batch, link->site->journal);
	journal_add(&batch, &tale.draft);
	journal_remember_link(&batch, link->conf->name, down);
	journal_end(&batch);
}

static void tell_state(struct link *link, enum link_state state, const char *reason)
{
	int64_t now_ms = clock_mono_ms();

	if (state == LINK_UP) {
		if (link->told_down)
			log_info("link", "%s (%s): up again after %lld s", link->conf->name,
				link->peer, (long long)(now_ms - link->down_ms) / 1000);
		else
			log_info("link", "%s (%s): up", link->conf->name, link->peer);
		link->told_down = false;
		post_state(link, false, reason);
	} else if (state == LINK_BACKOFF && !link->told_down) {
		log_warning("link", "%s (%s): down: %s; trying again", link->conf->name, link->peer,
			reason);
		link->told_down = true;
		link->down_ms = now_ms;
		post_state(link, true, reason);
	} else {
		log_debug("link", "%s (%s): %s %s", link->conf->name, link->peer,
			state_names[state], reason);
	}
}

/* The only place where the state changes. */
static void enter(struct link *link, enum link_state state, const char *reason)
{
	if (link->status.state == state)
		return;
	tell_state(link, state, reason);
	link->status.state = state;
	link->status.changed_wall_ms = clock_wall_ms();
	if (state == LINK_UP)
		link->status.error[0] = '\0';
	else if (*reason != '\0')
		text_copy(link->status.error, sizeof(link->status.error), reason);
	publish_status(link);
}

static void add_load(struct link *link, int64_t duration_us)
{
	int64_t now_us = clock_mono_us();
	int64_t window = now_us - link->load_begun_us;

	link->busy_us += duration_us;
	if (window >= LOAD_WINDOW_US) {
		link->busy_before_us = window < 2 * LOAD_WINDOW_US ? link->busy_us : 0;
		link->busy_us = 0;
		link->load_begun_us = now_us;
	}
	window = now_us - link->load_begun_us + LOAD_WINDOW_US;
	link->status.load_permille =
		(uint32_t)((link->busy_us + link->busy_before_us) * 1000 / window);
	if (link->status.load_permille > 1000)
		link->status.load_permille = 1000;
}

static void keep_fresh(const struct link *link, int64_t now_ms)
{
	for (size_t i = 0; i < link->n_pollers; i++)
		poller_keep_fresh(link->pollers[i], now_ms);
}

static void note_request(void *arg, int rc, int64_t duration_us)
{
	struct link *link = arg;
	struct link_status *status = &link->status;

	status->requests++;
	status->timeouts += rc == -ETIMEDOUT;
	status->crc_errors += rc == -EILSEQ;
	status->wrong_answers += rc == -EBADMSG;
	status->exceptions += BUS_IS_EXCEPTION(rc) && !BUS_IS_GATEWAYS(rc);
	status->gateway_exceptions += BUS_IS_GATEWAYS(rc);
	if (rc == 0 && status->round_trip_us == 0)
		status->round_trip_us = (uint32_t)duration_us;
	else if (rc == 0)
		status->round_trip_us =
			(uint32_t)((7 * (int64_t)status->round_trip_us + duration_us) / 8);
	add_load(link, duration_us);
	link->last_rc = rc;
	link->status_dirty = true;
	link->rest_until_ms = clock_mono_ms() + link->conf->turnaround_ms;
	keep_fresh(link, clock_mono_ms());
	if (rc < 0) {
		link->in_vain += rc == -ETIMEDOUT;
		return;
	}
	link->in_vain = 0;
	link->answers++;
	link->answered_ms = clock_mono_ms();
	link->failures = 0;
	enter(link, LINK_UP, "");
}

static void tell_overload(struct link *link, int64_t now_ms)
{
	const struct poller *slowest;
	const struct panel_conf *conf;

	switch (overload_look(&link->overload, link->pollers, link->n_pollers, now_ms, &slowest)) {
	case OVERLOAD_BEGINS:
		conf = poller_conf(slowest);
		log_warning("link",
			"%s (%s): too slow for its %zu panels: %s is polled every %.1f s, not every "
			"%.1f s; meterxd --check tells what would help",
			link->conf->name, link->peer, link->n_pollers, conf->name,
			(double)poller_slow_ms(slowest) / 1000, (double)conf->poll_ms / 1000);
		break;
	case OVERLOAD_ENDS:
		log_info("link", "%s (%s): keeps the poll intervals of its panels again",
			link->conf->name, link->peer);
		break;
	case OVERLOAD_NOTHING:
		break;
	}
}

/* Panels */

static struct poller *take_poller(struct link *link, const struct slot *slot)
{
	for (size_t i = 0; i < link->n_pollers; i++) {
		struct poller *poller = link->pollers[i];

		if (poller != NULL && poller_slot(poller) == slot) {
			link->pollers[i] = NULL;
			return poller;
		}
	}
	return NULL;
}

static void drop_pollers(struct link *link)
{
	for (size_t i = 0; i < link->n_pollers; i++)
		poller_free(link->pollers[i]);
	free(link->pollers);
}

/* Unchanged panels, known by their slot, go on with what their pollers know. */
static void assign_panels(struct link *link, struct site *site, size_t position)
{
	const struct poller_observer observer = { .request = note_request, .arg = link };
	const struct link_conf *conf = site->links[position].conf;
	struct poller **pollers = xcalloc(site->n_panels, sizeof(*pollers));
	size_t n = 0;

	for (size_t i = 0; i < site->n_panels; i++) {
		const struct panel *panel = &site->panels[i];

		if (panel->conf->link != conf || !panel->conf->enabled)
			continue;
		pollers[n] = take_poller(link, panel->slot);
		if (pollers[n] != NULL)
			poller_adopt(pollers[n], site, panel);
		else
			pollers[n] = poller_new(site, panel, &observer);
		n++;
	}
	drop_pollers(link);
	if (n > 0)
		pollers = xrealloc(pollers, n, sizeof(*pollers)); /* of a thousand panels, two */
	if (link->site != NULL)
		news_dismiss(link->site, link->conf, site);
	link->pollers = pollers;
	link->n_pollers = n;
	link->turns.last = 0;
	link->conf = conf;
	if (link->site == NULL || link->site->config != site->config)
		link->overload.told = false; /* other intervals, perhaps */
	site_unref(link->site);
	link->site = site;
}

static void take_update(struct link *link)
{
	struct site *site;
	size_t position;

	pthread_mutex_lock(&link->lock);
	site = link->next_site;
	position = link->next_position;
	link->next_site = NULL;
	pthread_mutex_unlock(&link->lock);
	if (site == NULL)
		return;
	assign_panels(link, site, position);
	if (link->n_pollers == 0) {
		bus_close(link->bus);
		enter(link, LINK_DOWN, no_panel);
	}
}

/* A connection that is only to be taken up again at once costs no poll. */
static bool is_away(const struct link *link)
{
	return !bus_connected(link->bus) && link->status.state != LINK_UP;
}

static void miss_polls(struct link *link, int64_t now_ms)
{
	bool away = is_away(link);
	char why[160];

	snprintf(why, sizeof(why), "link %s: %s", link->conf->name, link->status.error);
	for (size_t i = 0; i < link->n_pollers; i++) {
		struct poller *poller = link->pollers[i];

		if ((!away && !poller_silent(poller)) || poller_misses_ms(poller) > now_ms)
			continue;
		poller_missed(poller, now_ms, poller_silent(poller) ? NULL : why);
	}
}

/* Connection */

static int64_t backoff_ms(struct link *link)
{
	int64_t wait = link->conf->transport == TRANSPORT_RTU ? REOPEN_MAX_MS : BACKOFF_MAX_MS;

	if (link->failures < 8 && BACKOFF_MIN_MS << (link->failures - 1) < wait)
		wait = BACKOFF_MIN_MS << (link->failures - 1);
	return wait * 3 / 4 + (int64_t)rand_r(&link->seed) % (wait / 2 + 1);
}

static void back_off(struct link *link, int rc)
{
	link->failures++;
	link->in_vain = 0;
	link->retry_ms = clock_mono_ms() + backoff_ms(link);
	enter(link, LINK_BACKOFF, bus_strerror(rc));
}

static void connect_link(struct link *link)
{
	bool was_down = link->failures > 0;
	int rc;

	if (link->status.state != LINK_UP)
		enter(link, LINK_CONNECTING, "");
	rc = bus_connect(link->bus, link->conf->response_timeout_ms);
	if (rc == -EINTR)
		return; /* the link ends */
	if (rc < 0) {
		back_off(link, rc);
		return;
	}
	link->answers = 0;
	if (link->connections++ > 0)
		link->status.reconnects++;
	link->status_dirty = true;
	if (!was_down) {
		enter(link, LINK_UP, "");
		return;
	}
	/* Not up before somebody answers: a peer may accept and be dead behind. */
	for (size_t i = 0; i < link->n_pollers; i++)
		poller_restart(link->pollers[i]);
}

/* Nobody has answered since the link began or was down, but not everybody has been asked. */
static bool only_begun(const struct link *link)
{
	if (link->status.state == LINK_CONNECTING)
		return link->in_vain < SILENT_FIRST && link->in_vain < link->n_pollers;
	return link->answered_ms == 0 && link->status.state == LINK_UP && link->n_pollers > 1 &&
	       link->in_vain < SILENT_FIRST;
}

/* A timeout of a unit that may not be there says little of the link where there are others. */
static bool excused(const struct link *link)
{
	return link->asked_ms != 0 &&
	       (turns_somebody_answers(link->pollers, link->n_pollers) || only_begun(link));
}

static bool is_passing(const struct link *link, int rc, int64_t now_ms)
{
	int64_t recent_ms = (int64_t)RECENT_TIMEOUTS * link->conf->response_timeout_ms;
	bool recently = link->answered_ms != 0 && now_ms - link->answered_ms < recent_ms;

	return link->answers > 0 || rc == -EINTR ||
	       (rc == -ETIMEDOUT && (recently || excused(link)));
}

static void connection_failed(struct link *link, int rc)
{
	int64_t now_ms = clock_mono_ms();

	bus_recover(link->bus);
	if (bus_connected(link->bus))
		return;
	if (is_passing(link, rc, now_ms))
		link->retry_ms = now_ms;
	else
		back_off(link, rc);
}

/* Service */

static void serve(struct link *link, int64_t now_ms)
{
	enum poller_turn turn;
	size_t i = turns_choose(&link->turns, link->pollers, link->n_pollers, now_ms, &turn);
	bool unidentified;
	int rc;

	if (i == link->n_pollers)
		return;
	unidentified = poller_unidentified(link->pollers[i]);
	link->asked_ms = unidentified ? now_ms : 0;
	rc = poller_step(link->pollers[i], link->bus, now_ms, turn);
	if (rc < 0)
		connection_failed(link, rc);
	link->asked_ms = 0;
	/* A gateway's word for it is in vain, too, though it is to be tried again at once. */
	if (unidentified && poller_unidentified(link->pollers[i]) && (rc != 1 || link->last_rc != 0))
		turns_in_vain(&link->turns, now_ms, clock_mono_ms());
}

/* Jobs */

/* False when the link is to end meanwhile. */
static bool wait_until(struct link *link, int64_t until_ms)
{
	int64_t left_ms;

	while ((left_ms = until_ms - clock_mono_ms()) > 0 && !atomic_load(&link->stopping))
		poll(NULL, 0, left_ms < STOP_CHECK_MS ? (int)left_ms : STOP_CHECK_MS);
	return !atomic_load(&link->stopping);
}

/*
 * The writer's: after a failed request. What has become of a write is worth a
 * short wait: without a connection there is nobody else to serve.
 */
static int recover(void *arg, int rc)
{
	struct link *link = arg;

	connection_failed(link, rc);
	if (bus_connected(link->bus))
		return 0;
	if (link->retry_ms - clock_mono_ms() > RECOVER_MAX_MS)
		return rc;
	if (!wait_until(link, link->retry_ms))
		return -ECANCELED;
	connect_link(link);
	return bus_connected(link->bus) ? 0 : rc;
}

static void rest(void *arg)
{
	struct link *link = arg;

	wait_until(link, link->rest_until_ms);
}

/*
 * The bus asks while it waits. A link that ends waits for nobody but a meter that
 * is being written to, and a job not for a unit that does not answer anyway.
 */
static bool is_called_off(void *arg)
{
	const struct link *link = arg;

	if (link->writing)
		return false;
	if (atomic_load(&link->stopping))
		return true;
	return link->asked_ms != 0 && clock_mono_ms() - link->asked_ms >= ASK_LEAST_MS &&
	       job_queue_waiting(link->jobs);
}

/* Between two ops of a job: alarms of any panel do not wait for all of it. */
static void serve_alarm(void *arg)
{
	struct link *link = arg;
	int64_t now_ms = clock_mono_ms();
	size_t i = turns_late_alarm(link->pollers, link->n_pollers, now_ms);
	int rc;

	if (i == link->n_pollers || !bus_in_step(link->bus))
		return;
	rest(link);
	rc = poller_step(link->pollers[i], link->bus, now_ms, POLLER_ALARM);
	if (rc < 0)
		connection_failed(link, rc);
}

static void end_job(struct job *job)
{
	if (job->done != NULL)
		job->done(job, job->arg);
	job_unref(job);
}

static void withdraw(struct link *link, struct job *job, const char *why)
{
	job_withdraw(job);
	writer_withdraw(job, link->site, why);
	end_job(job);
}

static struct poller *poller_of(const struct link *link, const struct slot *slot)
{
	for (size_t i = 0; i < link->n_pollers; i++)
		if (poller_slot(link->pollers[i]) == slot)
			return link->pollers[i];
	return NULL;
}

/* Why a job cannot be begun, NULL: it can. */
static const char *obstacle(struct link *link, const struct job *job, char *text, size_t size)
{
	const struct poller *poller = poller_of(link, job->slot);

	if (poller == NULL)
		return "the panel is not polled any more";
	if (clock_mono_ms() > job->begin_by_ms)
		return "not begun in time";
	if (!bus_connected(link->bus) && !is_away(link))
		connect_link(link);
	if (!bus_connected(link->bus)) {
		snprintf(text, size, "link %s is down: %s", link->conf->name, link->status.error);
		return text;
	}
	return poller_unready(poller);
}

/* True when it was begun. */
static bool carry_out(struct link *link, struct job *job)
{
	const struct writer_line line = {
		.bus = link->bus,
		.recover = recover,
		.rest = rest,
		.between = serve_alarm,
		.arg = link,
	};
	char text[160];
	const char *why = obstacle(link, job, text, sizeof(text));

	if (why == NULL && !job_take(job))
		why = "taken back before it was begun";
	if (why != NULL) {
		withdraw(link, job, why);
		return false;
	}
	link->writing = true;
	writer_run(job, poller_of(link, job->slot), &line, link->site);
	link->writing = false;
	end_job(job);
	return true;
}

/* One at the most is begun. */
static void serve_jobs(struct link *link)
{
	struct job *job;

	for (int n = 0; n < JOBS_A_TURN && !link->poll_turn; n++) {
		job = job_queue_get(link->jobs);
		if (job == NULL)
			return;
		link->poll_turn = carry_out(link, job);
	}
}

/* The link ends, and what still waits with it. */
static void end_jobs(struct link *link)
{
	struct job *job;

	job_queue_attach(link->jobs, -1);
	while ((job = job_queue_get(link->jobs)) != NULL)
		withdraw(link, job, "the link has ended");
}

/* Thread */

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_request_ms(const struct link *link)
{
	int64_t next_ms;

	if (!bus_connected(link->bus))
		return link->n_pollers > 0 ? link->retry_ms : INT64_MAX;
	next_ms = turns_next_ms(&link->turns, link->pollers, link->n_pollers);
	return next_ms > link->rest_until_ms ? next_ms : link->rest_until_ms;
}

static int64_t next_event_ms(const struct link *link)
{
	bool away = is_away(link);
	int64_t next_ms = next_request_ms(link);

	for (size_t i = 0; i < link->n_pollers; i++)
		if (away || poller_silent(link->pollers[i]))
			next_ms = earliest(next_ms, poller_misses_ms(link->pollers[i]));
	if (link->status_dirty)
		next_ms = earliest(next_ms, link->status_ms + STATUS_MS);
	if (job_queue_waiting(link->jobs))
		next_ms = earliest(next_ms, link->rest_until_ms);
	return next_ms;
}

static void sleep_until(struct link *link, int64_t wake_ms)
{
	struct pollfd wait = { .fd = link->wake_fd, .events = POLLIN };
	int64_t timeout_ms = wake_ms - clock_mono_ms();
	uint64_t count;

	if (timeout_ms > SLEEP_MAX_MS)
		timeout_ms = SLEEP_MAX_MS;
	if (poll(&wait, 1, timeout_ms > 0 ? (int)timeout_ms : 0) > 0 &&
		read(link->wake_fd, &count, sizeof(count)) < 0)
		log_error("link", "%s: %s", link->conf->name, strerrordesc_np(errno));
}

/* Jobs overtake polls between any two requests; polls that are due, jobs between any two of them. */
static void do_next(struct link *link)
{
	int64_t now_ms = clock_mono_ms();

	if (bus_connected(link->bus) && now_ms < link->rest_until_ms)
		return;
	if (next_request_ms(link) > now_ms)
		link->poll_turn = false;
	if (!link->poll_turn) {
		serve_jobs(link);
		if (link->poll_turn)
			return;
		now_ms = clock_mono_ms();
	}
	if (next_request_ms(link) > now_ms)
		return;
	link->poll_turn = false;
	if (bus_connected(link->bus))
		serve(link, now_ms);
	else
		connect_link(link);
}

static void *run(void *arg)
{
	struct link *link = arg;

	wait_until(link, link->start_ms);
	while (!atomic_load(&link->stopping)) {
		int64_t now_ms;

		atomic_store(&link->turned_ms, clock_mono_ms());
		take_update(link);
		do_next(link);
		now_ms = clock_mono_ms();
		miss_polls(link, now_ms);
		keep_fresh(link, now_ms);
		tell_overload(link, now_ms);
		if (link->status_dirty && now_ms - link->status_ms >= STATUS_MS)
			publish_status(link);
		sleep_until(link, next_event_ms(link));
	}
	end_jobs(link);
	bus_close(link->bus);
	enter(link, LINK_DOWN, "stopped");
	return NULL;
}

/* Other threads */

static void wake(struct link *link)
{
	const uint64_t one = 1;

	if (write(link->wake_fd, &one, sizeof(one)) < 0)
		log_error("link", "wake: %s", strerrordesc_np(errno));
}

static void free_link(struct link *link)
{
	drop_pollers(link);
	bus_free(link->bus);
	site_unref(link->next_site);
	site_unref(link->site);
	link_slot_unref(link->slot);
	job_queue_unref(link->jobs);
	pthread_mutex_destroy(&link->lock);
	if (link->wake_fd >= 0)
		close(link->wake_fd);
	free(link);
}

/* All signals stay with the threads that want them. */
static int start_thread(struct link *link)
{
	char name[16];
	pthread_attr_t attributes;
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	rc = pthread_create(&link->id, &attributes, run, link);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return -rc;
	snprintf(name, sizeof(name), "link %s", link->conf->name);
	pthread_setname_np(link->id, name);
	return 0;
}

/* A panel's polls stay where its first one was: neighbours do not meet for ever. */
static int64_t start_after_ms(const struct site *site, size_t position)
{
	int64_t step_us = START_SPREAD_US / (int64_t)site->n_links;

	return (int64_t)position * (step_us < START_STEP_US ? step_us : START_STEP_US) / 1000;
}

static int prepare(struct link *link, struct site *site, size_t position)
{
	int rc;

	link->conf = site->links[position].conf;
	link->slot = link_slot_ref(site->links[position].slot);
	link->jobs = job_queue_ref(site->links[position].jobs);
	link_slot_get(link->slot, &link->status);
	link->status.state = LINK_DOWN;
	link->seed = (unsigned)clock_mono_us() ^ (unsigned)(uintptr_t)link;
	link->load_begun_us = clock_mono_us();
	link->start_ms = clock_mono_ms() + start_after_ms(site, position);
	atomic_init(&link->turned_ms, link->start_ms);
	link_conf_address(link->conf, link->peer, sizeof(link->peer));
	link->posted_down = journal_link_down(site->journal, link->conf->name);
	link->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (link->wake_fd < 0)
		return -errno;
	if (!descriptors_spare(link->wake_fd))
		return -EMFILE;
	link->bus = bus_new(link->conf);
	if (link->bus == NULL)
		return -errno;
	bus_set_interrupt(link->bus, is_called_off, link);
	assign_panels(link, site_ref(site), position);
	if (link->n_pollers == 0) {
		text_copy(link->status.error, sizeof(link->status.error), no_panel);
		publish_status(link);
	}
	job_queue_attach(link->jobs, link->wake_fd);
	rc = start_thread(link);
	if (rc < 0)
		end_jobs(link);
	return rc;
}

struct link *link_start(struct site *site, size_t position)
{
	struct link *link = xcalloc(1, sizeof(*link));
	int rc;

	atomic_init(&link->stopping, false);
	pthread_mutex_init(&link->lock, NULL);
	rc = prepare(link, site, position);
	if (rc == 0)
		return link;
	text_copy(link->status.error, sizeof(link->status.error), bus_strerror(rc));
	publish_status(link);
	free_link(link);
	errno = -rc;
	return NULL;
}

void link_update(struct link *link, struct site *site, size_t position)
{
	struct site *unseen;

	pthread_mutex_lock(&link->lock);
	unseen = link->next_site;
	link->next_site = site_ref(site);
	link->next_position = position;
	pthread_mutex_unlock(&link->lock);
	site_unref(unseen);
	wake(link);
}

bool link_turns(const struct link *link)
{
	return clock_mono_ms() - atomic_load(&link->turned_ms) <= STUCK_MS;
}

void link_stop_begin(struct link *link)
{
	atomic_store(&link->stopping, true);
	wake(link);
}

void link_stop(struct link *link)
{
	if (link == NULL)
		return;
	link_stop_begin(link);
	pthread_join(link->id, NULL);
	free_link(link);
}
