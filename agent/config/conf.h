/*
 * conf: the daemon's configuration, read whole or not at all.
 *
 * conf_load() parses, validates and resolves (profiles, branch files) without
 * any other effect. What it returns never changes and is shared by reference
 * count: the count is atomic, any thread may hold a reference.
 */
#ifndef METERX_CONFIG_CONF_H
#define METERX_CONFIG_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/problem.h"
#include "config/profile.h"

#define CONF_NAME_MAX 64
#define CONF_POLL_MAX_MS 3600000 /* poll, alarm-poll */
#define CIRCUIT_POLES_MAX 3
/* Configured circuits are 1 to 1999; 2000 + n and 3000 + n are the meter's own. */
#define CIRCUIT_CONFIGURED_MAX 1999
#define CIRCUIT_TWO_POLE_BASE 2000
#define CIRCUIT_THREE_POLE_BASE 3000

enum transport {
	TRANSPORT_TCP,
	TRANSPORT_RTU,
	TRANSPORT_RTU_TCP,
};

enum parity {
	PARITY_NONE,
	PARITY_EVEN,
	PARITY_ODD,
};

struct link_conf {
	uint32_t index; /* row of mxLinkTable: option "index", else the lowest free one */
	char *name;
	enum transport transport;
	char *host; /* tcp, rtu-tcp: name or address */
	uint16_t port;
	char *device; /* rtu */
	uint32_t baud;
	enum parity parity;
	uint8_t stop_bits;
	bool rs485; /* rtu: the kernel's driver switches the transmitter on and off */
	uint32_t response_timeout_ms; /* until the answer begins */
	uint32_t turnaround_ms; /* rest after each answer before the next request */
	uint16_t max_registers; /* per read, on top of the profile's limit */
	uint8_t retries;        /* of one read, before the cycle counts as missed */
};

/* Bits of panel_conf.writes. */
enum write_group {
	WRITES_THRESHOLDS = 1 << 0,
	WRITES_LATCHES = 1 << 1,
	WRITES_LABELS = 1 << 2,
	WRITES_RESETS = 1 << 3,
	WRITES_LAYOUT = 1 << 4,
};

struct branch_conf {
	uint16_t number;
	char *label;  /* "" when none */
	char *tenant; /* "" when none */
	int32_t rating_ma; /* 0: not given; the meter's own rating wins */
	uint8_t poles;     /* 0: not given */
};

struct circuit_conf {
	uint16_t number;
	char *label;
	char *tenant;
	uint8_t n_branches;
	uint16_t branches[CIRCUIT_POLES_MAX];
};

struct input_conf {
	uint16_t number;
	char *label;
	enum input_state normal; /* 0: none */
};

struct panel_conf {
	uint32_t index;
	char *name;
	char *location; /* "" when none */
	bool enabled;
	const struct link_conf *link; /* in the same struct config */
	uint8_t unit;
	struct profile *profile;
	enum encoding encoding; /* INTEGER, FLOAT or AUTO */
	bool two_pole_meters, three_pole_meters; /* also read the meter's own multi-pole blocks */
	uint32_t poll_ms, alarm_poll_ms, slow_poll_ms;
	uint32_t stale_after; /* missed polls */
	unsigned writes;      /* enum write_group bits */
	bool writes_async;
	bool notify_non_latched;  /* alarm states that do not latch have notifications too */
	uint32_t notify_hold_ms; /* of each, between two changes that are told */
	struct branch_conf *branches; /* only those named in the file or the branch file; by number */
	size_t n_branches;
	struct circuit_conf *circuits; /* by number */
	size_t n_circuits;
	struct input_conf *inputs; /* by number */
	size_t n_inputs;
};

struct config {
	char *path;
	char *agentx_socket;
	char *state_dir;
	char *profile_dir;
	uint32_t events; /* kept */
	uint32_t notify_window; /* notifications that the master has not acknowledged yet */
	uint32_t notify_rate;	/* per second */
	struct link_conf *links; /* by index */
	size_t n_links;
	struct panel_conf *panels; /* by index */
	size_t n_panels;
	int64_t loaded_wall_ms;
	int refs; /* atomic */
};

/*
 * Read the file at path. 0 and *config with one reference, or -EINVAL with
 * every problem of the file, its profiles and its branch files in problems.
 */
int conf_load(const char *path, struct problems *problems, struct config **config);
/* The same for programs: the problems go to the standard error, and NULL comes back. */
struct config *conf_load_printing(const char *path);

struct config *conf_ref(struct config *config);
void conf_unref(struct config *config); /* NULL is accepted */

const struct branch_conf *panel_conf_branch(const struct panel_conf *panel, unsigned number);
const struct input_conf *panel_conf_input(const struct panel_conf *panel, unsigned number);
const struct link_conf *conf_link(const struct config *config, const char *name);
const struct panel_conf *conf_panel(const struct config *config, const char *name);

/* Where it leads to: "192.0.2.5:502", "[2001:db8::5]:502", "/dev/ttyS0"; cut off at size. */
void link_conf_address(const struct link_conf *link, char *text, size_t size);
/* Same in everything that matters to a running link (not its index and name). */
bool link_conf_same(const struct link_conf *a, const struct link_conf *b);
/* Same in everything that matters to polling: link, unit, profile contents, encoding, rhythm. */
bool panel_conf_same_polling(const struct panel_conf *a, const struct panel_conf *b);

#endif
