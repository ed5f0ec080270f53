/*
 * bench_agent: the agent's SNMP side alone, with invented data in the store.
 *
 *	bench_agent [-c] PANELS PROFILE-DIR SOCKET
 *
 * serves PANELS panels of 42 branches, much like a BCPME, at the master's SOCKET
 * until it is told to end; no meter is polled. -c: withdraw everything, as when
 * all meters are away. Prints "ready" and what a row costs in memory.
 */
#include "config.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_values.h"
#include "config/conf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/util.h"
#include "snmp/agentx.h"
#include "store/site.h"

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

#define UNITS_MAX 247

static void write_branches(FILE *file)
{
	char label[64], tenant[64];

	fputs("number,label,tenant\n", file);
	for (unsigned branch = 1; branch <= BENCH_BRANCHES; branch++) {
		bench_label(label, sizeof(label), branch);
		bench_tenant(tenant, sizeof(tenant), branch);
		fprintf(file, "%u,%s,%s\n", branch, label, tenant);
	}
}

static void write_panels(FILE *file, unsigned panels, const char *branches)
{
	for (unsigned i = 0; i <= panels / UNITS_MAX; i++)
		fprintf(file, "link \"l%u\" { transport = \"tcp\" host = \"127.0.0.%u\" }\n", i,
			i + 1);
	for (unsigned i = 0; i < panels; i++) {
		fprintf(file,
			"panel \"P%u\" { index = %u link = \"l%u\" unit = %u "
			"profile = \"bench\" branches-file = \"%s\"\n",
			i + 1, i + 1, i / UNITS_MAX, i % UNITS_MAX + 1, branches);
		for (unsigned k = 1; k <= BENCH_BRANCHES / BENCH_POLES; k++)
			fprintf(file, "circuit %u { branches = {%u, %u, %u} }\n", k, k * 3 - 2,
				k * 3 - 1, k * 3);
		fputs("}\n", file);
	}
}

/* A BCPME with the quantities that it lacks, so that no column of a branch is empty. */
static void write_profile(FILE *file)
{
	fputs("title = \"BCPME with every quantity of a branch\"\n"
	      "include = {\"bcpm-map.inc\"}\n"
	      "block \"a\" { registers = \"1-293\" }\n"
	      "block \"b\" { registers = \"296-1125\" }\n"
	      "block \"c\" { registers = \"1168-4062\" }\n"
	      "block \"d\" { registers = \"4084-7041\" }\n"
	      "block \"e\" { registers = \"7056-9000\" }\n"
	      "block \"f\" { registers = \"60000-62161\" }\n"
	      "group \"branch\" {\n"
	      "	poll = \"fast\" type = \"u16\" count = 42\n"
	      "	point \"ct-size\" { registers = \"73-114\" }\n"
	      "	point \"min-current\" { registers = \"8812-8853\" }\n"
	      "	point \"reactive-power\" { registers = \"8854-8895\" }\n"
	      "	point \"phase-angle\" { registers = \"8896-8937\" }\n"
	      "}\n",
		file);
}

static void write_file(const char *path, void (*write)(FILE *file))
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return;
	write(file);
	fclose(file);
}

/* A configuration as an operator would write it, read as the daemon reads it. */
static struct config *config_make(unsigned panels, const char *profile_dir)
{
	char dir[] = "/tmp/meterx-bench.XXXXXX", *conf, *branches, *profile, *map, *map_source;
	struct problems problems = PROBLEMS_INIT;
	struct config *config = NULL;
	FILE *file;

	if (mkdtemp(dir) == NULL)
		return NULL;
	conf = xasprintf("%s/meterxd.conf", dir);
	branches = xasprintf("%s/branches.csv", dir);
	profile = xasprintf("%s/bench.conf", dir);
	map = xasprintf("%s/bcpm-map.inc", dir);
	map_source = xasprintf("%s/bcpm-map.inc", profile_dir);
	write_file(branches, write_branches);
	write_file(profile, write_profile);
	if (symlink(map_source, map) < 0)
		perror(map);
	file = fopen(conf, "w");
	fprintf(file, "profile-dir = \"%s\"\n", dir);
	write_panels(file, panels, branches);
	fclose(file);
	if (conf_load(conf, &problems, &config) < 0)
		problems_print(&problems, stderr);
	problems_free(&problems);
	unlink(conf);
	unlink(branches);
	unlink(profile);
	unlink(map);
	rmdir(dir);
	free(conf);
	free(branches);
	free(profile);
	free(map);
	free(map_source);
	return config;
}

static const struct {
	enum quantity quantity;
	unsigned column;
} readings[] = {
	{ Q_RATING, BENCH_RATING },
	{ Q_CT_SIZE, 5 },
	{ Q_CURRENT, BENCH_CURRENT },
	{ Q_MIN_CURRENT, 9 },
	{ Q_MAX_CURRENT, 10 },
	{ Q_CURRENT_DEMAND, 11 },
	{ Q_MAX_CURRENT_DEMAND, 12 },
	{ Q_ACTIVE_POWER, 13 },
	{ Q_APPARENT_POWER, 14 },
	{ Q_REACTIVE_POWER, 15 },
	{ Q_POWER_FACTOR, 16 },
	{ Q_ACTIVE_POWER_DEMAND, 17 },
	{ Q_MAX_ACTIVE_POWER_DEMAND, 18 },
	{ Q_MAX_ACTIVE_POWER, 19 },
	{ Q_PHASE_ANGLE, 22 },
};

static void inject_branch(struct snapshot *snapshot, unsigned panel, unsigned branch)
{
	for (size_t i = 0; i < ARRAY_LEN(readings); i++)
		snapshot_set(snapshot, SCOPE_BRANCH, readings[i].quantity, branch,
			bench_number(panel, branch, readings[i].column));
	snapshot_set(snapshot, SCOPE_BRANCH, Q_ENERGY, branch, bench_energy(panel, branch));
	snapshot_set(snapshot, SCOPE_BRANCH, Q_ENERGY_DISCONTINUITY, branch,
		bench_since_ms(panel, branch));
	snapshot_set(snapshot, SCOPE_BRANCH, Q_PHASE, branch, branch % 3);
	snapshot_set(snapshot, SCOPE_BRANCH, Q_ALARM_STATUS, branch, 0);
}

static void inject_panel(const struct panel *panel, int64_t fresh_until_ms)
{
	struct snapshot *snapshot = store_begin(panel->slot);
	struct alarm_book *book = alarm_book_new();

	snapshot->comm = COMM_ONLINE;
	snapshot->published_ms = snapshot->contact_ms = clock_mono_ms();
	snapshot->contact_wall_ms = clock_wall_ms();
	snapshot->fresh_until_ms = fresh_until_ms;
	for (int i = 0; i < POLL_CLASSES; i++)
		snapshot->class_ms[i] = snapshot->published_ms;
	for (unsigned branch = 1; branch <= BENCH_BRANCHES; branch++)
		inject_branch(snapshot, panel->conf->index, branch);
	snapshot_set(snapshot, SCOPE_PANEL, Q_USER_PHASES, 1, 1);
	for (unsigned i = 1; i <= panel->conf->profile->n_thresholds; i++)
		snapshot_set(snapshot, SCOPE_THRESHOLD, Q_THRESHOLD, i, BENCH_THRESHOLD);
	book->known = true;
	book->worst = STATE_OK;
	snapshot_set_alarms(snapshot, book);
	store_publish(panel->slot, snapshot);
}

static void report(const struct site *site, size_t bytes)
{
	size_t rows = site->n_panels * BENCH_BRANCHES;
	const struct layout *layout = site->panels[0].layout;
	double data = (layout->n_narrow * 4.0 + layout->n_wide * 8.0) / BENCH_BRANCHES;

	printf("ready: %zu rows; a row has %.0f bytes of values (%u + %u wide in a panel) and "
	       "takes %.0f in all\n",
		rows, data, layout->n_narrow, layout->n_wide, (double)bytes / (double)rows);
	fflush(stdout);
}

static int serve(const char *socket, struct site *site)
{
	struct agentx *agentx;
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	agentx = agentx_start(socket, site);
	if (agentx == NULL)
		return 1;
	sigwait(&set, &signo);
	return agentx_stop(agentx) ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool withdrawn = argc > 1 && strcmp(argv[1], "-c") == 0;
	struct config *config;
	struct store *store;
	struct site *site;
	size_t before;
	int rc;

	log_init("bench_agent", LOG_LEVEL_INFO);
	argc -= withdrawn;
	argv += withdrawn;
	if (argc != 4) {
		fputs("usage: bench_agent [-c] PANELS PROFILE-DIR SOCKET\n", stderr);
		return 2;
	}
	config = config_make((unsigned)strtoul(argv[1], NULL, 10), argv[2]);
	if (config == NULL)
		return 1;
	before = heap_bytes();
	store = store_new();
	site = site_build(&(struct site_base){ .store = store, .start_wall_ms = clock_wall_ms() },
		config, NULL);
	conf_unref(config);
	for (size_t i = 0; i < site->n_panels; i++)
		inject_panel(&site->panels[i], withdrawn ? 1 : INT64_MAX);
	report(site, heap_bytes() - before);
	rc = serve(argv[3], site);
	site_unref(site);
	store_free(store);
	return rc;
}
