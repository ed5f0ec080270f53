/*
 * meterxd: options, start-up order, signals, reload, shutdown; nothing else.
 *
 * The main thread owns the configuration and the site and hands out references.
 * Links and SNMP have threads of their own and never wait for each other.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alarm/journal.h"
#include "config/conf.h"
#include "config/host.h"
#include "core/clock.h"
#include "core/confine.h"
#include "core/descriptors.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/notify.h"
#include "core/util.h"
#include "modbus/links.h"
#include "modbus/news.h"
#include "modbus/outlook.h"
#include "snmp/agentx.h"
#include "store/site.h"

#define EXIT_USAGE 2
#define RETRY_LINKS_MS 2000
#define WATCHDOG_MS 15000 /* where no service manager asks for another */
/* Of one link: its wake-up and its connection. */
#define DESCRIPTORS_A_LINK 2
/* Of all the rest while all is well; the reserve comes on top. */
#define DESCRIPTORS_BESIDE 32

enum mode {
	MODE_RUN,
	MODE_CHECK,
	MODE_HELP,
	MODE_VERSION,
	MODE_USAGE,
};

struct settings {
	enum mode mode;
	const char *config_path;
	const char *user; /* NULL: not named */
	bool foreground;
	enum log_level log_level;
};

struct agent {
	const char *config_path;
	struct loop *loop;
	struct store *store;
	struct journal *journal;
	uint64_t names_revision; /* that the site has */
	char *state_dir;	 /* of the journal, and what it keeps */
	uint32_t events;
	struct config *config;
	struct site *site;
	struct links *links;
	struct agentx *agentx;
	int retry_timer; /* of links that could not be started, 0: all run */
	int64_t start_wall_ms;
};

static void print_usage(FILE *out)
{
	fputs("Usage: meterxd [OPTION...]\n\n"
	      "  -c, --config FILE      configuration [" MX_SYSCONF_DIR "/meterxd.conf]\n"
	      "  -f, --foreground       do not go into the background\n"
	      "  -l, --log-level LEVEL  error, warning, info or debug [info]\n"
	      "  -u, --user NAME        started by root: go on as this user [" CONFINE_USER "]\n"
	      "      --check            check the configuration, then exit\n"
	      "      --help             this text\n"
	      "      --version          version\n",
		out);
}

static struct settings read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "user", required_argument, NULL, 'u' },
		{ "check", no_argument, NULL, 'C' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct settings settings = { .config_path = MX_SYSCONF_DIR "/meterxd.conf",
		.log_level = LOG_LEVEL_INFO };
	int option;

	while ((option = getopt_long(argc, argv, "c:fl:u:", options, NULL)) != -1) {
		if (option == 'c') {
			settings.config_path = optarg;
		} else if (option == 'f') {
			settings.foreground = true;
		} else if (option == 'u') {
			settings.user = optarg;
		} else if (option == 'l' && log_level_parse(optarg, &settings.log_level)) {
			continue;
		} else if (option == 'l') {
			fprintf(stderr,
				"meterxd: --log-level: \"%s\" is none of error, warning, "
				"info, debug\n",
				optarg);
			settings.mode = MODE_USAGE;
		} else if (settings.mode != MODE_USAGE) {
			settings.mode = option == 'C'	? MODE_CHECK
					: option == 'h' ? MODE_HELP
					: option == 'V' ? MODE_VERSION
							: MODE_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "meterxd: \"%s\" is not an option\n", argv[optind]);
		settings.mode = MODE_USAGE;
	}
	return settings;
}

/* In the background the folder is another one, and a reload must find the file again. */
static const char *absolute_path(const char *path)
{
	char *folder = path[0] == '/' ? NULL : getcwd(NULL, 0);
	const char *absolute = folder == NULL ? path : xasprintf("%s/%s", folder, path);

	free(folder);
	return absolute;
}

static void log_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->items[i];

		if (problem->line > 0)
			log_error("conf", "%s:%d: %s", problem->file, problem->line, problem->text);
		else
			log_error("conf", "%s: %s", problem->file, problem->text);
	}
	if (problems->dropped > 0)
		log_error("conf", "... and %zu more", problems->dropped);
}

/* Not wrong, but hardly meant. A link tells of its device by itself. */
static void log_doubts(const struct config *config)
{
	struct problems doubts = PROBLEMS_INIT;

	host_review_file(config, &doubts);
	for (size_t i = 0; i < doubts.count; i++)
		log_warning("conf", "%s: %s", doubts.items[i].file, doubts.items[i].text);
	problems_free(&doubts);
}

static void print_doubts(const struct config *config)
{
	struct problems doubts = PROBLEMS_INIT;

	host_review_file(config, &doubts);
	host_review_devices(config, &doubts);
	for (size_t i = 0; i < doubts.count; i++)
		fprintf(stderr, "%s: warning: %s\n", doubts.items[i].file, doubts.items[i].text);
	problems_free(&doubts);
}

static const char *describe(const struct config *config)
{
	static char text[64];

	snprintf(text, sizeof(text), "%zu link%s, %zu panel%s", config->n_links,
		config->n_links == 1 ? "" : "s", config->n_panels,
		config->n_panels == 1 ? "" : "s");
	return text;
}

/* Start the SNMP side, or have it serve this configuration. */
static int apply_snmp(struct agent *agent)
{
	const char *socket = agent->config->agentx_socket;

	if (agent->agentx == NULL) {
		agent->agentx = agentx_start(socket, agent->site);
		return agent->agentx != NULL ? 0 : -errno;
	}
	agentx_set_site(agent->agentx, agent->site);
	agentx_set_socket(agent->agentx, socket);
	return 0;
}

static struct site *build_site(struct agent *agent)
{
	struct names *names = journal_names(agent->journal);
	struct site_base base = { .store = agent->store,
		.journal = agent->journal,
		.names = names,
		.start_wall_ms = agent->start_wall_ms };
	struct site *site = site_build(&base, agent->config, agent->site);

	agent->names_revision = names_revision(names);
	names_unref(names);
	return site;
}

/* Rather now than when the links have used them up. */
static void check_descriptors(const struct config *config)
{
	uint64_t limit = descriptors_raise();
	uint64_t wanted = DESCRIPTORS_A_LINK * (uint64_t)config->n_links + DESCRIPTORS_BESIDE +
			  DESCRIPTORS_RESERVED;

	if (wanted > limit)
		log_warning("main",
			"%zu links need %" PRIu64 " open files, but only %" PRIu64
			" are allowed: some links will stay down; raise the limit "
			"(systemd: LimitNOFILE=%" PRIu64 "; shell: ulimit -Hn)",
			config->n_links, wanted, limit, wanted);
}

static void on_retry_links(void *arg)
{
	struct agent *agent = arg;

	if (links_retry(agent->links) < 0)
		return;
	loop_remove_timer(agent->loop, agent->retry_timer);
	agent->retry_timer = 0;
}

/* What cannot be started is logged there; the other links serve. */
static void apply_links(struct agent *agent)
{
	int rc = links_apply(agent->links, agent->site);

	if (rc < 0 && agent->retry_timer == 0)
		agent->retry_timer =
			loop_add_timer(agent->loop, RETRY_LINKS_MS, on_retry_links, agent);
}

/* Run by this configuration from now on; takes the reference over. */
static int apply(struct agent *agent, struct config *config)
{
	struct config *old_config = agent->config;
	struct site *old_site = agent->site;
	int rc;

	agent->config = config;
	if (old_site == NULL)
		news_dismiss_others(agent->journal, config);
	journal_forget_others(agent->journal, config);
	agent->site = build_site(agent);
	apply_links(agent);
	news_dismiss_links(agent->journal, config);
	rc = apply_snmp(agent);
	site_unref(old_site);
	conf_unref(old_config);
	return rc;
}

/* Managers have set names: the next site has them, on the same configuration. */
static void on_wake(void *arg)
{
	struct agent *agent = arg;
	struct names *names = journal_names(agent->journal);
	uint64_t revision = names_revision(names);

	names_unref(names);
	if (revision != agent->names_revision)
		apply(agent, conf_ref(agent->config));
}

static void wake_main(void *arg)
{
	loop_wake(arg);
}

static void post_event(struct agent *agent, enum event_kind kind, int64_t wall_ms, const char *text)
{
	struct journal_batch batch;

	journal_begin(&batch, agent->journal);
	journal_add(&batch, &(struct event){ .kind = kind,
				.wall_ms = wall_ms,
				.severity = STATE_OK,
				.text = text });
	journal_end(&batch);
}

static void post_reload(struct agent *agent)
{
	char *text = xasprintf("configuration read again: %s", describe(agent->config));

	post_event(agent, EVENT_AGENT_RELOADED, agent->config->loaded_wall_ms, text);
	free(text);
}

static void post_start(struct agent *agent, const struct config *config)
{
	char *text = xasprintf("meterxd " PACKAGE_VERSION " started: %s", describe(config));

	post_event(agent, EVENT_AGENT_STARTED, agent->start_wall_ms, text);
	free(text);
}

/* What is decided once, at the start. */
static void tell_unchanged(const struct agent *agent, const struct config *config)
{
	if (strcmp(agent->state_dir, config->state_dir) != 0)
		log_warning("main", "state-dir: %s until the next start", agent->state_dir);
	if (agent->events != config->events)
		log_warning("main", "events: %u until the next start", agent->events);
}

static void reload(struct agent *agent)
{
	struct problems problems = PROBLEMS_INIT;
	struct config *config;

	notify_reloading("reading the configuration");
	if (conf_load(agent->config_path, &problems, &config) == 0) {
		tell_unchanged(agent, config);
		log_doubts(config);
		check_descriptors(config);
		apply(agent, config);
		post_reload(agent);
		log_info("main", "%s read again: %s", agent->config_path, describe(config));
	} else {
		log_problems(&problems);
		log_error("main", "%s not applied: running on with the configuration of before",
			agent->config_path);
	}
	problems_free(&problems);
	notify_ready(describe(agent->config));
}

static void on_signal(int signo, void *arg)
{
	struct agent *agent = arg;

	if (signo == SIGHUP) {
		reload(agent);
		return;
	}
	log_info("main", "%s: stopping", signo == SIGINT ? "SIGINT" : "SIGTERM");
	loop_stop(agent->loop);
}

/* This thread is alive; and the journal's lock and at least one link are not stuck either. */
static void on_watchdog(void *arg)
{
	struct agent *agent = arg;
	struct journal_stats stats;

	journal_stats(agent->journal, &stats);
	if (links_alive(agent->links))
		notify_alive();
}

/*
 * What needs root has been done when this returns 0, and nothing more does: serial
 * devices are opened by the group of the user, also after they have been plugged in anew.
 */
static int confine(const struct settings *settings, const struct config *config)
{
	struct confine_user user;
	char why[320];
	int rc = confine_choose(settings->user, &user, why, sizeof(why));

	if (rc == 0) {
		confine_make_folder(config->state_dir, &user);
		rc = confine_enter(&user, why, sizeof(why));
	}
	if (rc < 0) {
		log_error("main", "%s", why);
		return rc;
	}
	if (user.uid == 0)
		log_warning("main", "running as root%s", settings->user != NULL
			? ": --user names another user to go on as"
			: ", for there is no user " CONFINE_USER ": make it (systemd-sysusers, or "
			  "\"useradd --system --groups dialout " CONFINE_USER "\"), or name another "
			  "with --user");
	if (access(settings->config_path, R_OK) < 0)
		log_warning("main", "%s: user %s cannot read it again: %s", settings->config_path,
			user.name, strerror(errno));
	return 0;
}

/*
 * Into the background, unless asked not to or started by systemd. Standard
 * error stays where it is, for that is where the log goes.
 */
static int go_background(const struct settings *settings)
{
	if (settings->foreground || getenv("NOTIFY_SOCKET") != NULL)
		return 0;
	if (daemon(0, 1) < 0)
		return -errno;
	if (freopen("/dev/null", "r", stdin) == NULL || freopen("/dev/null", "w", stdout) == NULL)
		return -errno;
	return 0;
}

static int start(struct agent *agent, struct config *config)
{
	static const int signals[] = { SIGHUP, SIGTERM, SIGINT, 0 };
	int64_t watchdog_ms = notify_watchdog_ms();
	int rc;

	agent->start_wall_ms = clock_wall_ms();
	agent->store = store_new();
	agent->links = links_new();
	agent->loop = loop_new();
	/* Before any thread begins: they inherit the mask, so that signals come here. */
	rc = agent->loop == NULL ? -errno
				 : loop_add_signals(agent->loop, signals, on_signal, agent);
	if (rc < 0) {
		conf_unref(config);
		return rc;
	}
	check_descriptors(config);
	loop_on_wake(agent->loop, on_wake, agent);
	agent->state_dir = xstrdup(config->state_dir);
	agent->events = config->events;
	agent->journal = journal_open(agent->state_dir, agent->events);
	journal_on_names(agent->journal, wake_main, agent->loop);
	post_start(agent, config);
	loop_add_timer(agent->loop, watchdog_ms > 0 ? watchdog_ms : WATCHDOG_MS, on_watchdog, agent);
	return apply(agent, config);
}

static void stop(struct agent *agent)
{
	bool snmp_ended;

	notify_stopping("stopping");
	snmp_ended = agentx_stop(agent->agentx);
	links_stop(agent->links);
	if (agent->journal != NULL)
		journal_stop(agent->journal);
	if (!snmp_ended)
		return; /* its thread still looks at the site, and at the journal */
	site_unref(agent->site);
	store_free(agent->store);
	journal_close(agent->journal);
	free(agent->state_dir);
	conf_unref(agent->config);
	loop_free(agent->loop);
}

static int run(const struct settings *settings, struct config *config)
{
	struct agent agent = { .config_path = settings->config_path };
	int rc = go_background(settings);

	if (rc < 0) {
		conf_unref(config);
		goto out;
	}
	signal(SIGPIPE, SIG_IGN);
	rc = start(&agent, config);
	if (rc == 0) {
		log_info("main", "meterxd " PACKAGE_VERSION " serves %s below " MX_OID_TEXT,
			describe(agent.config));
		notify_ready(describe(agent.config));
		rc = loop_run(agent.loop);
	}
	stop(&agent);
out:
	if (rc < 0) {
		log_error("main", "cannot go on: %s", strerror(-rc));
		return EXIT_FAILURE;
	}
	log_info("main", "stopped");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct settings settings = read_options(argc, argv);
	struct config *config;

	umask(0027);
	confine_environment();
	if (settings.mode == MODE_USAGE) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (settings.mode == MODE_HELP) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	if (settings.mode == MODE_VERSION) {
		puts("meterxd " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	log_init("meterxd", settings.log_level);
	if (settings.mode == MODE_RUN)
		settings.config_path = absolute_path(settings.config_path);
	config = conf_load_printing(settings.config_path);
	if (config == NULL)
		return EXIT_FAILURE;
	if (settings.mode == MODE_CHECK) {
		print_doubts(config);
		printf("%s: ok, %s\n", settings.config_path, describe(config));
		fflush(stdout);
		outlook_print(config, stdout, stderr);
		conf_unref(config);
		return EXIT_SUCCESS;
	}
	log_doubts(config);
	if (confine(&settings, config) < 0) {
		conf_unref(config);
		return EXIT_FAILURE;
	}
	return run(&settings, config);
}
