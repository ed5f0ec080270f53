/*
 * poller_parts: what the files of the poller share; for nobody else.
 *
 *	poller.c          life, what is read next, reading it
 *	poller_comm.c     does the panel answer: misses, silence, identification
 *	poller_failure.c  answers that are none, refused registers
 *	poller_publish.c  from the words of a whole poll to the snapshot
 *	poller_writer.c   what the writer may ask and hand in
 *
 * Three polls may be under way side by side, each with its own place in its own
 * plan: the identification, the alarm status, and the bulk (measurements,
 * settings). Each is decoded and published only when its last read is in, so
 * that the snapshot never holds half a poll; what an alarm poll has published
 * since is not taken back by an older bulk.
 *
 * What a meter has of its own at rest is small, for there are a thousand of them:
 * plans are shared, words are there while a poll is under way.
 */
#ifndef METERX_MODBUS_POLLER_PARTS_H
#define METERX_MODBUS_POLLER_PARTS_H

#include "modbus/poller.h"

#include "alarm/damper.h"
#include "modbus/meter.h"
#include "modbus/news.h"
#include "modbus/pace.h"
#include "modbus/pollset.h"
#include "modbus/refusal.h"
#include "modbus/rhythm.h"
#include "modbus/timing.h"

#define TOLD_NONE    (-2)
#define PROBE_MIN_MS 1000

struct poll {
	const struct pollmap *map; /* NULL: not under way */
	unsigned mask;             /* classes of the map */
	unsigned classes;          /* of these, still to be published */
	unsigned next;             /* read */
	unsigned tries;            /* of it, beyond the first */
	int64_t begun_ms;
	uint16_t *words; /* while it is under way */
};

struct poller {
	struct news news; /* holds the site that conf is in, and the slot */
	const struct panel_conf *conf;
	struct slot *slot; /* layout and profile hang on it */
	const struct layout *layout;
	struct poller_observer observer;

	struct meter meter;
	struct timing timing; /* of the unit's answers */
	int64_t moved_ms;     /* since when the plans do not fit it, 0: they do */
	int64_t replanned_ms; /* for the last time because of it, 0: never */
	struct pollset plans;
	struct refusal search;
	unsigned search_reads; /* that the poll under way may still do for it */
	struct poll identify, alarm, bulk;
	bool unidentified; /* the next read is one of identification */
	bool doubting;     /* before the next poll: is what was refused still refused? */
	bool forgiven;     /* it was not: the settings are read once before that is asked again */
	bool bulk_turn;    /* an alarm poll has overtaken the bulk: one read of it comes first */
	bool rescaled;     /* the last measurements were dropped for a change of scales */
	bool alarm_waits;  /* an alarm poll was dropped for a whole poll to tell its news */

	struct claim *claim; /* NULL: it never said that it is another meter */
	struct rhythm rhythm;
	int64_t probe_ms; /* silent: when to ask next */
	int64_t probe_wait_ms;
	bool silent;

	bool served;         /* measurements have been published and not been withdrawn */
	bool alarm_missed;   /* since the last good answer to an alarm poll */
	uint32_t missed;     /* measurement polls in a row */
	struct pace pace;    /* of those that were not */
	int64_t fast_ms;     /* last good measurement poll, 0: none */
	int64_t renew_ms;    /* served: when poller_keep_fresh() has to do something */
	int64_t away_ms;     /* since when it is offline, 0: never was online */
	int64_t told_ms;     /* last log line about a missed poll */
	bool told_offline;
	int32_t told_device; /* wrong device id that was logged, TOLD_NONE: none */
	char *why;           /* the last failure, for the log; NULL: none yet */
	int verdict;         /* of the last poll that ended: 0, -errno or BUS_EXCEPTION() */
};

/* That the meter is another one. */
struct claim {
	bool open;	     /* the last thing it said of itself: id */
	struct meter_id id;
	struct damper replaced; /* of claims that were believed */
};

/* poller.c: one poll */
void poll_begin(struct poll *poll, const struct pollmap *map, unsigned classes);
void poll_end(struct poll *poll);
/* Reads that bring nothing which is still wanted are left out. */
bool poll_reads_left(struct poll *poll);

/* poller.c: 1 when there is more to do at once, 0 when not */
void poller_drop_maps(struct poller *poller);
void poller_build_maps(struct poller *poller);
void poller_start_now(struct poller *poller, int64_t now_ms);
void poller_begin(struct poller *poller, struct poll *poll, unsigned classes, int64_t now_ms);
int poller_finish(struct poller *poller, struct poll *poll);

/* poller_comm.c */
void poller_set_why(struct poller *poller, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
enum comm_state poller_comm(const struct poller *poller);
void poller_give_up(struct poller *poller); /* the polls under way */
void poller_miss(struct poller *poller, unsigned classes, int64_t now_ms);
void poller_fall_silent(struct poller *poller, unsigned classes, int64_t now_ms);
/* In a poll the meter has said that it is another one. */
void poller_claimed(struct poller *poller, const struct meter_id *id);
/* The meter has been asked who it is, and said so. 1: go on with it. */
int poller_identified(struct poller *poller, const struct meter_id *id, int64_t now_ms);

/* poller_failure.c */
bool poller_exception_is_final(int rc);
/* A read was not answered as asked for. As poller_step(). */
int poller_failed(
	struct poller *poller, struct poll *poll, const struct plan_read *read, int rc);
/* All that is to be known of a refused read is known: on without it. */
int poller_go_without(struct poller *poller, const struct poll *poll);
/* The search has had its share of this poll, which is missed; the next one goes on. */
int poller_put_off(struct poller *poller, struct poll *poll);
/* Log what the meter refuses, when that is known to be all. */
void poller_tell_refused(struct poller *poller);
/* The meter has answered what it had refused. */
void poller_forgive(struct poller *poller, const struct plan_read *read);

/* poller_publish.c */
int64_t poller_fresh_until_ms(const struct poller *poller, int64_t now_ms);
void poller_publish(
	struct poller *poller, const struct poll *poll, bool stale_scales, int64_t now_ms);

#endif
