/*
 * Configurations: what a good one gives, and what each wrong one is told.
 *
 * The table of wrong ones is printed, text and message, so that the log of the
 * tests is a record of how we speak to those who make mistakes.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/conf.h"
#include "config/csv.h"
#include "core/text.h"
#include "core/util.h"

#define CONF "meterxd.conf"
#define CSV  "branches.csv"

/* Good parts, so that a case shows only what is wrong. */
#define LINK		 "link \"room1\" { transport = \"tcp\" host = \"192.0.2.5\" }\n"
#define MUST		 "index = 1 link = \"room1\" unit = 1 profile = \"bcpme\" "
#define PANEL(options)	 LINK "panel \"RPP-1A\" { " MUST options " }\n"
#define LINK_OF(options) "link \"room1\" { " options " }\n"
#define TCP		 "transport = \"tcp\" host = \"192.0.2.5\" "
#define TEXT64		 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TEXT65		 TEXT64 "x"

static void write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

/* Text of a configuration, with the profiles of the source tree. */
static void write_conf(const char *text)
{
	char *whole = xasprintf("%s\nprofile-dir = \"" TEST_SRCDIR "/conf/profiles\"\n", text);

	write_file(CONF, whole, strlen(whole));
	free(whole);
}

static char *print(const struct problems *problems)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	problems_print(problems, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* What the configuration is told; "" and *config when it is good. */
static char *load(struct config **config)
{
	struct problems problems = PROBLEMS_INIT;
	int rc = conf_load(CONF, &problems, config);
	char *told = print(&problems);

	assert_int_equal(rc, problems.count > 0 ? -EINVAL : 0);
	assert_true((*config == NULL) == (problems.count > 0));
	problems_free(&problems);
	return told;
}

static const struct {
	const char *text;
	const char *told;
} wrongs[] = {
	/* syntax */
	{ "polll = 2000",
		CONF ":1: no such option 'polll' (known here: agentx-socket, state-dir, "
		     "profile-dir, events, notify-window, notify-rate, poll, alarm-poll, "
		     "slow-poll, stale-after, notify-non-latched, notify-hold, link, panel)\n" },
	{ "colour \"red\" { deep { a = {1, 2} } }\npoll = 5",
		CONF ":1: no such option 'colour' (known here: agentx-socket, state-dir, "
		     "profile-dir, events, notify-window, notify-rate, poll, alarm-poll, "
		     "slow-poll, stale-after, notify-non-latched, notify-hold, link, panel)\n" CONF
		     ":2: poll: \"5\" is out of range (100 to 3600000 ms)\n" },
	{ "# a comment\n/* and\none more */ poll = 99 // last",
		CONF ":3: poll: \"99\" is out of range (100 to 3600000 ms)\n" },
	{ "agentx-socket = \"/a\npoll = 99\n",
		CONF ":1: this string does not end: the closing \" is missing in its line\n" CONF
		     ":2: poll: \"99\" is out of range (100 to 3600000 ms)\n" },
	{ "poll = 2000 /* half a comment", CONF ":1: this comment does not end: */ is missing\n" },
	{ "poll 2000", CONF ":1: \"=\" is missing after \"poll\": here is a word\n" },
	{ "poll = 2000 3000",
		CONF ":1: '3000' is one value too many, or is missing a \"=\" before it\n" },
	{ "poll = {2000}\nalarm-poll = 1",
		CONF ":1: poll: takes one value, not a list\n" CONF
		     ":2: alarm-poll: \"1\" is out of range (100 to 3600000 ms)\n" },
	{ "poll = 1000 * 2", CONF ":1: unexpected '*' (a text needs quotes)\n" },
	{ "poll = 2000\npoll = 3000", CONF ":2: poll: given twice (first in line 1)\n" },
	{ "link \"room1\" {\n" TCP "\n", CONF
		":1: link: its closing \"}\" is missing\n" CONF
		":4: no such option 'profile-dir' (known here: index, transport, host, port, "
		"device, baud, parity, stop-bits, rs485, response-timeout, turnaround, max-registers, "
		"retries)\n" },
	{ "poll = 2000 }", CONF ":1: \"}\" closes nothing\n" },
	{ "link { " TCP "}", CONF ":1: a name is missing after \"link\": here is \"{\"\n" },
	{ "state-dir = \"${HOME}\"",
		CONF ":1: environment variables are not expanded: write \"\\${\"\n" },
	{ "state-dir = \"/a\\n\"", CONF ":1: in a string \\ stands only before \", \\ or $\n" },
	{ "state-dir = \"/\xff\"", CONF ":1: byte 0xff is not UTF-8\n" },
	{ "state-dir = \"/\x1b[0m\"", CONF ":1: control character 0x1b\n" },
	{ "state-dir = \"/\xc2\x9b\"", CONF ":1: state-dir: contains a control character\n" },
	/* top of the file */
	{ "agentx-socket = \"agentx\"", CONF
		":1: agentx-socket: \"agentx\" is not a path of at most 107 bytes, \"/...\", or "
		"\"tcp:HOST:PORT\"\n" },
	{ "agentx-socket = \"tcp:localhost:99999\"", CONF
		":1: agentx-socket: \"tcp:localhost:99999\" is not a path of at most 107 bytes, "
		"\"/...\", or \"tcp:HOST:PORT\"\n" },
	{ "events = 99", CONF ":1: events: \"99\" is out of range (100 to 1000000)\n" },
	{ "events = 1000001",
		CONF ":1: events: \"1000001\" is out of range (100 to 1000000)\n" },
	{ "notify-window = 0", CONF ":1: notify-window: \"0\" is out of range (1 to 64)\n" },
	{ "notify-window = 65", CONF ":1: notify-window: \"65\" is out of range (1 to 64)\n" },
	{ "notify-rate = 0", CONF ":1: notify-rate: \"0\" is out of range (1 to 100000)\n" },
	{ "notify-rate = 100001",
		CONF ":1: notify-rate: \"100001\" is out of range (1 to 100000)\n" },
	{ "state-dir = \"\"", CONF ":1: state-dir: is empty (1 to 1024 bytes)\n" },
	{ "poll = \"fast\"",
		CONF ":1: poll: \"fast\" is not a whole number (100 to 3600000 ms)\n" },
	{ "poll = 1e3", CONF ":1: poll: \"1e3\" is not a whole number (100 to 3600000 ms)\n" },
	{ "poll = 99999999999999999999",
		CONF ":1: poll: \"99999999999999999999\" is out of range (100 to 3600000 ms)\n" },
	{ "poll = -2000", CONF ":1: poll: \"-2000\" is out of range (100 to 3600000 ms)\n" },
	{ "alarm-poll = 0", CONF ":1: alarm-poll: \"0\" is out of range (100 to 3600000 ms)\n" },
	{ "slow-poll = 10", CONF ":1: slow-poll: \"10\" is out of range (1000 to 86400000 ms)\n" },
	{ "stale-after = 0", CONF ":1: stale-after: \"0\" is out of range (1 to 1000 polls)\n" },
	{ "stale-after = 1001",
		CONF ":1: stale-after: \"1001\" is out of range (1 to 1000 polls)\n" },
	{ "notify-hold = 3600001",
		CONF ":1: notify-hold: \"3600001\" is out of range (0 to 3600000 ms)\n" },
	{ "alarm-poll = 5000", CONF ":1: alarm-poll: 5000 ms is longer than poll (2000 ms)\n" },
	{ "poll = 5000\nslow-poll = 4000",
		CONF ":2: slow-poll: 4000 ms is shorter than poll (5000 ms)\n" },
	/* links */
	{ "link \"\" { " TCP "}", CONF ":1: link \"\": name is empty (1 to 64 bytes)\n" },
	{ "link \"" TEXT65 "\" { " TCP "}", CONF
		":1: link \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\": name "
		"is too long (1 to 64 bytes)\n" },
	{ "link \" room1\" { " TCP "}",
		CONF ":1: link \" room1\": name begins or ends with a blank\n" },
	{ LINK "\n" LINK, CONF ":3: link \"room1\": name is taken already, line 1\n" },
	{ LINK_OF("host = \"192.0.2.5\""), CONF
		":1: link \"room1\": transport: is missing (\"tcp\", \"rtu\", \"rtu-tcp\")\n" },
	{ LINK_OF("transport = \"udp\" host = \"192.0.2.5\""),
		CONF ":1: link \"room1\": transport: \"udp\" is none of \"tcp\", \"rtu\", "
		     "\"rtu-tcp\"\n" },
	{ LINK_OF("transport = \"tcp\""),
		CONF ":1: link \"room1\": host: is missing (a host name or an IP address)\n" },
	{ LINK_OF("transport = \"tcp\" host = \"192.0.2.500\""), CONF
		":1: link \"room1\": host: \"192.0.2.500\" is not a host name or an IP address\n" },
	{ LINK_OF("transport = \"tcp\" host = \"meter one\""), CONF
		":1: link \"room1\": host: \"meter one\" is not a host name or an IP address\n" },
	{ LINK_OF("transport = \"tcp\" host = \"fe80::zz\""), CONF
		":1: link \"room1\": host: \"fe80::zz\" is not a host name or an IP address\n" },
	{ LINK_OF(TCP "port = 0"),
		CONF ":1: link \"room1\": port: \"0\" is out of range (1 to 65535)\n" },
	{ LINK_OF(TCP "baud = 9600"), CONF ":1: link \"room1\": baud: not an option of transport "
					   "\"tcp\" (only of \"rtu\", \"rtu-tcp\")\n" },
	{ LINK_OF(TCP "device = \"/dev/ttyS0\""), CONF ":1: link \"room1\": device: not an option "
						       "of transport \"tcp\" (only of \"rtu\")\n" },
	{ LINK_OF(TCP "response-timeout = 10"), CONF
		":1: link \"room1\": response-timeout: \"10\" is out of range (50 to 10000 ms)\n" },
	{ LINK_OF(TCP "response-timeout = 10001"), CONF
		":1: link \"room1\": response-timeout: \"10001\" is out of range (50 to 10000 ms)\n" },
	{ LINK_OF(TCP "turnaround = 10001"), CONF
		":1: link \"room1\": turnaround: \"10001\" is out of range (0 to 10000 ms)\n" },
	{ LINK_OF(TCP "max-registers = 126"),
		CONF ":1: link \"room1\": max-registers: \"126\" is out of range (4 to 125)\n" },
	{ LINK_OF(TCP "retries = 11"),
		CONF ":1: link \"room1\": retries: \"11\" is out of range (0 to 10)\n" },
	{ LINK_OF(TCP "index = 65536"),
		CONF ":1: link \"room1\": index: \"65536\" is out of range (1 to 65535)\n" },
	{ LINK_OF(TCP "index = 4") "link \"b\" { " TCP "\nindex = 4 }",
		CONF ":3: link \"b\": index: 4 is taken by link \"room1\", line 1\n" },
	{ LINK_OF("transport = \"rtu\" device = \"/dev/ttyS0\" rs485 = perhaps"),
		CONF ":1: link \"room1\": rs485: \"perhaps\" is none of \"true\", \"false\", "
		     "\"yes\", \"no\", \"on\", \"off\"\n" },
	{ LINK_OF("transport = \"rtu\" device = \"ttyS0\" baud = 9601\nparity = \"evn\" stop-bits "
		  "= 3 "
		  "host = \"a\""),
		CONF
		":1: link \"room1\": device: \"ttyS0\" is not an absolute path\n" CONF
		":1: link \"room1\": baud: \"9601\" is none of \"1200\", \"2400\", \"4800\", "
		"\"9600\", \"19200\", \"38400\", \"57600\", \"115200\"\n" CONF
		":2: link \"room1\": parity: \"evn\" is none of \"none\", \"even\", \"odd\"\n" CONF
		":2: link \"room1\": stop-bits: \"3\" is out of range (1 to 2)\n" CONF
		":2: link \"room1\": host: not an option of transport \"rtu\" (only of \"tcp\", "
		"\"rtu-tcp\")\n" },
	{ "link \"a\" { transport = rtu device = \"/dev/ttyS0\" }\n"
	  "link \"b\" { transport = rtu device = \"/dev/ttyS0\" }",
		CONF
		":2: link \"b\": device: is the line of link \"a\" already, line 1 (one "
		"link serves all units)\n" },
	/* panels */
	{ LINK "panel \"RPP-1A\" { }",
		CONF ":2: panel \"RPP-1A\": link: is missing (the name of a link)\n" CONF
		     ":2: panel \"RPP-1A\": profile: is missing (the name of a profile)\n" CONF
		     ":2: panel \"RPP-1A\": index: is missing (1 to 65535)\n" CONF
		     ":2: panel \"RPP-1A\": unit: is missing (0 to 255)\n" },
	{ "panel \"RPP-1A\" { " MUST "}",
		CONF ":1: panel \"RPP-1A\": link: there is no link \"room1\"\n" },
	{ LINK "panel \"a\" { " MUST
	       "}\npanel \"a\" { index = 2 link = \"room1\" unit = 2 profile = "
	       "\"bcpme\" }",
		CONF ":3: panel \"a\": name is taken already, line 2\n" },
	{ LINK "panel \"a\" { " MUST "}\npanel \"b\" { " MUST "}", CONF
		":3: panel \"b\": index: 1 is taken by panel \"a\", line 2\n" CONF
		":3: panel \"b\": unit: 1 of link \"room1\" is panel \"a\" already, line 2\n" },
	{ LINK "panel \"a\" { index = 0 link = \"room1\" unit = 256 profile = \"bcpme\" }",
		CONF ":2: panel \"a\": index: \"0\" is out of range (1 to 65535)\n" CONF
		     ":2: panel \"a\": unit: \"256\" is out of range (0 to 255)\n" },
	{ "link \"l\" { transport = rtu device = \"/dev/ttyS0\" }\npanel \"a\" { index = 1 link = "
	  "l\n"
	  "unit = 248 profile = \"bcpme\" }",
		CONF
		":3: panel \"a\": unit: \"248\" is out of range on a serial line (1 to 247)\n" },
	{ LINK "panel \"a\" { index = 1 link = \"room1\" unit = 1\nprofile = \"bcpm9\" }",
		CONF ":3: panel \"a\": profile: \"bcpm9\" cannot be used\n" TEST_SRCDIR
		     "/conf/profiles/bcpm9.conf: cannot be read: No such file or directory\n" },
	{ LINK "panel \"a\" { index = 1 link = \"room1\" unit = 1\nprofile = \"../bcpme\" }",
		CONF ":3: panel \"a\": profile: \"../bcpme\" is not the name of a profile\n" },
	{ PANEL("location = \"" TEXT65 TEXT65 "\""), CONF
		":2: panel \"RPP-1A\": location: "
		"\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\"... is too long "
		"(at most 128 bytes)\n" },
	{ PANEL("enabled = maybe"),
		CONF ":2: panel \"RPP-1A\": enabled: \"maybe\" is none of \"true\", "
		     "\"false\", \"yes\", \"no\", \"on\", \"off\"\n" },
	{ PANEL("encoding = \"double\""),
		CONF ":2: panel \"RPP-1A\": encoding: \"double\" is none of \"auto\", \"integer\", "
		     "\"float\"\n" },
	{ PANEL("meter-circuits = {\"four-pole\"}"),
		CONF ":2: panel \"RPP-1A\": meter-circuits: \"four-pole\" is none of \"two-pole\", "
		     "\"three-pole\"\n" },
	{ PANEL("poll = 500\nalarm-poll = 600"),
		CONF ":3: panel \"RPP-1A\": alarm-poll: 600 ms is longer than poll (500 ms)\n" },
	{ PANEL("writes = {\"thresholds\",\n\"everything\", \"thresholds\"}"),
		CONF ":3: panel \"RPP-1A\": writes: \"everything\" is none of \"thresholds\", "
		     "\"latches\", \"labels\", \"resets\", \"layout\"\n" CONF
		     ":3: panel \"RPP-1A\": writes: \"thresholds\" is named twice\n" },
	{ PANEL("writes-async = 1"), CONF ":2: panel \"RPP-1A\": writes-async: \"1\" is none of "
					  "\"true\", \"false\", \"yes\", "
					  "\"no\", \"on\", \"off\"\n" },
	/* branches and circuits */
	{ PANEL("branch 43 { label = \"a\" }"),
		CONF ":2: panel \"RPP-1A\": branch \"43\": \"43\" is not a number from 1 to 42\n" },
	{ PANEL("branch one { }"), CONF
		":2: panel \"RPP-1A\": branch \"one\": \"one\" is not a number from 1 to 42\n" },
	{ PANEL("branch 1 { }\nbranch 01 { }"), CONF
		":3: panel \"RPP-1A\": branch \"01\": branch 1 is there already, at line 2\n" },
	{ PANEL("branch 1 { label = \"" TEXT65 "\" }"), CONF
		":2: panel \"RPP-1A\": branch \"1\": label: "
		"\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\" is not allowed "
		"(at most 64 bytes)\n" },
	{ PANEL("branch 1 { breaker-amps = 16A\npoles = 4 }"), CONF
		":2: panel \"RPP-1A\": branch \"1\": breaker-amps: \"16A\" is not allowed (0 to "
		"10000 A, at most 3 decimals)\n" CONF
		":3: panel \"RPP-1A\": branch \"1\": poles: \"4\" is not allowed (1 to 3)\n" },
	{ PANEL("branch 1 { colour = red }"), CONF
		":2: no such option 'colour' (known here: label, tenant, breaker-amps, poles)\n" },
	{ PANEL("input 1 { label = Door }"),
		CONF ":2: panel \"RPP-1A\": input \"1\": meters of this profile have no inputs\n" },
	{ PANEL("input 1 { normal = shut }"),
		CONF ":2: panel \"RPP-1A\": input \"1\": meters of this profile have no inputs\n" CONF
		     ":2: panel \"RPP-1A\": input \"1\": normal: \"shut\" is none of \"open\", "
		     "\"closed\"\n" },
	{ PANEL("circuit 2000 { branches = {1} }"),
		CONF ":2: panel \"RPP-1A\": circuit \"2000\": \"2000\" is not a number from 1 to "
		     "1999\n" },
	{ PANEL("circuit 1 { }"),
		CONF ":2: panel \"RPP-1A\": circuit \"1\": branches: 0 of them (1 to 3)\n" },
	{ PANEL("circuit 1 { branches = {1, 2, 3, 4} }"),
		CONF ":2: panel \"RPP-1A\": circuit \"1\": branches: 4 of them (1 to 3)\n" },
	{ PANEL("circuit 1 { branches = {7, 43, x} }"), CONF
		":2: panel \"RPP-1A\": circuit \"1\": branches: \"43\" is not a branch of this "
		"panel "
		"(1 to 42)\n" CONF ":2: panel \"RPP-1A\": circuit \"1\": branches: \"x\" is not a "
		"branch of this panel (1 to 42)\n" },
	{ PANEL("circuit 1 { branches = {7, 9, 7} }"),
		CONF ":2: panel \"RPP-1A\": circuit \"1\": branches: 7 is named twice\n" },
	{ PANEL("circuit 1 { branches = {7, 9} }\ncircuit 2 { branches = {9, 11} }"),
		CONF ":3: panel \"RPP-1A\": circuit \"2\": branches: 9 is in circuit 1 already\n" },
	{ PANEL("circuit 1 { branches = {7} }\ncircuit 01 { branches = {9} }"), CONF
		":3: panel \"RPP-1A\": circuit \"01\": circuit 1 is there already, at line 2\n" },
	{ PANEL("branches-file = \"" CSV "\""),
		CONF ":2: branches-file: " CSV ": No such file or directory\n" },
};

/* Wrong branch files of a panel with 42 branches. */
#define FILE_TEXT(text) text, sizeof(text) - 1
static const struct {
	const char *text;
	size_t length;
	const char *told;
} wrong_files[] = {
	{ FILE_TEXT(""), CSV ": file is empty\n" },
	{ FILE_TEXT("number;label\n1;a\n"), CSV
		":1: unknown column \"number;label\" (columns, separated by commas: number, label, "
		"tenant, breaker-amps, poles)\n" },
	{ FILE_TEXT("label,tenant\na,b\n"),
		CSV ":1: first line must name the columns, \"number\" among them (number, label, "
		    "tenant, breaker-amps, poles)\n" },
	{ FILE_TEXT("number,label,label\n1,a,b\n"), CSV ":1: column \"label\" stands twice\n" },
	{ FILE_TEXT("number,label\r\n0,a\r\n43,b\r\n7,c\r\n7,d\r\n8,e,f\r\n9,g\"h\r\n"
		    "10,\"i\"j\r\n11,\xff\r\n12,\x07\r\n"),
		CSV ":2: number: \"0\" is not a branch (1 to 42)\n" CSV
		    ":3: number: \"43\" is not a branch (1 to 42)\n" CSV
		    ":5: number: branch 7 is there already, at line 4\n" CSV
		    ":6: 3 fields, but the first line names 2 columns\n" CSV
		    ":7: quote inside a field that does not begin with one\n" CSV
		    ":8: text behind a closing quote\n" CSV ":9: label: is not UTF-8\n" CSV
		    ":10: label: contains a control character\n" },
	{ FILE_TEXT("number,breaker-amps,poles\n1,sixteen,1\n2,10000.001,\n3,,0\n"),
		CSV ":2: breaker-amps: \"sixteen\" is not allowed (0 to 10000 A, at most 3 "
		    "decimals)\n" CSV
		    ":3: breaker-amps: \"10000.001\" is not allowed (0 to 10000 A, at most 3 "
		    "decimals)\n" CSV ":4: poles: \"0\" is not allowed (1 to 3)\n" },
	{ FILE_TEXT("number,label\n1,a\n2,\"b\n3,c\n"), CSV ":3: quote is not closed\n" },
	{ FILE_TEXT("number,label\n1,a\0b\n2,c\n"), CSV ":2: byte 0x00\n" },
	{ FILE_TEXT("number,label\n1,a\rb\n"), CSV ":2: carriage return inside a line\n" },
	{ FILE_TEXT("number,label\n1," TEXT65 "\n"),
		CSV ":2: label: \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\" "
		    "is not "
		    "allowed (at most 64 bytes)\n" },
};

/* Returns only when the configuration is told just that, and nothing of it is applied. */
static void assert_told(size_t number, const char *text, const char *expected)
{
	struct config *config;
	char *told = load(&config);

	printf("--- wrong %zu\n%s\n... is told\n%s", number, text, told);
	assert_string_equal(told, expected);
	assert_null(config);
	free(told);
}

static void wrong_configurations_are_refused_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrongs); i++) {
		write_conf(wrongs[i].text);
		assert_told(i + 1, wrongs[i].text, wrongs[i].told);
	}
	printf("--- %zu wrong configurations\n", ARRAY_LEN(wrongs));
}

static void wrong_branch_files_are_refused(void **state)
{
	(void)state;
	write_conf(PANEL("branches-file = \"" CSV "\""));
	for (size_t i = 0; i < ARRAY_LEN(wrong_files); i++) {
		write_file(CSV, wrong_files[i].text, wrong_files[i].length);
		assert_told(i + 1, wrong_files[i].text, wrong_files[i].told);
	}
	unlink(CSV);
	printf("--- %zu wrong branch files\n", ARRAY_LEN(wrong_files));
}

static struct config *load_good(const char *text)
{
	struct config *config;
	char *told;

	write_conf(text);
	told = load(&config);
	assert_string_equal(told, "");
	free(told);
	return config;
}

static void what_is_not_given_has_its_default(void **state)
{
	struct config *config = load_good(PANEL(""));
	const struct link_conf *link = &config->links[0];
	const struct panel_conf *panel = &config->panels[0];

	(void)state;
	assert_string_equal(config->agentx_socket, "/var/agentx/master");
	assert_string_equal(config->state_dir, MX_STATE_DIR);
	assert_int_equal(config->events, 10000);
	assert_int_equal(config->notify_window, 32);
	assert_int_equal(config->notify_rate, 1000);
	assert_int_equal(config->n_links, 1);
	assert_int_equal(link->index, 1);
	assert_int_equal(link->port, 502);
	assert_int_equal(link->response_timeout_ms, 1000);
	assert_int_equal(link->turnaround_ms, 0);
	assert_int_equal(link->max_registers, 125);
	assert_int_equal(link->retries, 1);
	assert_int_equal(config->n_panels, 1);
	assert_true(panel->enabled);
	assert_ptr_equal(panel->link, link);
	assert_string_equal(panel->location, "");
	assert_int_equal(panel->encoding, ENCODING_AUTO);
	assert_false(panel->two_pole_meters || panel->three_pole_meters || panel->writes_async);
	assert_int_equal(panel->writes, 0);
	assert_int_equal(panel->poll_ms, 2000);
	assert_int_equal(panel->alarm_poll_ms, 1000);
	assert_int_equal(panel->slow_poll_ms, 30000);
	assert_int_equal(panel->stale_after, 3);
	assert_false(panel->notify_non_latched);
	assert_int_equal(panel->notify_hold_ms, 10000);
	assert_int_equal(panel->n_branches, 0);
	assert_int_equal(panel->n_circuits, 0);
	assert_string_equal(panel->profile->name, "bcpme");
	conf_unref(config);
}

static void everything_given_arrives(void **state)
{
	struct config *config;
	const struct panel_conf *panel;

	(void)state;
	write_file(CSV,
		"\xef\xbb\xbfnumber,tenant,label,breaker-amps,poles\r\n"
		"3,acme,\"Rack \"\"A\"\", top\",62.5,3\r\n\r\n1,bolt,from file,16,\r\n",
		strlen("\xef\xbb\xbfnumber,tenant,label,breaker-amps,poles\r\n"
		       "3,acme,\"Rack \"\"A\"\", top\",62.5,3\r\n\r\n1,bolt,from file,16,\r\n"));
	config = load_good(
		"\xef\xbb\xbf# first line\r\nagentx-socket = 'tcp:localhost:705' poll = 0x3e8\n"
		"state-dir = state stale-after = 5 events = 1000000\n"
		"notify-non-latched = yes notify-hold = 0\n"
		"notify-window = 64 notify-rate = 100000\n"
		"link b { transport = tcp host = \"meter-2.example.org\" }\n"
		"link a { transport = tcp host = \"fe80::1%eth0\" port = 1502 index = 1 }\n"
		"panel second { index = 9 link = a unit = 0 profile = bcpme poll = 500 enabled = "
		"no notify-non-latched = no }\n"
		"panel first { index = 7 link = b unit = 255 profile = bcpm\n"
		"  location = \"R\xc3\xa4um 1 \\\"x\\\" \\${y}\" encoding = float slow-poll = "
		"5000\n"
		"  meter-circuits = {three-pole} writes = {latches, labels}\n"
		"  writes += {\"resets\"} writes-async = on notify-hold = 2500\n"
		"  branches-file = \"" CSV "\" branch 1 { label = \"from section\" }\n"
		"  circuit 20 { label = c branches = {5, 1, 3} } circuit 10 { tenant = t branches "
		"= 7 } }\n");
	assert_string_equal(config->agentx_socket, "tcp:localhost:705");
	assert_string_equal(config->state_dir, "state");
	assert_int_equal(config->events, 1000000);
	assert_int_equal(config->notify_window, 64);
	assert_int_equal(config->notify_rate, 100000);
	assert_string_equal(config->links[0].name, "a");
	assert_string_equal(config->links[1].name, "b");
	assert_int_equal(config->links[1].index, 2);
	assert_int_equal(config->links[0].port, 1502);
	panel = conf_panel(config, "first");
	assert_ptr_equal(panel, &config->panels[0]);
	assert_ptr_equal(panel->link, conf_link(config, "b"));
	assert_string_equal(panel->location, "R\xc3\xa4um 1 \"x\" ${y}");
	assert_int_equal(panel->unit, 255);
	assert_int_equal(panel->encoding, ENCODING_FLOAT);
	assert_false(panel->two_pole_meters);
	assert_true(panel->three_pole_meters);
	assert_int_equal(panel->writes, WRITES_LATCHES | WRITES_LABELS | WRITES_RESETS);
	assert_true(panel->writes_async);
	assert_int_equal(panel->slow_poll_ms, 5000);
	assert_int_equal(panel->poll_ms, 1000);
	assert_int_equal(panel->stale_after, 5);
	assert_int_equal(panel->n_branches, 2);
	assert_string_equal(panel->branches[0].label, "from section");
	assert_string_equal(panel->branches[0].tenant, "bolt");
	assert_int_equal(panel->branches[0].rating_ma, 16000);
	assert_int_equal(panel->branches[0].poles, 0);
	assert_string_equal(panel_conf_branch(panel, 3)->label, "Rack \"A\", top");
	assert_int_equal(panel_conf_branch(panel, 3)->rating_ma, 62500);
	assert_int_equal(panel_conf_branch(panel, 3)->poles, 3);
	assert_null(panel_conf_branch(panel, 2));
	assert_int_equal(panel->n_circuits, 2);
	assert_int_equal(panel->circuits[0].number, 10);
	assert_int_equal(panel->circuits[0].n_branches, 1);
	assert_int_equal(panel->circuits[1].branches[0], 5);
	assert_true(panel->notify_non_latched);
	assert_int_equal(panel->notify_hold_ms, 2500);
	assert_false(config->panels[1].notify_non_latched);
	assert_int_equal(config->panels[1].notify_hold_ms, 0);
	/* what was inherited gives way to what the panel says */
	assert_int_equal(config->panels[1].alarm_poll_ms, 500);
	assert_false(config->panels[1].enabled);
	assert_null(conf_link(config, "c"));
	assert_null(conf_panel(config, "third"));
	conf_unref(config);
	unlink(CSV);
}

/* A string left open must not reach into the next file: libConfuse's lexer is one for all. */
static void a_broken_file_leaves_nothing_behind(void **state)
{
	struct config *config;
	char *told;

	(void)state;
	write_conf("agentx-socket = \"/a\\9\npoll = 2000 /* ");
	told = load(&config);
	assert_null(config);
	free(told);
	conf_unref(load_good(PANEL("")));
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	struct problems problems = PROBLEMS_INIT;
	struct config *config;
	char *told;

	(void)state;
	assert_int_equal(conf_load("none.conf", &problems, &config), -EINVAL);
	assert_int_equal(conf_load("/", &problems, &config), -EINVAL);
	assert_int_equal(conf_load("/dev/zero", &problems, &config), -EINVAL);
	told = print(&problems);
	assert_string_equal(told, "none.conf: cannot be read: No such file or directory\n"
				  "/: cannot be read: Is a directory\n"
				  "/dev/zero: cannot be read: Invalid argument\n");
	free(told);
	problems_free(&problems);
}

static void limits_hold(void **state)
{
	char *text = xcalloc(1, 1 << 20), *at = text;
	struct config *config;
	char *told;

	(void)state;
	for (int i = 0; i < 1001; i++)
		at += sprintf(at, "link l%d { " TCP "}\n", i);
	write_conf(text);
	told = load(&config);
	assert_string_equal(told, CONF ":1001: link: 1001 are too many (at most 1000)\n");
	free(told);
	free(text);
}

/* Every prefix and every damaged byte of a good file: an answer, and never a crash. */
static void damaged_files_are_survived(void **state)
{
	static const char good[] =
		"poll = 500 # x\nlink \"a\" { transport = 'tcp' host = \"h\" } /* c */\n"
		"panel \"p\" { index = 1 link = a unit = 1 profile = \"bcpme\" writes = "
		"{\"labels\"}\n"
		"branch 1 { label = \"\\\"x\" } circuit 1 { branches = {1, 2} } }\n";
	static const char damage[] = { 0, '"', '\'', '{', '}', '=', '\\', '\n', '$', '#', '/', '*',
		-1 };
	char text[sizeof(good)];
	struct config *config;

	(void)state;
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		for (size_t d = 0; d < ARRAY_LEN(damage); d++) {
			memcpy(text, good, sizeof(good));
			text[i] = damage[d];
			write_file(CONF, text, d == 1 ? i : sizeof(good) - 1);
			free(load(&config));
			conf_unref(config);
		}
	}
}

static void sameness_is_of_what_polling_sees(void **state)
{
	static const struct {
		const char *text;
		bool same_link, same_polling;
	} cases[] = {
		{ PANEL(""), true, true },
		{ PANEL("location = \"x\" writes = {labels} branch 1 { label = a }"), true, true },
		{ PANEL("circuit 1 { branches = {1} }"), true, true },
		{ PANEL("poll = 1999"), true, false },
		{ PANEL("alarm-poll = 999"), true, false },
		{ PANEL("slow-poll = 29999"), true, false },
		{ PANEL("stale-after = 4"), true, false },
		{ PANEL("encoding = float"), true, false },
		{ PANEL("meter-circuits = {two-pole}"), true, false },
		{ PANEL("enabled = no"), true, false },
		{ LINK "panel x { index = 1 link = room1 unit = 2 profile = bcpme }", true, false },
		{ LINK "panel x { index = 1 link = room1 unit = 1 profile = bcpm }", true, false },
		{ LINK_OF(TCP "index = 77") "panel x { " MUST " }", true, true },
		{ LINK_OF(TCP "port = 503") "panel x { " MUST " }", false, false },
		{ LINK_OF(TCP "retries = 0") "panel x { " MUST " }", false, false },
		{ LINK_OF(TCP "max-registers = 60") "panel x { " MUST " }", false, false },
		{ LINK_OF(TCP "response-timeout = 500") "panel x { " MUST " }", false, false },
		{ LINK_OF("transport = tcp host = \"192.0.2.6\"") "panel x { " MUST " }", false,
			false },
	};
	struct config *base = load_good(PANEL(""));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config *config = load_good(cases[i].text);

		assert_true(
			link_conf_same(&base->links[0], &config->links[0]) == cases[i].same_link);
		assert_true(panel_conf_same_polling(&base->panels[0], &config->panels[0]) ==
			    cases[i].same_polling);
		conf_unref(config);
	}
	conf_unref(base);
}

static void a_changed_profile_is_noticed(void **state)
{
	static const char *const texts[] = { "base = 1", "base = 1 # changed" };
	struct config *configs[2];
	size_t length;
	char *map = text_read_file(TEST_SRCDIR "/conf/profiles/bcpm-map.inc", 4 << 20, &length);
	char *own = text_read_file(TEST_SRCDIR "/conf/profiles/bcpme.conf", 4 << 20, &length);

	(void)state;
	assert_non_null(map);
	assert_non_null(own);
	write_file("mine.conf", own, strlen(own));
	for (size_t i = 0; i < 2; i++) {
		char *changed = xasprintf("%s\n# %s\n", map, texts[i]);
		struct config *config;
		char *told;

		write_file("bcpm-map.inc", changed, strlen(changed));
		write_file(CONF,
			LINK "profile-dir = \".\" panel x { index = 1 link = room1 unit = 1 "
			     "profile = mine }",
			strlen(LINK "profile-dir = \".\" panel x { index = 1 link = room1 unit = 1 "
				    "profile = mine }"));
		told = load(&config);
		assert_string_equal(told, "");
		configs[i] = config;
		free(told);
		free(changed);
	}
	assert_false(panel_conf_same_polling(&configs[0]->panels[0], &configs[1]->panels[0]));
	conf_unref(configs[0]);
	conf_unref(configs[1]);
	free(map);
	free(own);
	unlink("mine.conf");
	unlink("bcpm-map.inc");
}

static void csv_follows_rfc_4180(void **state)
{
	static const struct {
		const char *text;
		const char *told; /* fields in [], records in lines */
	} cases[] = {
		{ "", "" },
		{ "a,b\n", "1[a][b]\n" },
		{ "a,b", "1[a][b]\n" },
		{ "a,\r\n,b\r\n", "1[a][]\n2[][b]\n" },
		{ "\n\na\n", "1\n2\n3[a]\n" },
		{ "\"a,b\",\"c\"\"d\"\n", "1[a,b][c\"d]\n" },
		{ "\"a\nb\",c\nd\n", "1[a\nb][c]\n3[d]\n" },
		{ "\"\",x\n", "1[][x]\n" },
		{ "a,\"", "1: quote is not closed\n" },
		{ "a\"b\nc\n", "1: quote inside a field that does not begin with one\n2[c]\n" },
		{ "\"a\"b\nc\n", "1: text behind a closing quote\n2[c]\n" },
		{ "1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7\nb\n", "1: too many fields\n2[b]\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *copy = xstrdup(cases[i].text), told[256] = "";
		struct csv csv;
		struct csv_record record;
		const char *why;
		int rc;

		csv_init(&csv, copy, strlen(copy));
		while ((rc = csv_next(&csv, &record, &why)) != 0) {
			char *at = told + strlen(told);

			at += sprintf(at, "%d", record.line);
			if (rc < 0)
				at += sprintf(at, ": %s", why);
			for (size_t f = 0; rc > 0 && f < record.n; f++)
				at += sprintf(at, "[%s]", record.fields[f]);
			strcpy(at, "\n");
		}
		assert_string_equal(told, cases[i].told);
		free(copy);
	}
}

static void characters_are_unicode(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{ "a", 1 },
		{ "\xc3\xa4", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\xc0\x80", 0 },	   /* overlong */
		{ "\xed\xa0\x80", 0 },	   /* surrogate */
		{ "\xf4\x90\x80\x80", 0 }, /* beyond U+10FFFF */
		{ "\x80", 0 },
		{ "\xff", 0 },
		{ "\xc3", 0 },
		{ "\xe2\x82", 0 },
		{ "\xc3(", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
			text_character(cases[i].text, strlen(cases[i].text)), cases[i].length);
	assert_int_equal(text_shown(TEXT65), 60);
	assert_int_equal(text_shown("x"), 1);
}

static char folder[] = "/tmp/meterx-test-conf.XXXXXX";

static int enter_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
	(void)state;
	unlink(CONF);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_configurations_are_refused_whole),
		cmocka_unit_test(wrong_branch_files_are_refused),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(everything_given_arrives),
		cmocka_unit_test(a_broken_file_leaves_nothing_behind),
		cmocka_unit_test(a_file_that_cannot_be_read_is_told),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(damaged_files_are_survived),
		cmocka_unit_test(sameness_is_of_what_polling_sees),
		cmocka_unit_test(a_changed_profile_is_noticed),
		cmocka_unit_test(csv_follows_rfc_4180),
		cmocka_unit_test(characters_are_unicode),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
