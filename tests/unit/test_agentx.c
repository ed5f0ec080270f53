/*
 * The SNMP thread behind a real snmpd: artificial tables are served by a child
 * process and read by this one, for Net-SNMP is not for two threads.
 *
 * Times are printed, not judged; every wait is for a condition.
 */
#include "config.h"

#include "snmp/agentx.h"
#include "snmp/answer.h"
#include "snmp/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"

#define PATIENCE_MS 20000
#define TRIES       40 /* of half a second: a busy host is no reason to fail */
#define SKIP	    77
#define FREEZE_S    4

/* ---- what is served ---------------------------------------------------------------------- */

#define LONG_TEXT                                                                                  \
	"A text longer than what Net-SNMP keeps inside a varbind, so that it must be "             \
	"copied elsewhere, and long enough to need a length of its own in BER: 0123456789 "        \
	"0123456789 0123456789."

enum { ABSENT_COLUMN = 9, ROWS = 6 };

static const uint32_t indexes[ROWS][2] = {
	{ 1, 1 },
	{ 1, 2 },
	{ 1, 42 },
	{ 3, 1 },
	{ 3, 2 },
	{ 4000000000, 4294967295 },
};

static size_t row_number(const uint32_t *index)
{
	size_t i = 0;

	while (i < ROWS && memcmp(indexes[i], index, sizeof(indexes[i])) != 0)
		i++;
	return i;
}

/* Numbers at both ends of every width; of the last one narrow types show the low bits. */
static const int64_t numbers[ROWS] = { 0, -1, INT32_MAX, UINT32_MAX, INT32_MIN, 0x123456789abcdef };

static void get_number(const struct row *row, const struct column *column, struct cell *cell)
{
	size_t i = row_number(row->index);

	(void)column;
	cell->state = i == (size_t)column->arg ? CELL_ABSENT : CELL_PRESENT;
	cell->num = numbers[i];
}

static void get_text(const struct row *row, const struct column *column, struct cell *cell)
{
	(void)column;
	cell->state = CELL_PRESENT;
	cell->text = row->index[1] == 1 ? LONG_TEXT : "";
	cell->length = strlen(cell->text);
}

static void get_nothing(const struct row *row, const struct column *column, struct cell *cell)
{
	(void)row;
	(void)column;
	cell->state = CELL_ABSENT;
}

static void get_site(const struct row *row, const struct column *column, struct cell *cell)
{
	(void)column;
	cell->state = CELL_PRESENT;
	cell->num = view_site(row->view)->start_wall_ms;
}

static bool find(struct view *view, const uint32_t *index, struct row *row)
{
	(void)view;
	(void)row;
	return row_number(index) < ROWS;
}

static bool next(
	struct view *view, const uint32_t *index, size_t n, bool inclusive, struct row *row)
{
	(void)view;
	for (size_t i = 0; i < ROWS; i++) {
		int order = 0;

		for (size_t k = 0; k < n && order == 0; k++)
			order = (indexes[i][k] > index[k]) - (indexes[i][k] < index[k]);
		if (order > 0 || (order == 0 && (n < 2 || inclusive))) {
			memcpy(row->index, indexes[i], sizeof(indexes[i]));
			return true;
		}
	}
	return false;
}

static const struct column scalar_columns[] = {
	{ .subid = 1, .asn = ASN_INTEGER, .get = get_site },
	{ .subid = 2, .asn = ASN_INTEGER, .get = get_nothing },
	{ .subid = 3, .asn = ASN_OCTET_STR, .get = get_text },
};

static const struct column columns[] = {
	{ .subid = 1, .asn = ASN_INTEGER, .get = get_number, .arg = 0 },
	{ .subid = 3, .asn = ASN_GAUGE, .get = get_number, .arg = 2 },
	{ .subid = 4, .asn = ASN_COUNTER, .get = get_number, .arg = ROWS - 1 },
	{ .subid = 5, .asn = ASN_COUNTER64, .get = get_number, .arg = -1 },
	{ .subid = 6, .asn = ASN_OCTET_STR, .get = get_text },
	{ .subid = ABSENT_COLUMN, .asn = ASN_GAUGE, .get = get_nothing },
	{ .subid = 10, .asn = ASN_TIMETICKS, .get = get_number, .arg = -1 },
};

static const struct table scalars = {
	.name = "scalars",
	.subid = 1,
	.columns = scalar_columns,
	.n_columns = ARRAY_LEN(scalar_columns),
};
static const struct table table = {
	.name = "table",
	.subid = 5,
	.n_index = 2,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.find = find,
	.next = next,
};
const struct table *const mx_tables[] = { &scalars, &table };
const size_t mx_n_tables = ARRAY_LEN(mx_tables);

/* Sites of the test's own, without panels. Nobody drops the last reference. */
static struct config config = { .notify_window = 32, .notify_rate = 1000 };
static struct site sites[2] = {
	{ .refs = 1000, .start_wall_ms = 1, .config = &config },
	{ .refs = 1000, .start_wall_ms = 2, .config = &config },
};

/* ---- processes --------------------------------------------------------------------------- */

static char dir[] = "/tmp/meterx-test-agentx.XXXXXX";
static char agentx_address[64];
static char snmp_address[64];
static const char *snmpd;
static pid_t master, agent;
static void *client;

static const char *snmpd_find(void)
{
	static const char *const places[] = { "/usr/sbin/snmpd", "/usr/local/sbin/snmpd",
		"/sbin/snmpd" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

/*
 * A port below those the kernel hands out: the master gives it up when it is
 * restarted, and nobody may happen to get it in between. Other tests that run at
 * the same time have other process numbers.
 */
static unsigned free_port(int type)
{
	static unsigned tried;

	for (int i = 0; i < 1000; i++) {
		struct sockaddr_in address = { .sin_family = AF_INET };
		unsigned port = 20000 + ((unsigned)getpid() * 4 + tried++) % 12000;
		int fd = socket(AF_INET, type, 0), rc;

		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address.sin_port = htons((uint16_t)port);
		rc = bind(fd, (struct sockaddr *)&address, sizeof(address));
		close(fd);
		if (rc == 0)
			return port;
	}
	fail_msg("no free port");
	return 0;
}

/* What the children say goes to a file, shown when the test is run by hand with KEEP set. */
static void log_to(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.log", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

static size_t log_count(const char *name, const char *text)
{
	char path[128], line[2048];
	size_t count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.log", dir, name);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, text) != NULL;
	if (file)
		fclose(file);
	return count;
}

static void master_start(void)
{
	char conf[128];
	FILE *file;

	snprintf(conf, sizeof(conf), "%s/snmpd.conf", dir);
	file = fopen(conf, "w");
	fprintf(file, "master agentx\nagentXSocket %s\nrwcommunity public 127.0.0.1\n",
		agentx_address);
	fclose(file);
	master = fork();
	if (master == 0) {
		log_to("snmpd");
		setenv("SNMP_PERSISTENT_DIR", dir, 1);
		setenv("MIBS", "", 1);
		execl(snmpd, snmpd, "-f", "-Lo", "-C", "-c", conf, "-I", "-smux", snmp_address,
			(char *)NULL);
		_exit(127);
	}
}

static int ended(pid_t *pid, int signo)
{
	int status = 0;

	if (*pid <= 0)
		return 0;
	kill(*pid, signo);
	kill(*pid, SIGCONT);
	waitpid(*pid, &status, 0);
	*pid = 0;
	return status;
}

/* The agent: SIGUSR1 changes the site, SIGUSR2 the socket, back and forth; SIGTERM ends it. */
static int agent_run(void)
{
	struct agentx *agentx = agentx_start(agentx_address, &sites[0]);
	bool elsewhere = false;
	sigset_t set;
	int signo = 0;

	if (agentx == NULL)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGTERM);
	while (signo != SIGTERM) {
		sigwait(&set, &signo);
		if (signo == SIGUSR1)
			agentx_set_site(agentx, &sites[1]);
		if (signo == SIGUSR2) {
			elsewhere = !elsewhere;
			agentx_set_socket(agentx, elsewhere ? "/nowhere/agentx" : agentx_address);
		}
	}
	return agentx_stop(agentx) ? 0 : 3;
}

static pid_t agent_start(const char *name)
{
	sigset_t set, before;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	pid = fork();
	if (pid == 0) {
		log_to(name);
		exit(agent_run());
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* ---- the manager --------------------------------------------------------------------------- */

static netsnmp_pdu *ask(netsnmp_pdu *request)
{
	netsnmp_pdu *response = NULL;

	if (snmp_sess_synch_response(client, request, &response) != STAT_SUCCESS)
		return NULL;
	return response;
}

/* Dotted text, its leading dot left out or not; without the library's MIB parser. */
static size_t name_parse(const char *text, oid *name)
{
	size_t n = 0;

	while (*text != '\0') {
		char *end;

		text += *text == '.';
		name[n++] = strtoul(text, &end, 10);
		text = end;
	}
	return n;
}

static size_t name_make(oid *name, const char *suffix)
{
	char text[128];

	snprintf(text, sizeof(text), MX_OID_TEXT ".1%s", suffix);
	return name_parse(text, name);
}

static netsnmp_pdu *ask_get(const char *suffix)
{
	netsnmp_pdu *request = snmp_pdu_create(SNMP_MSG_GET);
	oid name[MAX_OID_LEN];
	size_t n = name_make(name, suffix);

	snmp_add_null_var(request, name, n);
	return ask(request);
}

static int type_of(const char *suffix)
{
	netsnmp_pdu *response = ask_get(suffix);
	int type = response && response->variables ? response->variables->type : -1;

	snmp_free_pdu(response);
	return type;
}

static long site_served(void)
{
	netsnmp_pdu *response = ask_get(".1.1.0");
	long number = -1;

	if (response && response->variables && response->variables->type == ASN_INTEGER)
		number = *response->variables->val.integer;
	snmp_free_pdu(response);
	return number;
}

static int64_t wait_for_site(long site)
{
	int64_t begin = clock_mono_ms(), took;

	/* Asked anew rather than again: what was asked before the master was there is lost. */
	snmp_sess_session(client)->retries = 0;
	while (site_served() != site) {
		if (clock_mono_ms() - begin > PATIENCE_MS)
			fail_msg("site %ld is not served", site);
		usleep(10000);
	}
	took = clock_mono_ms() - begin;
	snmp_sess_session(client)->retries = TRIES;
	return took;
}

static void wait_for_log(const char *name, const char *text)
{
	int64_t begin = clock_mono_ms();

	while (log_count(name, text) == 0) {
		if (clock_mono_ms() - begin > PATIENCE_MS)
			fail_msg("%s never said \"%s\"", name, text);
		usleep(10000);
	}
}

/* ---- what is expected ---------------------------------------------------------------------- */

struct entry {
	oid name[MAX_OID_LEN];
	size_t n;
	int type;
	int64_t number;
	const char *text;
};

static struct entry entries[ARRAY_LEN(columns) * ROWS + ARRAY_LEN(scalar_columns)];
static size_t n_entries;

static int64_t number_as(uint8_t type, int64_t number)
{
	switch (type) {
	case ASN_INTEGER:
		return (int32_t)number;
	case ASN_COUNTER64:
		return number;
	default:
		return (uint32_t)number;
	}
}

static void entry_add(const char *suffix, uint8_t type, int64_t number, const char *text)
{
	struct entry *entry = &entries[n_entries++];

	entry->n = name_make(entry->name, suffix);
	entry->type = type;
	entry->number = text ? 0 : number_as(type, number);
	entry->text = text;
}

static void entries_make(void)
{
	n_entries = 0;
	entry_add(".1.1.0", ASN_INTEGER, 1, NULL);
	entry_add(".1.3.0", ASN_OCTET_STR, 0, "");
	for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
		for (size_t i = 0; i < ROWS; i++) {
			const struct column *column = &columns[c];
			bool text = column->asn == ASN_OCTET_STR;
			char suffix[64];

			if (column->get == get_nothing || (!text && column->arg == (intptr_t)i))
				continue;
			snprintf(suffix, sizeof(suffix), ".5.1.%u.%u.%u", column->subid,
				indexes[i][0], indexes[i][1]);
			entry_add(suffix, column->asn, numbers[i],
				!text		     ? NULL
				: indexes[i][1] == 1 ? LONG_TEXT
						     : "");
		}
	}
}

static void check_variable(const netsnmp_variable_list *variable, const struct entry *entry)
{
	assert_int_equal(
		snmp_oid_compare(variable->name, variable->name_length, entry->name, entry->n), 0);
	assert_int_equal(variable->type, entry->type);
	if (entry->text) {
		assert_int_equal(variable->val_len, strlen(entry->text));
		assert_memory_equal(variable->val.string, entry->text, variable->val_len);
	} else if (entry->type == ASN_COUNTER64) {
		assert_true((int64_t)((uint64_t)variable->val.counter64->high << 32 |
				      variable->val.counter64->low) == entry->number);
	} else if (entry->type == ASN_INTEGER) {
		assert_int_equal(*variable->val.integer, entry->number);
	} else {
		assert_int_equal((uint32_t)*variable->val.integer, entry->number);
	}
}

static bool is_below_root(const netsnmp_variable_list *variable)
{
	oid root[] = MX_OBJECTS;

	return variable->name_length >= ARRAY_LEN(root) &&
	       memcmp(variable->name, root, sizeof(root)) == 0 &&
	       variable->type != SNMP_ENDOFMIBVIEW;
}

static void check_walk(int command, int repetitions, const char *from)
{
	oid name[MAX_OID_LEN];
	size_t n = name_parse(from, name), met = 0;
	bool done = false;

	while (!done) {
		netsnmp_pdu *request = snmp_pdu_create(command), *response;

		if (command == SNMP_MSG_GETBULK) {
			request->non_repeaters = 0;
			request->max_repetitions = repetitions;
		}
		snmp_add_null_var(request, name, n);
		response = ask(request);
		assert_non_null(response);
		assert_int_equal(response->errstat, 0);
		for (netsnmp_variable_list *v = response->variables; v && !done;
			v = v->next_variable) {
			done = !is_below_root(v);
			if (done)
				continue;
			assert_true(met < n_entries);
			check_variable(v, &entries[met++]);
			n = v->name_length;
			memcpy(name, v->name, n * sizeof(*name));
		}
		snmp_free_pdu(response);
	}
	assert_int_equal(met, n_entries);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void test_walk(void **state)
{
	(void)state;
	check_walk(SNMP_MSG_GETNEXT, 0, MX_OID_TEXT);
	check_walk(SNMP_MSG_GETBULK, 7, MX_OID_TEXT ".1");
	check_walk(SNMP_MSG_GETBULK, 50, MX_OID_TEXT ".0.4.5");
}

static void test_get_each(void **state)
{
	netsnmp_pdu *request = snmp_pdu_create(SNMP_MSG_GET), *response;
	size_t i = 0;

	(void)state;
	for (i = 0; i < n_entries; i++)
		snmp_add_null_var(request, entries[i].name, entries[i].n);
	response = ask(request);
	assert_non_null(response);
	assert_int_equal(response->errstat, 0);
	i = 0;
	for (netsnmp_variable_list *v = response->variables; v; v = v->next_variable)
		check_variable(v, &entries[i++]);
	assert_int_equal(i, n_entries);
	snmp_free_pdu(response);
}

static void test_get_absent(void **state)
{
	static const struct {
		const char *suffix;
		int type;
	} cases[] = {
		{ ".1.2.0", SNMP_NOSUCHINSTANCE }, /* a scalar without a value */
		{ ".1.1", SNMP_NOSUCHINSTANCE },   /* no instance */
		{ ".1.1.1", SNMP_NOSUCHINSTANCE },
		{ ".1.1.0.0", SNMP_NOSUCHINSTANCE },
		{ ".1.4.0", SNMP_NOSUCHOBJECT },
		{ "", SNMP_NOSUCHOBJECT },
		{ ".2.1.1.1", SNMP_NOSUCHOBJECT }, /* between two tables */
		{ ".5", SNMP_NOSUCHOBJECT },
		{ ".5.1", SNMP_NOSUCHOBJECT },
		{ ".5.2.1.1.1", SNMP_NOSUCHOBJECT },   /* the entry's arc is 1 */
		{ ".5.1.2.1.1", SNMP_NOSUCHOBJECT },   /* between two columns */
		{ ".5.1.1.1.1", SNMP_NOSUCHINSTANCE }, /* a hole at the start of a column */
		{ ".5.1.1.1", SNMP_NOSUCHINSTANCE },
		{ ".5.1.1.1.2.1", SNMP_NOSUCHINSTANCE },
		{ ".5.1.1.9.9", SNMP_NOSUCHINSTANCE },
		{ ".5.1.9.1.1", SNMP_NOSUCHINSTANCE }, /* a column without any value */
		{ ".5.1.5.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", SNMP_NOSUCHINSTANCE },
		{ ".9.1.1.1", SNMP_NOSUCHOBJECT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (type_of(cases[i].suffix) != cases[i].type)
			fail_msg("%s answers %#x, not %#x", cases[i].suffix,
				type_of(cases[i].suffix), cases[i].type);
	}
}

static void test_set_is_refused(void **state)
{
	netsnmp_pdu *request = snmp_pdu_create(SNMP_MSG_SET), *response;
	oid name[MAX_OID_LEN];
	size_t n = name_make(name, ".5.1.1.1.2");
	long value = 5;

	(void)state;
	snmp_pdu_add_variable(request, name, n, ASN_INTEGER, &value, sizeof(value));
	response = ask(request);
	assert_non_null(response);
	assert_int_equal(response->errstat, SNMP_ERR_NOTWRITABLE);
	snmp_free_pdu(response);
	test_walk(NULL);
}

static void test_other_site(void **state)
{
	(void)state;
	kill(agent, SIGUSR1);
	wait_for_site(2);
}

static void master_restart(int signo)
{
	ended(&master, signo);
	master_start();
	print_message(
		"answers again %lld ms after the start of snmpd\n", (long long)wait_for_site(1));
	check_walk(SNMP_MSG_GETBULK, 10, MX_OID_TEXT ".1");
}

static void test_master_restarts(void **state)
{
	(void)state;
	master_restart(SIGTERM);
	master_restart(SIGKILL);
	/* A transition is a line, a failed attempt is none. */
	assert_int_equal(log_count("agent", "lost the master agent"), 2);
	assert_int_equal(log_count("agent", "served by the master agent"), 3);
	assert_in_range(log_count("agent", "\n"), 5, 12);
}

static void test_master_comes_later(void **state)
{
	(void)state;
	ended(&agent, SIGTERM);
	ended(&master, SIGTERM);
	agent = agent_start("agent");
	wait_for_log("agent", "no master agent at");
	master_start();
	print_message("answers %lld ms after the start of snmpd\n", (long long)wait_for_site(1));
}

static void test_registration_is_refused_until_free(void **state)
{
	pid_t second;

	(void)state;
	second = agent_start("second");
	wait_for_log("second", "refuses to register");
	test_walk(NULL);
	assert_int_equal(ended(&agent, SIGTERM), 0);
	agent = second;
	wait_for_log("second", "served by");
	wait_for_site(1);
	assert_int_equal(log_count("second", "refuses to register"), 1);
}

static void test_frozen_master_does_not_hold_the_stop(void **state)
{
	int64_t begin;

	(void)state;
	kill(master, SIGSTOP);
	begin = clock_mono_ms();
	assert_int_equal(ended(&agent, SIGTERM), 0);
	print_message(
		"ended %lld ms after it was asked to\n", (long long)(clock_mono_ms() - begin));
	kill(master, SIGCONT);
	agent = agent_start("agent");
	wait_for_site(1);
}

/* Longer than between two pings, and the session is still the same. */
static void test_thawed_master_is_served(void **state)
{
	size_t lost = log_count("agent", "lost the master agent");

	(void)state;
	kill(master, SIGSTOP);
	sleep(FREEZE_S);
	kill(master, SIGCONT);
	print_message("answers %lld ms after the thaw\n", (long long)wait_for_site(1));
	assert_int_equal(log_count("agent", "lost the master agent"), lost);
}

static void test_clean_end(void **state)
{
	(void)state;
	assert_int_equal(ended(&agent, SIGTERM), 0);
	assert_int_equal(type_of(".1.1.0"), SNMP_NOSUCHOBJECT);
	agent = agent_start("agent");
	wait_for_site(1);
}

static void test_other_socket(void **state)
{
	(void)state;
	kill(agent, SIGUSR2);
	wait_for_log("agent", "no master agent at /nowhere/agentx");
	assert_int_equal(type_of(".1.1.0"), SNMP_NOSUCHOBJECT);
	kill(agent, SIGUSR2);
	wait_for_site(1);
	test_set_is_refused(NULL);
}

/* ---- a master that falls silent ---------------------------------------------------------------
 */

enum { PDU_OPEN = 1, PDU_REGISTER = 3, PDU_PING = 13, PDU_RESPONSE = 18, HEADER = 20 };

/* The type of the next PDU, 0 at the end; it is left in header and skipped. */
static int silent_hear(int fd, uint8_t *header)
{
	uint8_t payload[1024];
	uint32_t length;

	if (recv(fd, header, HEADER, MSG_WAITALL) != HEADER)
		return 0;
	memcpy(&length, header + 16, sizeof(length));
	length = header[2] & 0x10 ? ntohl(length) : length;
	if (length > 0)
		recv(fd, payload, length, MSG_WAITALL);
	return header[1];
}

static void silent_say(int fd, const uint8_t *header, unsigned error)
{
	uint8_t response[HEADER + 8] = { 0 };
	bool big_endian = header[2] & 0x10;

	memcpy(response, header, 16);
	response[1] = PDU_RESPONSE;
	response[big_endian ? 19 : 16] = 8;
	response[HEADER + (big_endian ? 4 : 5)] = (uint8_t)(error >> 8);
	response[HEADER + (big_endian ? 5 : 4)] = (uint8_t)error;
	assert_int_equal(write(fd, response, sizeof(response)), sizeof(response));
}

/* The agent goes over to a master of ours; the descriptor that it listens on. */
static int silent_begin(char **real)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	*real = strdup(agentx_address);
	snprintf(agentx_address, sizeof(agentx_address), "%s/silent", dir);
	unlink(agentx_address);
	strcpy(address.sun_path, agentx_address);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	listen(listener, 5);
	ended(&agent, SIGTERM);
	agent = agent_start("held");
	return listener;
}

static void silent_end(int listener, char *real)
{
	close(listener);
	strcpy(agentx_address, real);
	free(real);
}

/* Answer the agent until it sends that PDU, and then no more: the library now waits for us. */
static void check_stop_while_held(int last)
{
	char *real;
	int listener = silent_begin(&real), fd, type;
	uint8_t header[HEADER];
	int64_t begin;

	fd = accept(listener, NULL, NULL);
	while ((type = silent_hear(fd, header)) != last) {
		assert_int_not_equal(type, 0);
		silent_say(fd, header, 0);
	}
	begin = clock_mono_ms();
	assert_int_equal(ended(&agent, SIGTERM), 0);
	print_message("ended after %lld ms\n", (long long)(clock_mono_ms() - begin));
	close(fd);
	silent_end(listener, real);
}

static void test_stop_while_held(void **state)
{
	(void)state;
	check_stop_while_held(PDU_OPEN);
	check_stop_while_held(PDU_REGISTER);
	check_stop_while_held(PDU_PING);
	agent = agent_start("agent");
	wait_for_site(1);
}

/* A master that says it knows nothing of our session: the agent begins anew. */
static void test_session_is_not_known(void **state)
{
	uint8_t header[HEADER];
	char *real;
	int listener = silent_begin(&real), fd = accept(listener, NULL, NULL), type;

	(void)state;
	while ((type = silent_hear(fd, header)) != 0)
		silent_say(fd, header, type == PDU_PING ? 257 : 0);
	/* Between the attempts it only looks whether somebody listens. */
	do {
		close(fd);
		fd = accept(listener, NULL, NULL);
		type = silent_hear(fd, header);
	} while (type == 0);
	assert_int_equal(type, PDU_OPEN);
	close(fd);
	assert_int_equal(log_count("held", "has closed the session"), 1);
	silent_end(listener, real);
	assert_int_equal(ended(&agent, SIGTERM), 0);
	agent = agent_start("agent");
	wait_for_site(1);
}

/* The library's way to us, which a master only takes for contexts. */
static void test_handler(void **state)
{
	struct view *view = view_new();
	netsnmp_request_info request = { 0 };
	netsnmp_variable_list *variable = NULL;
	oid before[] = { 1, 3 }, behind[] = { 1, 3, 6, 1, 5 };

	(void)state;
	view_set_site(view, site_ref(&sites[0]));
	for (size_t i = 0; i < n_entries; i++) {
		snmp_varlist_add_variable(
			&variable, entries[i].name, entries[i].n, ASN_NULL, NULL, 0);
		request.requestvb = variable;
		answer_requests(view, &request, false);
		check_variable(variable, &entries[i]);
		answer_requests(view, &request, true);
		if (i + 1 < n_entries)
			check_variable(variable, &entries[i + 1]);
		else
			check_variable(variable, &entries[i]); /* untouched: the end */
		snmp_free_varbind(variable);
		variable = NULL;
	}
	snmp_varlist_add_variable(&variable, before, ARRAY_LEN(before), ASN_NULL, NULL, 0);
	request.requestvb = variable;
	answer_requests(view, &request, true);
	check_variable(variable, &entries[0]);
	snmp_set_var_objid(variable, behind, ARRAY_LEN(behind));
	snmp_set_var_typed_value(variable, ASN_NULL, NULL, 0);
	answer_requests(view, &request, true);
	assert_int_equal(variable->type, ASN_NULL);
	snmp_free_varbind(variable);
	view_free(view);
}

/* ---- set-up -----------------------------------------------------------------------------------
 */

static void client_open(void)
{
	netsnmp_session session;

	snmp_sess_init(&session);
	session.peername = snmp_address;
	session.version = SNMP_VERSION_2c;
	session.community = (u_char *)"public";
	session.community_len = strlen("public");
	session.timeout = 500000;
	session.retries = TRIES;
	client = snmp_sess_open(&session);
	assert_non_null(client);
}

static int group_start(bool tcp)
{
	if (tcp)
		snprintf(agentx_address, sizeof(agentx_address), "tcp:127.0.0.1:%u",
			free_port(SOCK_STREAM));
	else
		snprintf(agentx_address, sizeof(agentx_address), "%s/agentx", dir);
	snprintf(snmp_address, sizeof(snmp_address), "udp:127.0.0.1:%u", free_port(SOCK_DGRAM));
	client_open();
	master_start();
	agent = agent_start("agent");
	wait_for_site(1);
	return 0;
}

static int group_start_unix(void **state)
{
	(void)state;
	return group_start(false);
}

static int group_start_tcp(void **state)
{
	(void)state;
	return group_start(true);
}

static int group_end(void **state)
{
	int status = ended(&agent, SIGTERM);

	(void)state;
	ended(&master, SIGTERM);
	snmp_sess_close(client);
	if (status != 0)
		print_error("the agent ended with %#x\n", status);
	return status == 0 ? 0 : -1;
}

static void dir_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "%s '%s'", getenv("KEEP") ? "echo kept:" : "rm -r", dir);
	if (system(command) != 0)
		fprintf(stderr, "%s stays\n", dir);
}

int main(void)
{
	const struct CMUnitTest unix_tests[] = {
		cmocka_unit_test(test_handler),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_get_each),
		cmocka_unit_test(test_get_absent),
		cmocka_unit_test(test_set_is_refused),
		cmocka_unit_test(test_master_restarts),
		cmocka_unit_test(test_registration_is_refused_until_free),
		cmocka_unit_test(test_frozen_master_does_not_hold_the_stop),
		cmocka_unit_test(test_stop_while_held),
		cmocka_unit_test(test_session_is_not_known),
		cmocka_unit_test(test_thawed_master_is_served),
		cmocka_unit_test(test_clean_end),
		cmocka_unit_test(test_master_comes_later),
		cmocka_unit_test(test_other_socket),
		cmocka_unit_test(test_other_site),
	};
	const struct CMUnitTest tcp_tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_get_each),
		cmocka_unit_test(test_master_comes_later),
	};
	int failed;

	snmpd = snmpd_find();
	if (snmpd == NULL) {
		puts("no snmpd");
		return SKIP;
	}
	if (mkdtemp(dir) == NULL)
		return 1;
	setenv("MIBS", "", 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
	entries_make();
	failed = cmocka_run_group_tests_name("agentx", unix_tests, group_start_unix, group_end);
	failed += cmocka_run_group_tests_name(
		"agentx over TCP", tcp_tests, group_start_tcp, group_end);
	dir_remove();
	return failed;
}
