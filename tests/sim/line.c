/*
 * A serial line with the times of its characters. The transport under it takes a request whole and
 * at once; here it lasts as long as its characters do, the meter notices its end by the silence
 * behind it, and the answer leaves character by character at absolute times, so that nothing
 * drifts and nothing is ever faster than the wire. Meters on one line answer one after another, and
 * nothing is garbled where two speak: whole frames at the wrong time are the hardest for a master.
 * It is counted instead.
 */
#include "config.h"

#include "sim/line.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/answer.h"

#define BABBLE_STEP 0.0001 /* seconds a byte where there is no pace */
#define GRAIN	    0.0004 /* characters of fast lines leave together for so long, as from a FIFO */
#define REACTION    0.005  /* seconds from what a master decides to what we see of it, at most */
#define SURPRISE    0.05   /* ... where it depends on how busy the host is */
#define PATIENCE    0.1	   /* seconds in which a master does not give up an answer */

struct utterance {
	struct utterance *next;
	double begin; /* not before */
	double step;  /* seconds a character */
	double asked; /* when the request ended */
	bool noise;   /* the master could not know */
	enum answer_end end;
	size_t len;
	uint8_t bytes[];
};

static void work_line(struct timer *timer, double now);

void line_init(struct line *line, struct stage *stage, const struct rtu_mode *mode)
{
	line->stage = stage;
	line->mode = *mode;
	line->wire_end = line->spoken_end = line->excused_until = -INFINITY;
	line->timer.fire = work_line;
	line_reset_counts(line, reactor_now());
	line->next = stage->lines;
	stage->lines = line;
}

void line_hush(struct line *line)
{
	struct utterance *next;

	for (struct utterance *at = line->first; at; at = next) {
		next = at->next;
		free(at);
	}
	free(line->held);
	line->first = line->held = NULL;
	line->speaking = line->merged = false;
	line->n_in = 0;
	memset(line->free_at, 0, sizeof(line->free_at));
	reactor_cancel(&line->stage->reactor, &line->timer);
}

void line_fini(struct line *line)
{
	struct line **at = &line->stage->lines;

	line_hush(line);
	while (*at && *at != line)
		at = &(*at)->next;
	if (*at)
		*at = line->next;
}

/* ---- speaking ---- */

static double speaking_time(const struct utterance *utterance)
{
	return (double)utterance->len * utterance->step;
}

/* Behind what is being spoken, and what comes no later. */
static void enqueue(struct line *line, struct utterance *utterance)
{
	struct utterance **at = &line->first;

	if (line->speaking)
		at = &line->first->next;
	while (*at && (*at)->begin <= utterance->begin)
		at = &(*at)->next;
	utterance->next = *at;
	*at = utterance;
}

static struct utterance *new_utterance(const struct line *line, size_t len, double gap)
{
	struct utterance *utterance = calloc(1, sizeof(*utterance) + len);

	if (!utterance)
		abort();
	utterance->step = line->mode.character + gap;
	utterance->len = len;
	return utterance;
}

static struct utterance *from_answer(struct line *line, const struct answer *answer)
{
	double step = fmax(line->mode.character + answer->gap, BABBLE_STEP);
	size_t more = answer->babble > 0 ? (size_t)(answer->babble / step) : 0;
	struct utterance *utterance = new_utterance(line, answer->len + more, answer->gap);

	memcpy(utterance->bytes, answer->bytes, answer->len);
	if (more) {
		fault_noise(&line->stage->faults, utterance->bytes + answer->len, more);
		utterance->step = step;
	}
	utterance->end = answer->end;
	return utterance;
}

/* One frame after another, with the silence between them. */
static double starting_time(const struct line *line)
{
	return fmax(line->first->begin, line->spoken_end + line->mode.silence);
}

static void begin_speaking(struct line *line, double now)
{
	const struct utterance *utterance = line->first;

	line->started = starting_time(line);
	line->speaking = true;
	line->sent = 0;
	if (utterance->noise || !utterance->len)
		return;
	line->counts.answers++;
	if (line->n_in && now < line->heard_end)
		line->counts.overruns++;
}

static void end_speaking(struct line *line)
{
	struct utterance *utterance = line->first;

	line->first = utterance->next;
	line->speaking = false;
	line->counts.busy += (double)utterance->len * line->mode.character;
	if (utterance->end != END_NOTHING)
		line->finish(line->owner, utterance->end);
	free(utterance);
}

/* When the character at an index has arrived whole. */
static double arrival(const struct line *line, size_t index)
{
	return line->started + (double)(index + 1) * line->first->step;
}

/*
 * A master waits for an answer. It does not for one that it has given up, nor for the rest of one
 * that stopped in its middle, because this process did not get on: such may begin while its
 * next request is on the way, through buffers that others have to work at.
 */
static double reaction(const struct utterance *utterance, size_t from, double now)
{
	bool surprise = from > 0 || now - utterance->asked > PATIENCE;

	return surprise && !utterance->noise ? SURPRISE : REACTION;
}

/* Whoever listens may get it at any time from before it was written to after that. */
static void emit(struct line *line, size_t from)
{
	const struct utterance *utterance = line->first;
	double before = reactor_now(), after;

	stage_trace(line->stage, ">", utterance->bytes + from, line->sent - from);
	line->emit(line->owner, utterance->bytes + from, line->sent - from);
	after = reactor_now();
	if (after - line->spoken_end >= line->mode.silence)
		line->excused_until = after + reaction(utterance, from, before);
	line->spoken_end = before;
	line->wire_end = fmax(line->wire_end, before);
}

/* Say what is due of the first utterance. Returns false when there is nothing more to do now. */
static bool speak(struct line *line, double now)
{
	struct utterance *utterance = line->first;
	size_t from;

	if (!utterance)
		return false;
	if (!line->speaking) {
		if (starting_time(line) > now)
			return false;
		begin_speaking(line, now);
	}
	from = line->sent;
	while (line->sent < utterance->len && arrival(line, line->sent) <= now)
		line->sent++;
	if (line->sent > from)
		emit(line, from);
	if (line->sent < utterance->len)
		return false;
	end_speaking(line);
	return true;
}

static double next_moment(const struct line *line, double now)
{
	double moment = line->n_in ? line->heard_end + line->mode.silence : INFINITY;

	if (line->first && !line->speaking)
		return fmin(moment, starting_time(line));
	if (!line->first)
		return moment;
	double last = arrival(line, line->first->len - 1), next = arrival(line, line->sent);

	return fmin(moment, next >= last ? last : fmin(last, fmax(next, now + GRAIN)));
}

static void schedule(struct line *line, double now)
{
	double moment = next_moment(line, now);

	if (isfinite(moment))
		reactor_set(&line->stage->reactor, &line->timer, moment);
	else
		reactor_cancel(&line->stage->reactor, &line->timer);
}

/* ---- hearing ---- */

static void say_held(struct line *line, double at)
{
	struct utterance *held = line->held;

	if (!held)
		return;
	line->held = NULL;
	held->begin = at;
	enqueue(line, held);
}

static void say(struct line *line, const struct answer *answer, unsigned unit, double at)
{
	struct utterance *utterance = from_answer(line, answer);
	double free_at = line->free_at[unit] > 0 ? line->free_at[unit] + line->mode.silence : 0;

	utterance->asked = at;
	if (answer->held) {
		free(line->held);
		line->held = utterance;
		return;
	}
	utterance->begin = fmax(at + answer->delay, free_at);
	line->free_at[unit] = utterance->begin + speaking_time(utterance);
	enqueue(line, utterance);
}

/* Silence has ended a frame, at that moment. */
static void take_frame(struct line *line, double at)
{
	struct answer answer;
	size_t len = line->n_in;

	line->n_in = 0;
	line->merged = false;
	stage_trace(line->stage, "<", line->in, len);
	if (!rtu_good(line->in, len)) {
		line->counts.bad++;
		return;
	}
	line->counts.requests++;
	say_held(line, at);
	answer_request(line->stage, FRAMING_RTU, line->in, len, at, &answer);
	if (answer.len || answer.end != END_NOTHING)
		say(line, &answer, line->in[0], at);
}

static void settle(struct line *line, double now)
{
	double end = line->heard_end + line->mode.silence;

	if (line->n_in && now >= end)
		take_frame(line, end);
}

static void work_line(struct timer *timer, double now)
{
	struct line *line = OWNER(timer, struct line, timer);

	settle(line, now);
	while (speak(line, now))
		;
	schedule(line, now);
}

/* The master begins a frame: was it its turn? */
static void judge(struct line *line, double now)
{
	double gap = now - line->wire_end;

	/* It knows what has reached it: a pause long enough ends a frame, whatever is to follow...
	 */
	bool soon = now - line->spoken_end < line->mode.silence;

	/* ... and what has broken such a pause a moment ago it may not have seen. */
	if (soon && now < line->excused_until) {
		line->counts.early++;
		return;
	}
	if (line->speaking && soon) {
		line->counts.collisions++;
		return;
	}
	for (const struct utterance *at = line->first; at; at = at->next)
		if (!at->noise) {
			line->counts.early++;
			break;
		}
	if (!isfinite(gap) || !line->mode.baud)
		return;
	line->counts.smallest_gap = fmin(line->counts.smallest_gap, fmax(gap, 0));
	if (gap < line->mode.silence)
		line->counts.gap_violations++;
}

void line_hear(struct line *line, const uint8_t *bytes, size_t len, double now)
{
	double lasting = (double)len * line->mode.character;
	size_t room = sizeof(line->in) - line->n_in;

	settle(line, now);
	if (!line->n_in) {
		judge(line, now);
		line->heard_end = now;
	} else if (!line->merged && rtu_whole(line->in, line->n_in)) {
		line->merged = true; /* the meter takes both for one */
		line->counts.gap_violations++;
	}
	memcpy(line->in + line->n_in, bytes, len < room ? len : room);
	line->n_in += len < room ? len : room;
	line->heard_end = fmax(line->heard_end, now) + lasting;
	line->wire_end = fmax(line->wire_end, line->heard_end);
	line->counts.busy += lasting;
	if (!line->mode.baud && rtu_whole(line->in, line->n_in))
		take_frame(line, now);
	work_line(&line->timer, now);
}

void line_noise(struct line *line, size_t len, double now)
{
	struct utterance *utterance = new_utterance(line, len, 0);

	fault_noise(&line->stage->faults, utterance->bytes, len);
	utterance->begin = now;
	utterance->noise = true;
	enqueue(line, utterance);
	work_line(&line->timer, now);
}

/* ---- the judge's papers ---- */

void line_reset_counts(struct line *line, double now)
{
	line->counts = (struct line_counts){ .since = now, .smallest_gap = INFINITY };
}

void line_print(const struct line *line, FILE *out, double now)
{
	const struct line_counts *counts = &line->counts;

	fprintf(out, "{\"line\":\"%s\",\"baud\":%u,\"mode\":\"%s\",\"seconds\":%.6f", line->name,
		line->mode.baud, line->mode.text, now - counts->since);
	fprintf(out, ",\"busy\":%.6f,\"requests\":%" PRIu64 ",\"answers\":%" PRIu64, counts->busy,
		counts->requests, counts->answers);
	fprintf(out, ",\"bad_crc\":%" PRIu64 ",\"gap_violations\":%" PRIu64, counts->bad,
		counts->gap_violations);
	fprintf(out, ",\"collisions\":%" PRIu64 ",\"early\":%" PRIu64 ",\"overruns\":%" PRIu64,
		counts->collisions, counts->early, counts->overruns);
	fprintf(out, ",\"needed_gap_us\":%.0f", line->mode.baud ? line->mode.silence * 1e6 : 0.0);
	if (isfinite(counts->smallest_gap))
		fprintf(out, ",\"smallest_gap_us\":%.0f}", counts->smallest_gap * 1e6);
	else
		fputs(",\"smallest_gap_us\":null}", out);
}
