/*
 * news: what a poller has to say of its panel, on the way to the journal.
 *
 * Owned by a poller, or by nobody but the stack of who speaks for a panel that
 * has none any more. One unit of news goes along with every snapshot: what
 * happened, and what has to be remembered of the panel, are posted together and
 * before the snapshot is published, so that nobody sees a state without its
 * event. From the first thing told to news_post() the numbers of events are held
 * back from everybody: no I/O, no log in between.
 */
#ifndef METERX_MODBUS_NEWS_H
#define METERX_MODBUS_NEWS_H

#include "alarm/damper.h"
#include "alarm/journal.h"
#include "alarm/tell.h"
#include "modbus/meter.h"
#include "store/site.h"

/* What happened to energy counters and was told, or not yet. */
struct energy_news {
	struct damper damper;
	struct meter_news untold;
};

struct news {
	struct site *site; /* reference */
	const struct panel_conf *conf; /* in it */
	struct slot *slot; /* reference */
	struct panel_memory memory; /* as the journal has it, but for what has just been told */
	bool changed; /* told since */
	struct energy_news *energy; /* NULL: nothing has happened to energy counters yet */
	struct journal_batch *batch; /* while there is something to post */
	struct alarm_transitions transitions; /* of the last news_alarms() or news_replaced() */
};

/* With what is remembered of the panel. */
void news_init(struct news *news, struct site *site, const struct panel *panel);
void news_fini(struct news *news);
/* The same panel of a newer configuration. */
void news_adopt(struct news *news, struct site *site, const struct panel *panel);
/* The alarms that are remembered are shown until the meter answers, if none are yet. */
void news_restore(struct news *news, int64_t now_ms);

/* Take in the status words and counters of a snapshot about to be published; sets its book. */
void news_alarms(struct news *news, struct snapshot *snapshot, int64_t now_ms);
/* The same for digital inputs: changes against what is remembered, also of before a restart. */
void news_inputs(struct news *news, struct snapshot *snapshot, int64_t now_ms);
/* Each is told once until the other is, also over a restart. */
void news_online(struct news *news, int64_t serial, int64_t away_ms);
void news_offline(struct news *news, const char *why);
/*
 * What happened to energy counters at this poll. Told at once, but not at every
 * poll of a meter that does so for ever: what comes during a hold is told after
 * it, in one. Afterwards energy is what was told now.
 */
void news_energy(struct news *news, struct meter_news *energy, int64_t now_ms);
/*
 * Another meter is in place of the one that snapshot shows: its alarms end. The
 * snapshot is then to be cleared.
 */
void news_replaced(struct news *news, const struct snapshot *snapshot, int64_t now_ms,
	const struct meter_id *before, const struct meter_id *now);
/* Post what was told, with what has to be remembered now. The snapshot is published after this. */
void news_post(struct news *news, const struct snapshot *snapshot, const struct meter_id *id);

/*
 * Panels of a link that the next site does not poll at all: their alarms end, and
 * so does what was told of their being offline; nothing is remembered of them.
 * Their pollers are gone.
 */
void news_dismiss(struct site *site, const struct link_conf *link, const struct site *next);

/* The same at the start, for panels that were taken out or switched off while no agent ran. */
void news_dismiss_others(struct journal *journal, const struct config *config);

/*
 * Links that were told down and are not in the configuration any more: what was
 * told of them ends. When their threads have ended. Main thread.
 */
void news_dismiss_links(struct journal *journal, const struct config *config);

#endif
