/*
 * bench_client: one SNMP manager in one process: walks and GETs of a table,
 * each value checked, and what they cost.
 *
 *	bench_client -H udp:127.0.0.1:PORT -t TEST -v meterx|yardstick -o ENTRY-OID -P PANELS
 *		[-r REPETITIONS] [-k VARBINDS] [-n REQUESTS] [-T SECONDS] [-p NAME=PID]...
 *
 * TEST: bulkwalk (one varbind, column after column), get (random cells), mget
 * (VARBINDS random cells a request), columns (GETBULK of VARBINDS columns at
 * once); again and again until SECONDS or REQUESTS are over. The table is panels
 * 1 to PANELS x branches, as -v says. Prints one line of JSON, times per varbind;
 * CPU time of other processes comes from their schedstat.
 */
#include "config.h"

#include <dirent.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "bench_values.h"

#define YARDSTICK_BRANCHES 84
#define YARDSTICK_COLUMNS  30
#define COLUMNS_MAX	   64
#define PROCESSES_MAX	   4
#define ERRORS_MAX	   5

/* What a table looks like, and whether a value of it is right. */
struct contents {
	const char *name;
	unsigned first_column, n_columns, branches;
	bool (*right)(
		const netsnmp_variable_list *v, unsigned column, uint32_t panel, uint32_t branch);
};

struct process {
	const char *name;
	int pid;
	double cpu_s;
};

static struct {
	const char *host, *test;
	const struct contents *contents;
	oid entry[MAX_OID_LEN];
	size_t n_entry;
	unsigned panels, repetitions, varbinds;
	unsigned long requests;
	double seconds;
	struct process processes[PROCESSES_MAX];
	size_t n_processes;
} options = {
	.panels = 1,
	.repetitions = 50,
	.varbinds = 60,
	.requests = 1000000,
	.seconds = 10,
};

static void *session;

static struct {
	double begin_s, begin_cpu_s;
	unsigned long variables, requests, errors, wrong;
	double *latencies_s;
	size_t capacity;
} result;

/* ---- values -------------------------------------------------------------------------------- */

static bool is_number(const netsnmp_variable_list *v, u_char type, int64_t number)
{
	return v->type == type && *v->val.integer == number;
}

static bool is_text(const netsnmp_variable_list *v, const char *text, size_t length)
{
	return v->type == ASN_OCTET_STR && v->val_len == length &&
	       memcmp(v->val.string, text, length) == 0;
}

static bool is_date(const netsnmp_variable_list *v, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char octets[11] = { 0 };

	gmtime_r(&seconds, &tm);
	octets[0] = (char)((tm.tm_year + 1900) >> 8);
	octets[1] = (char)(tm.tm_year + 1900);
	octets[2] = (char)(tm.tm_mon + 1);
	octets[3] = (char)tm.tm_mday;
	octets[4] = (char)tm.tm_hour;
	octets[5] = (char)tm.tm_min;
	octets[6] = (char)tm.tm_sec;
	octets[7] = (char)(wall_ms % 1000 / 100);
	octets[8] = '+';
	return is_text(v, octets, sizeof(octets));
}

static int64_t rounded(int64_t number, int64_t numerator, int64_t denominator)
{
	return (number * numerator + denominator / 2) / denominator;
}

static bool right_meterx(
	const netsnmp_variable_list *v, unsigned column, uint32_t panel, uint32_t branch)
{
	int64_t rating = bench_number(panel, branch, BENCH_RATING);
	char text[64];

	switch (column) {
	case BENCH_LABEL:
		bench_label(text, sizeof(text), branch);
		return is_text(v, text, strlen(text));
	case BENCH_TENANT:
		bench_tenant(text, sizeof(text), branch);
		return is_text(v, text, strlen(text));
	case BENCH_PHASE:
		return is_number(v, ASN_INTEGER, branch % 3 + 1);
	case BENCH_CIRCUIT:
		return is_number(v, ASN_GAUGE, (branch - 1) / BENCH_POLES + 1);
	case BENCH_ENERGY:
		return v->type == ASN_COUNTER64 &&
		       (int64_t)(v->val.counter64->high << 32 | v->val.counter64->low) ==
			       bench_energy(panel, branch);
	case BENCH_DISCONTINUITY:
		return is_date(v, bench_since_ms(panel, branch));
	case BENCH_LOAD:
		return is_number(v, ASN_GAUGE,
			rounded(bench_number(panel, branch, BENCH_CURRENT), 1000, rating));
	case BENCH_STATE:
	case BENCH_RESET:
		return is_number(v, ASN_INTEGER, 1);
	case BENCH_ACTIVE:
	case BENCH_LATCHED:
		return is_text(v, "", 1);
	default:
		break;
	}
	if (column >= BENCH_LIMIT_HIGH_HIGH && column <= BENCH_LIMIT_LOW_LOW)
		return is_number(v, ASN_GAUGE, rounded(rating, BENCH_THRESHOLD, 1000));
	return (v->type == ASN_INTEGER || v->type == ASN_GAUGE) &&
	       *v->val.integer == bench_number(panel, branch, column);
}

static bool right_yardstick(
	const netsnmp_variable_list *v, unsigned column, uint32_t panel, uint32_t branch)
{
	return is_number(v, column % 2 ? ASN_INTEGER : ASN_GAUGE,
		(int32_t)(panel * 100000u + branch * 100u + column));
}

static const struct contents all_contents[] = {
	{ "meterx", BENCH_FIRST, BENCH_LAST - BENCH_FIRST + 1, BENCH_BRANCHES, right_meterx },
	{ "yardstick", 1, YARDSTICK_COLUMNS, YARDSTICK_BRANCHES, right_yardstick },
};

/* A cell of our table: entry, column, panel, branch. Counted, and checked. */
static bool take(const netsnmp_variable_list *v)
{
	const struct contents *contents = options.contents;
	const oid *index = v->name + options.n_entry;

	if (v->name_length != options.n_entry + 3 ||
		memcmp(v->name, options.entry, options.n_entry * sizeof(oid)) != 0)
		return false;
	result.variables++;
	if (!contents->right(v, (unsigned)index[0], (uint32_t)index[1], (uint32_t)index[2])) {
		if (result.wrong++ == 0)
			fprintf(stderr, "wrong value: column %lu of %lu.%lu, type %#x\n", index[0],
				index[1], index[2], v->type);
	}
	return true;
}

/* ---- requests ------------------------------------------------------------------------------ */

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void latency_add(double seconds)
{
	if (result.requests == result.capacity) {
		result.capacity = result.capacity ? result.capacity * 2 : 4096;
		result.latencies_s = realloc(result.latencies_s, result.capacity * sizeof(double));
	}
	result.latencies_s[result.requests++] = seconds;
}

static netsnmp_pdu *ask(netsnmp_pdu *request)
{
	netsnmp_pdu *response = NULL;
	double begin = now_s();
	int status = snmp_sess_synch_response(session, request, &response);

	latency_add(now_s() - begin);
	if (status == STAT_SUCCESS && response && response->errstat == SNMP_ERR_NOERROR)
		return response;
	result.errors++;
	snmp_free_pdu(response);
	return NULL;
}

static uint32_t random_below(uint32_t n)
{
	static uint32_t state = 12345;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % n;
}

static netsnmp_pdu *bulk_new(unsigned repetitions)
{
	netsnmp_pdu *request = snmp_pdu_create(SNMP_MSG_GETBULK);

	request->non_repeaters = 0;
	request->max_repetitions = repetitions;
	return request;
}

static bool time_left(void)
{
	return now_s() - result.begin_s < options.seconds && result.errors < ERRORS_MAX &&
	       result.requests < options.requests;
}

static void run_bulkwalk(void)
{
	oid name[MAX_OID_LEN];
	size_t n = options.n_entry;
	bool more = true;

	memcpy(name, options.entry, n * sizeof(oid));
	while (more && time_left()) {
		netsnmp_pdu *request = bulk_new(options.repetitions), *response;

		snmp_add_null_var(request, name, n);
		response = ask(request);
		if (response == NULL)
			continue;
		for (netsnmp_variable_list *v = response->variables; v && more;
			v = v->next_variable) {
			more = take(v);
			n = v->name_length;
			memcpy(name, v->name, n * sizeof(oid));
		}
		snmp_free_pdu(response);
	}
}

static void run_gets(unsigned varbinds)
{
	const struct contents *contents = options.contents;
	oid name[MAX_OID_LEN];

	memcpy(name, options.entry, options.n_entry * sizeof(oid));
	while (time_left()) {
		netsnmp_pdu *request = snmp_pdu_create(SNMP_MSG_GET), *response;

		for (unsigned i = 0; i < varbinds; i++) {
			oid *index = name + options.n_entry;
			unsigned column = varbinds > 1 ? i % contents->n_columns
						       : random_below(contents->n_columns);

			index[0] = contents->first_column + column;
			index[1] = 1 + random_below(options.panels);
			index[2] = 1 + random_below(contents->branches);
			snmp_add_null_var(request, name, options.n_entry + 3);
		}
		response = ask(request);
		if (response == NULL)
			continue;
		for (netsnmp_variable_list *v = response->variables; v; v = v->next_variable)
			take(v);
		snmp_free_pdu(response);
	}
}

static void run_get(void)
{
	run_gets(1);
}

static void run_mget(void)
{
	run_gets(options.varbinds);
}

/* Column i of the request goes on where it last was; done when one has left its column. */
static void run_columns(void)
{
	static oid names[COLUMNS_MAX][MAX_OID_LEN];
	static size_t lengths[COLUMNS_MAX];
	unsigned n = options.varbinds;
	bool more = true;

	for (unsigned i = 0; i < n; i++) {
		memcpy(names[i], options.entry, options.n_entry * sizeof(oid));
		names[i][options.n_entry] = options.contents->first_column + i;
		lengths[i] = options.n_entry + 1;
	}
	while (more && time_left()) {
		netsnmp_pdu *request = bulk_new(options.repetitions), *response;
		unsigned i = 0;

		for (unsigned k = 0; k < n; k++)
			snmp_add_null_var(request, names[k], lengths[k]);
		response = ask(request);
		if (response == NULL)
			continue;
		for (netsnmp_variable_list *v = response->variables; v && more;
			v = v->next_variable) {
			more = v->name_length == options.n_entry + 3 &&
			       v->name[options.n_entry] == names[i][options.n_entry] && take(v);
			lengths[i] = v->name_length;
			memcpy(names[i], v->name, v->name_length * sizeof(oid));
			i = (i + 1) % n;
		}
		snmp_free_pdu(response);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "bulkwalk", run_bulkwalk },
	{ "get", run_get },
	{ "mget", run_mget },
	{ "columns", run_columns },
};

/* ---- report -------------------------------------------------------------------------------- */

/* CPU time of all threads of a process. */
static double cpu_s(int pid)
{
	char path[320];
	double sum = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		unsigned long long ns = 0;
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, entry->d_name);
		file = fopen(path, "r");
		if (file && fscanf(file, "%llu", &ns) == 1)
			sum += (double)ns * 1e-9;
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return sum;
}

static double own_cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static int compare(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

static void report(void)
{
	double seconds = now_s() - result.begin_s;
	double per = 1e6 / (double)(result.variables ? result.variables : 1);
	double cpu_sum = (own_cpu_s() - result.begin_cpu_s) * per;

	qsort(result.latencies_s, result.requests, sizeof(double), compare);
	printf("{\"test\":\"%s\",\"variables\":%lu,\"requests\":%lu,\"errors\":%lu,\"wrong\":%lu",
		options.test, result.variables, result.requests, result.errors, result.wrong);
	printf(",\"wall_us\":%.3f,\"p50_us\":%.1f,\"client_us\":%.3f", seconds * per,
		result.requests ? result.latencies_s[result.requests / 2] * 1e6 : 0, cpu_sum);
	for (size_t i = 0; i < options.n_processes; i++) {
		struct process *process = &options.processes[i];
		double cpu = (cpu_s(process->pid) - process->cpu_s) * per;

		cpu_sum += cpu;
		printf(",\"%s_us\":%.3f", process->name, cpu);
	}
	printf(",\"cpu_us\":%.3f}\n", cpu_sum);
}

/* ---- command line -------------------------------------------------------------------------- */

static const struct contents *contents_find(const char *name)
{
	for (size_t i = 0; i < sizeof(all_contents) / sizeof(all_contents[0]); i++) {
		if (strcmp(all_contents[i].name, name) == 0)
			return &all_contents[i];
	}
	return NULL;
}

static size_t oid_parse(const char *text, oid *name)
{
	size_t n = 0;

	while (*text != '\0' && n < MAX_OID_LEN) {
		char *end;

		text += *text == '.';
		name[n++] = strtoul(text, &end, 10);
		if (end == text)
			return 0;
		text = end;
	}
	return n;
}

static void process_add(char *text)
{
	char *pid = strchr(text, '=');

	if (pid == NULL || options.n_processes == PROCESSES_MAX)
		return;
	*pid++ = '\0';
	options.processes[options.n_processes++] = (struct process){ text, atoi(pid), 0 };
}

static bool options_read(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "H:t:v:o:P:r:k:n:T:p:")) != -1) {
		switch (option) {
		case 'H':
			options.host = optarg;
			break;
		case 't':
			options.test = optarg;
			break;
		case 'v':
			options.contents = contents_find(optarg);
			break;
		case 'o':
			options.n_entry = oid_parse(optarg, options.entry);
			break;
		case 'P':
			options.panels = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			options.repetitions = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'k':
			options.varbinds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			options.requests = strtoul(optarg, NULL, 10);
			break;
		case 'T':
			options.seconds = strtod(optarg, NULL);
			break;
		case 'p':
			process_add(optarg);
			break;
		default:
			return false;
		}
	}
	return options.host && options.test && options.contents && options.n_entry > 0 &&
	       options.panels > 0 && options.varbinds > 0 && options.varbinds <= COLUMNS_MAX;
}

static void *session_open(void)
{
	netsnmp_session wanted;

	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
	setenv("MIBS", "", 1);
	init_snmp("bench_client");
	snmp_sess_init(&wanted);
	wanted.peername = (char *)options.host;
	wanted.version = SNMP_VERSION_2c;
	wanted.community = (u_char *)"public";
	wanted.community_len = strlen("public");
	wanted.timeout = 5000000;
	wanted.retries = 0;
	return snmp_sess_open(&wanted);
}

int main(int argc, char **argv)
{
	size_t i = 0;

	if (!options_read(argc, argv)) {
		fputs("usage: see the head of bench_client.c\n", stderr);
		return 2;
	}
	while (i < sizeof(tests) / sizeof(tests[0]) && strcmp(tests[i].name, options.test) != 0)
		i++;
	if (i == sizeof(tests) / sizeof(tests[0]))
		return 2;
	session = session_open();
	if (session == NULL)
		return 1;
	for (size_t k = 0; k < options.n_processes; k++)
		options.processes[k].cpu_s = cpu_s(options.processes[k].pid);
	result.begin_cpu_s = own_cpu_s();
	result.begin_s = now_s();
	do {
		tests[i].run();
	} while (time_left());
	report();
	snmp_sess_close(session);
	return result.errors || result.wrong || result.variables == 0;
}
