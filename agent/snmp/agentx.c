/*
 * agentx: see agentx.h.
 *
 * Net-SNMP has one session to the master in a process, and so there is one
 * struct agentx. The library may hold the thread for a second while it connects;
 * nobody waits for this thread but agentx_stop(), and that can hang up. Pings are
 * ours, not the library's: it would hold the thread until the answer, and a master
 * that stands still must not lose the session, for what it has not acknowledged
 * then would be told again.
 *
 * A request for our tables costs epoll_wait, recv and send (stream.h). Only after
 * anything else (library_used) the library's descriptors and timers are looked
 * at again.
 */
#include "config.h"

#include "agentx.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/util.h"
#include "snmp/answer.h"
#include "snmp/notification.h"
#include "snmp/notifier.h"
#include "snmp/stream.h"
#include "snmp/write.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <net-snmp/agent/agent_callbacks.h>
#include <net-snmp/library/large_fd_set.h>

#define APPLICATION "meterx"

#define RETRY_S	       1     /* between attempts to reach the master */
#define OPEN_TIMEOUT_S 1     /* for the master's answer to Open and Register */
#define PING_AFTER_MS  1000  /* of silence */
#define PING_EVERY_MS  10000 /* at least */
/*
 * A master on a network is then as good as gone. It may wait for receivers of SNMPv3
 * informs that are away, some seconds for each of them with each event.
 */
#define SILENCE_MAX_MS	 60000
#define CLOSE_TIMEOUT_US (300 * 1000L)
#define STOP_WAIT_S	 2 /* for an orderly end, and again after hanging up */
#define PING_PACKET	 0 /* those of events are numbered from 1 */
#define DESCRIPTORS_MAX	 16
#define MESSAGES_KEPT	 8
#define NOWHERE		 "/dev/null" /* a folder that is none, nor can be made */

struct agentx {
	pthread_t thread;
	struct loop *loop;

	pthread_mutex_t lock; /* of next_site, next_socket, ended */
	struct site *next_site;
	char *next_socket;
	bool ended; /* the thread has nothing more to do */
	pthread_cond_t end;
	struct journal *journal; /* of all sites; NULL: none */
	atomic_bool stopping;
	atomic_bool left; /* by its thread, or by who should have joined it: the second frees */
	atomic_int session_fd; /* -1: no session */

	/* The thread's own. */
	char *socket;
	struct view *view;
	struct stream *stream;
	struct notifier *notifier;
	struct wire_output output; /* reused */
	int64_t heard_ms;	   /* when the master last said something */
	int64_t pinged_ms;
	bool pinged; /* and not answered yet */
	bool silent; /* as logged */
	struct write *write;
	netsnmp_session *session; /* NULL: no master */
	bool refused;		  /* the master did not take our registration */
	bool serving;		  /* as last logged */
	int64_t away_since_ms;
	int away_reason; /* errno as last logged; -1: not looked at yet */
	bool library_used;
	bool session_changed;
	int64_t library_due_ms; /* its next timer, -1: none */
	int retry_timer;	/* of the registration, 0: none */
	int watched[DESCRIPTORS_MAX];
	size_t n_watched;
	netsnmp_large_fd_set readable;
	char *messages[MESSAGES_KEPT]; /* said since the master was last there */
};

/*
 * Callbacks find us here: the library keeps a session's magic to itself, and
 * frees the arguments of its other callbacks when it shuts down.
 */
static struct agentx *the_agentx;
/* The library does not come up again properly in a process where it was shut down. */
static atomic_bool started;

/* ---- what the library says ------------------------------------------------------------- */

static enum log_level level_of(int priority)
{
	if (priority <= LOG_ERR)
		return LOG_LEVEL_ERROR;
	return priority == LOG_WARNING ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG;
}

static void messages_forget(struct agentx *agentx)
{
	for (size_t i = 0; i < MESSAGES_KEPT; i++) {
		free(agentx->messages[i]);
		agentx->messages[i] = NULL;
	}
}

/* The library repeats itself with every attempt to connect: true for the first time only. */
static bool message_is_new(struct agentx *agentx, const char *text)
{
	size_t i = 0;

	for (; i < MESSAGES_KEPT && agentx->messages[i]; i++) {
		if (strcmp(agentx->messages[i], text) == 0)
			return false;
	}
	if (i < MESSAGES_KEPT)
		agentx->messages[i] = xstrdup(text);
	return i < MESSAGES_KEPT;
}

static int on_library_log(int major, int minor, void *server, void *client)
{
	const struct snmp_log_message *message = server;
	struct agentx *agentx = the_agentx;
	enum log_level level = level_of(message->priority);
	int length = (int)strcspn(message->msg, "\n");
	long code;

	(void)major;
	(void)minor;
	(void)client;
	/* The one sign the library gives of a registration that was refused. */
	if (sscanf(message->msg, "registering pdu failed: %ld", &code) == 1) {
		agentx->refused = true;
		level = LOG_LEVEL_DEBUG;
	}
	if (!message_is_new(agentx, message->msg))
		level = LOG_LEVEL_DEBUG;
	log_write(level, "snmp", "%.*s", length, message->msg);
	return 0;
}

/* ---- our own requests to the master ---------------------------------------------------------- */

static void hang_up(struct agentx *agentx)
{
	int fd = atomic_load(&agentx->session_fd);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

static void master_heard(struct agentx *agentx)
{
	int64_t now_ms = clock_mono_ms();

	if (stream_ended(agentx->stream))
		return;
	if (agentx->silent)
		log_info("snmp", "the master agent at %s answers again after %lld s",
			agentx->socket, (long long)(now_ms - agentx->heard_ms) / 1000);
	agentx->heard_ms = now_ms;
	agentx->silent = false;
}

static struct wire_ids ids_of(const struct agentx *agentx, uint32_t packet)
{
	return (struct wire_ids){ (uint32_t)agentx->session->sessid, STREAM_TRANSACTION, packet };
}

static void ping(struct agentx *agentx, int64_t now_ms)
{
	struct wire_ids ids = ids_of(agentx, PING_PACKET);
	int fd = atomic_load(&agentx->session_fd);

	agentx->pinged_ms = now_ms;
	agentx->pinged = stream_has_room(fd);
	if (!agentx->pinged)
		return; /* so much is unread that any answer will do */
	agentx->output.length = 0;
	wire_ping(&agentx->output, &ids);
	stream_send(fd, &agentx->output);
}

/*
 * A local master that is gone has closed the connection; one that is stopped has
 * not, and will read what we have sent when it goes on. Only over a network it may
 * be gone without a word.
 */
static void silence(struct agentx *agentx)
{
	log_warning("snmp", "the master agent at %s has said nothing for %d s", agentx->socket,
		SILENCE_MAX_MS / 1000);
	agentx->silent = true;
	if (strncmp(agentx->socket, "tcp:", 4) == 0)
		hang_up(agentx);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t ping_due_ms(const struct agentx *agentx)
{
	int64_t quiet = later(agentx->heard_ms, agentx->pinged_ms) + PING_AFTER_MS;
	int64_t rhythm = agentx->pinged_ms + PING_EVERY_MS;

	if (agentx->pinged)
		return INT64_MAX;
	return quiet < rhythm ? quiet : rhythm;
}

static int64_t silence_due_ms(const struct agentx *agentx)
{
	return agentx->silent ? INT64_MAX : agentx->heard_ms + SILENCE_MAX_MS;
}

/* Only after the socket has been looked at: we may have been stopped ourselves. */
static void pulse(struct agentx *agentx, int64_t now_ms)
{
	if (now_ms >= ping_due_ms(agentx))
		ping(agentx, now_ms);
	if (now_ms >= silence_due_ms(agentx))
		silence(agentx);
}

static int pulse_wait_ms(const struct agentx *agentx, int64_t now_ms)
{
	int64_t ping = ping_due_ms(agentx), silence = silence_due_ms(agentx);
	int64_t due = ping < silence ? ping : silence;

	if (due == INT64_MAX)
		return -1;
	return due <= now_ms ? 0 : (int)(due - now_ms);
}

static enum notifier_sent on_send(void *arg, const struct event *event, uint32_t packet)
{
	struct agentx *agentx = arg;
	const struct notification *notification = notification_of(event);
	struct wire_ids ids = ids_of(agentx, packet);
	int fd = atomic_load(&agentx->session_fd);

	if (notification == NULL) {
		log_error("snmp", "no notification tells event %llu: %s",
			(unsigned long long)event->number, event->text);
		return NOTIFIER_NOT_TOLD;
	}
	if (!stream_has_room(fd))
		return NOTIFIER_NO_ROOM;
	agentx->output.length = 0;
	notification_write(agentx->view, event, notification, &ids, &agentx->output);
	stream_send(fd, &agentx->output);
	log_debug("snmp", "event %llu: %s sent", (unsigned long long)event->number,
		notification->name);
	return NOTIFIER_SENT;
}

static void on_response(void *arg, uint32_t packet, unsigned error)
{
	struct agentx *agentx = arg;

	if (error == WIRE_NOT_OPEN) {
		/* It knows nothing of our session: begin anew. */
		log_warning(
			"snmp", "the master agent at %s has closed the session", agentx->socket);
		hang_up(agentx);
	} else if (packet == PING_PACKET) {
		agentx->pinged = false;
		notifier_pinged(agentx->notifier, clock_mono_ms());
	} else {
		notifier_answer(agentx->notifier, packet, error, clock_mono_ms());
	}
}

/* In the journal's thread. */
static void on_journal_ready(void *arg)
{
	struct agentx *agentx = arg;

	notifier_wake(agentx->notifier);
	loop_wake(agentx->loop);
}

static int sooner(int wait_ms, int other_ms)
{
	if (wait_ms < 0 || other_ms < 0)
		return wait_ms < 0 ? other_ms : wait_ms;
	return wait_ms < other_ms ? wait_ms : other_ms;
}

static int own_wait_ms(const struct agentx *agentx)
{
	int64_t now_ms;

	if (agentx->session == NULL)
		return -1;
	now_ms = clock_mono_ms();
	return sooner(pulse_wait_ms(agentx, now_ms), notifier_wait_ms(agentx->notifier, now_ms));
}

static void own_work(struct agentx *agentx)
{
	int64_t now_ms;

	if (own_wait_ms(agentx) != 0)
		return;
	now_ms = clock_mono_ms();
	pulse(agentx, now_ms);
	notifier_work(agentx->notifier, now_ms);
}

/* ---- requests ---------------------------------------------------------------------------- */

/*
 * The session's transport reads through this: what the library gets to see is
 * what the stream does not answer by itself.
 */
static int on_receive(
	netsnmp_transport *transport, void *buffer, int size, void **opaque, int *opaque_length)
{
	struct stream *stream = the_agentx->stream;
	size_t n;

	*opaque = NULL;
	*opaque_length = 0;
	if (!stream_has_more(stream))
		stream_receive(stream, transport->sock);
	master_heard(the_agentx);
	n = stream_take(stream, buffer, (size_t)size);
	if (n > 0)
		return (int)n;
	if (stream_ended(stream))
		return -1;
	transport->flags |= NETSNMP_TRANSPORT_FLAG_EMPTY_PKT;
	return 0;
}

static int on_handler(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
	netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
	(void)handler;
	(void)registration;
	answer_requests(the_agentx->view, requests, info->mode == MODE_GETNEXT);
	return SNMP_ERR_NOERROR;
}

static void on_set_answer(void *arg, const struct set_token *token, int error, unsigned index)
{
	struct agentx *agentx = arg;
	int fd = atomic_load(&agentx->session_fd);

	if (fd >= 0)
		stream_answer_set(agentx->stream, fd, token, error, index);
}

/* ---- life of the session ----------------------------------------------------------------- */

static int on_connected(int major, int minor, void *server, void *client)
{
	netsnmp_session *session = server;
	struct agentx *agentx = the_agentx;
	netsnmp_transport *transport = snmp_sess_transport(snmp_sess_pointer(session));

	(void)major;
	(void)minor;
	(void)client;
	if (transport) {
		transport->f_recv = on_receive;
		stream_reset(agentx->stream);
	}
	agentx->session = session;
	agentx->session_changed = true;
	agentx->refused = false;
	atomic_store(&agentx->session_fd, transport ? transport->sock : -1);
	agentx->heard_ms = agentx->pinged_ms = clock_mono_ms();
	agentx->pinged = agentx->silent = false;
	/* Our OIDs are registered before the loop goes on and the first event is sent. */
	notifier_connected(agentx->notifier, agentx->heard_ms);
	return 0;
}

static int on_disconnected(int major, int minor, void *server, void *client)
{
	struct agentx *agentx = the_agentx;

	(void)major;
	(void)minor;
	(void)server;
	(void)client;
	agentx->session = NULL;
	agentx->session_changed = true;
	atomic_store(&agentx->session_fd, -1);
	notifier_disconnected(agentx->notifier);
	write_hang_up(agentx->write);
	return 0;
}

static void on_retry(void *arg)
{
	struct agentx *agentx = arg;

	agentx->library_used = true;
	if (agentx->session == NULL || !agentx->refused)
		return;
	agentx->refused = false;
	register_mib_detach();
	register_mib_reattach();
}

/* Why the master's socket cannot be reached, as errno; 0: it can, or nobody knows. */
static int away_reason(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, reason;

	if (strncmp(path, "unix:", 5) == 0)
		path += 5;
	if (path[0] != '/' || strlen(path) >= sizeof(address.sun_path))
		return 0;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	reason = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
	close(fd);
	return reason == EAGAIN ? 0 : reason;
}

/* The library does not tell why it cannot connect; an operator wants to know, once. */
static void away_review(struct agentx *agentx)
{
	int reason = away_reason(agentx->socket);

	if (reason != agentx->away_reason)
		log_warning("snmp", "no master agent at %s%s%s; trying every %d s", agentx->socket,
			reason > 0 ? ": " : "", reason > 0 ? strerror(reason) : "", RETRY_S);
	agentx->away_reason = reason;
}

/* Try a refused registration again until it is taken. */
static void registration_review(struct agentx *agentx)
{
	bool wanted = agentx->session && agentx->refused;

	if (wanted && agentx->retry_timer == 0) {
		log_error("snmp",
			"the master agent at %s refuses to register %s.1, which another "
			"subagent may serve; trying every %d s",
			agentx->socket, MX_OID_TEXT, RETRY_S);
		agentx->retry_timer =
			loop_add_timer(agentx->loop, RETRY_S * 1000, on_retry, agentx);
	} else if (!wanted && agentx->retry_timer != 0) {
		loop_remove_timer(agentx->loop, agentx->retry_timer);
		agentx->retry_timer = 0;
	}
}

/* Log what changed since the last look. */
static void session_review(struct agentx *agentx)
{
	bool serving = agentx->session && !agentx->refused;
	int64_t now = clock_mono_ms();

	if (serving && !agentx->serving) {
		messages_forget(agentx);
		agentx->away_reason = 0;
		log_info("snmp", "served by the master agent at %s after %lld s", agentx->socket,
			(long long)(now - agentx->away_since_ms) / 1000);
	} else if (!serving && agentx->serving) {
		agentx->away_since_ms = now;
		log_warning("snmp", "lost the master agent at %s; trying every %d s",
			agentx->socket, RETRY_S);
	}
	agentx->serving = serving;
	if (agentx->session == NULL)
		away_review(agentx);
	registration_review(agentx);
}

/* ---- the library in our loop --------------------------------------------------------------- */

static void library_read(struct agentx *agentx, int fd)
{
	NETSNMP_LARGE_FD_SET(fd, &agentx->readable);
	snmp_read2(&agentx->readable);
	NETSNMP_LARGE_FD_CLR(fd, &agentx->readable);
	agentx->library_used = true;
}

/* The library keeps the timer of its pings in this field. */
static void library_ping_never(netsnmp_session *session)
{
	if (session->securityModel != SNMP_DEFAULT_SECMODEL)
		snmp_alarm_unregister((unsigned int)session->securityModel);
	session->securityModel = SNMP_DEFAULT_SECMODEL;
}

static void on_readable(int fd, void *arg)
{
	struct agentx *agentx = arg;

	if (agentx->session == NULL || fd != atomic_load(&agentx->session_fd)) {
		library_read(agentx, fd);
		return;
	}
	stream_receive(agentx->stream, fd);
	master_heard(agentx);
	if (stream_has_more(agentx->stream))
		library_read(agentx, fd);
}

static void watch_drop(struct agentx *agentx, size_t place)
{
	loop_remove_fd(agentx->loop, agentx->watched[place]);
	agentx->watched[place] = agentx->watched[--agentx->n_watched];
}

static void watch_add(struct agentx *agentx, int fd)
{
	int rc;

	for (size_t i = 0; i < agentx->n_watched; i++) {
		if (agentx->watched[i] == fd)
			return;
	}
	rc = agentx->n_watched < DESCRIPTORS_MAX
		     ? loop_add_fd(agentx->loop, fd, on_readable, agentx)
		     : -EMFILE;
	if (rc < 0)
		log_error("snmp", "cannot watch descriptor %d: %s", fd, strerror(-rc));
	else
		agentx->watched[agentx->n_watched++] = fd;
}

/* Watch exactly what the library waits for now, and know when its next timer is due. */
static void library_review(struct agentx *agentx)
{
	struct timeval wait = { 0 };
	netsnmp_large_fd_set wanted;
	int n = 0, block = 1;

	netsnmp_large_fd_set_init(&wanted, FD_SETSIZE);
	NETSNMP_LARGE_FD_ZERO(&wanted);
	snmp_select_info2(&n, &wanted, &wait, &block);
	/* A new session may have got the number of a descriptor that was closed: watch it anew. */
	for (size_t i = agentx->n_watched; i-- > 0;) {
		if (agentx->session_changed || !NETSNMP_LARGE_FD_ISSET(agentx->watched[i], &wanted))
			watch_drop(agentx, i);
	}
	for (int fd = 0; fd < n; fd++) {
		if (NETSNMP_LARGE_FD_ISSET(fd, &wanted))
			watch_add(agentx, fd);
	}
	netsnmp_large_fd_set_cleanup(&wanted);
	agentx->session_changed = false;
	agentx->library_due_ms =
		block ? -1 : clock_mono_ms() + wait.tv_sec * 1000 + (wait.tv_usec + 999) / 1000;
}

static void library_settle(struct agentx *agentx)
{
	agentx->library_used = false;
	if (agentx->session)
		library_ping_never(agentx->session);
	netsnmp_check_outstanding_agent_requests();
	library_review(agentx);
	session_review(agentx);
}

static int library_wait_ms(const struct agentx *agentx)
{
	int64_t left;

	if (agentx->library_due_ms < 0)
		return -1;
	left = agentx->library_due_ms - clock_mono_ms();
	return left < 0 ? 0 : (int)left;
}

/*
 * No folder of the library: it would look for MIB modules and certificates, and make
 * an index of the latter in its persistent folder, where snmpd keeps its own.
 */
static void library_keep_out(void)
{
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
	netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_CONFIGURATION_DIR, NOWHERE);
	netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_PERSISTENT_DIR, NOWHERE);
	netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIBDIRS, NOWHERE);
}

static void library_start(struct agentx *agentx)
{
	static oid root[] = MX_OBJECTS;

	snmp_enable_calllog();
	snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, on_library_log, NULL);
	library_keep_out();
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_ALARM_DONT_USE_SIG, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_ROLE, 1);
	netsnmp_ds_set_boolean(
		NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_NO_CONNECTION_WARNINGS, 1);
	netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, agentx->socket);
	init_agent(APPLICATION);
	/* init_agent() sets defaults of its own for these. */
	netsnmp_ds_set_int(
		NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, RETRY_S);
	netsnmp_ds_set_int(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_TIMEOUT, OPEN_TIMEOUT_S);
	/* A stream needs no second try, and a master that wakes up no two of the same. */
	netsnmp_ds_set_int(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_RETRIES, 0);
	snmp_register_callback(
		SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_START, on_connected, NULL);
	snmp_register_callback(
		SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP, on_disconnected, NULL);
	netsnmp_register_handler(netsnmp_create_handler_registration(
		APPLICATION, on_handler, root, ARRAY_LEN(root), HANDLER_CAN_RONLY));
	init_snmp(APPLICATION);
	library_settle(agentx);
}

static void library_timers(struct agentx *agentx)
{
	snmp_timeout();
	run_alarms();
	agentx->library_used = true;
}

/* The library connects to another socket with its next attempt. */
static void socket_change(struct agentx *agentx, char *socket)
{
	if (strcmp(socket, agentx->socket) == 0) {
		free(socket);
		return;
	}
	free(agentx->socket);
	agentx->socket = socket;
	agentx->serving = false;
	agentx->away_since_ms = clock_mono_ms();
	agentx->away_reason = -1;
	netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, socket);
	log_info("snmp", "going over to the master agent at %s", socket);
	hang_up(agentx);
}

/* Takes the reference over. */
static void site_change(struct agentx *agentx, struct site *site)
{
	notifier_set_pace(agentx->notifier, site->config->notify_window, site->config->notify_rate);
	view_set_site(agentx->view, site);
}

static void on_wake(void *arg)
{
	struct agentx *agentx = arg;
	struct site *site;
	char *socket;

	pthread_mutex_lock(&agentx->lock);
	site = agentx->next_site;
	socket = agentx->next_socket;
	agentx->next_site = NULL;
	agentx->next_socket = NULL;
	pthread_mutex_unlock(&agentx->lock);
	if (site) {
		site_change(agentx, site);
		write_site_changed(agentx->write);
	}
	write_collect(agentx->write);
	if (socket)
		socket_change(agentx, socket);
}

static void agentx_free(struct agentx *agentx)
{
	messages_forget(agentx);
	netsnmp_large_fd_set_cleanup(&agentx->readable);
	notifier_free(agentx->notifier);
	free(agentx->output.data);
	stream_free(agentx->stream);
	write_free(agentx->write);
	view_free(agentx->view);
	site_unref(agentx->next_site);
	free(agentx->next_socket);
	loop_free(agentx->loop);
	pthread_cond_destroy(&agentx->end);
	pthread_mutex_destroy(&agentx->lock);
	free(agentx->socket);
	free(agentx);
}

static void *run(void *arg)
{
	struct agentx *agentx = arg;
	int rc = 0;

	library_start(agentx);
	while (!atomic_load(&agentx->stopping) && rc == 0) {
		int wait = library_wait_ms(agentx);

		if (wait == 0) {
			library_timers(agentx);
		} else {
			rc = loop_turn(agentx->loop, sooner(wait, own_wait_ms(agentx)));
			own_work(agentx);
		}
		if (agentx->library_used)
			library_settle(agentx);
	}
	if (rc < 0)
		log_error("snmp", "cannot wait for events: %s", strerror(-rc));
	if (agentx->session)
		agentx->session->timeout = CLOSE_TIMEOUT_US;
	snmp_shutdown(APPLICATION);
	shutdown_agent();
	pthread_mutex_lock(&agentx->lock);
	agentx->ended = true;
	pthread_cond_signal(&agentx->end);
	pthread_mutex_unlock(&agentx->lock);
	if (atomic_exchange(&agentx->left, true))
		agentx_free(agentx);
	return NULL;
}

/* ---- the other threads' side ----------------------------------------------------------------- */

static int thread_start(struct agentx *agentx)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&agentx->thread, NULL, run, agentx);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

struct agentx *agentx_start(const char *socket, struct site *site)
{
	pthread_condattr_t monotonic;
	struct agentx *agentx;

	if (atomic_exchange(&started, true)) {
		errno = EBUSY;
		return NULL;
	}
	agentx = xcalloc(1, sizeof(*agentx));
	agentx->socket = xstrdup(socket);
	pthread_mutex_init(&agentx->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&agentx->end, &monotonic);
	pthread_condattr_destroy(&monotonic);
	atomic_init(&agentx->session_fd, -1);
	agentx->view = view_new();
	agentx->journal = site->journal;
	agentx->notifier = notifier_new(agentx->journal, on_send, agentx);
	site_change(agentx, site_ref(site));
	agentx->stream = stream_new(agentx->view);
	stream_on_response(agentx->stream, on_response, agentx);
	netsnmp_large_fd_set_init(&agentx->readable, FD_SETSIZE);
	NETSNMP_LARGE_FD_ZERO(&agentx->readable);
	agentx->away_since_ms = clock_mono_ms();
	agentx->away_reason = -1;
	agentx->loop = loop_new();
	if (agentx->loop == NULL)
		goto fail;
	agentx->write = write_new(agentx->view, agentx->loop, on_set_answer, agentx);
	stream_set_writer(agentx->stream, agentx->write);
	loop_on_wake(agentx->loop, on_wake, agentx);
	the_agentx = agentx;
	signal(SIGPIPE, SIG_IGN); /* the library writes to sockets without MSG_NOSIGNAL */
	setenv("MIBS", "", 1);	  /* it would load them */
	errno = thread_start(agentx);
	if (errno == 0) {
		if (agentx->journal)
			journal_on_ready(agentx->journal, on_journal_ready, agentx);
		return agentx;
	}
fail:
	agentx_free(agentx);
	return NULL;
}

void agentx_set_site(struct agentx *agentx, struct site *site)
{
	struct site *unseen;

	pthread_mutex_lock(&agentx->lock);
	unseen = agentx->next_site;
	agentx->next_site = site_ref(site);
	pthread_mutex_unlock(&agentx->lock);
	site_unref(unseen);
	loop_wake(agentx->loop);
}

void agentx_set_socket(struct agentx *agentx, const char *socket)
{
	char *unseen, *next = xstrdup(socket);

	pthread_mutex_lock(&agentx->lock);
	unseen = agentx->next_socket;
	agentx->next_socket = next;
	pthread_mutex_unlock(&agentx->lock);
	free(unseen);
	loop_wake(agentx->loop);
}

/* True: it is joined. The wall clock may be set meanwhile. */
static bool thread_ended(struct agentx *agentx)
{
	struct timespec until;
	bool ended;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STOP_WAIT_S;
	pthread_mutex_lock(&agentx->lock);
	while (!agentx->ended && rc == 0)
		rc = pthread_cond_timedwait(&agentx->end, &agentx->lock, &until);
	ended = agentx->ended;
	pthread_mutex_unlock(&agentx->lock);
	return ended && pthread_join(agentx->thread, NULL) == 0;
}

bool agentx_stop(struct agentx *agentx)
{
	bool done;

	if (agentx == NULL)
		return true;
	if (agentx->journal)
		journal_on_ready(agentx->journal, NULL, NULL);
	atomic_store(&agentx->stopping, true);
	loop_wake(agentx->loop);
	done = thread_ended(agentx);
	if (!done) {
		/* The library waits for a master that says nothing: hanging up ends that. */
		hang_up(agentx);
		done = thread_ended(agentx);
	}
	if (!done) {
		log_warning("snmp", "the master agent holds the SNMP thread, leaving it behind");
		pthread_detach(agentx->thread);
		done = atomic_exchange(&agentx->left, true);
	}
	if (done)
		agentx_free(agentx);
	return done;
}
