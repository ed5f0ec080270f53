#ifndef SIM_LINE_H
#define SIM_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/rtu.h"
#include "sim/stage.h"

struct utterance;

/* What the line saw of the bus master's manners since the last reset. */
struct line_counts {
	double since;
	double busy; /* seconds with characters on the wire */
	double smallest_gap; /* between the last character and the first of a request; INFINITY */
	uint64_t requests;   /* whole frames, for any unit */
	uint64_t bad;	     /* frames heard with a wrong check, or too short or long */
	uint64_t answers;    /* begun */
	uint64_t gap_violations; /* frames begun too soon after the last character */
	uint64_t collisions;	 /* frames begun into an answer that was going out */
	/* What a master cannot always know of: */
	uint64_t early;	   /* frames begun while an answer, or more of it, was still to come */
	uint64_t overruns; /* answers begun into a frame */
};

/*
 * One serial line and the meters on it, with the times of its characters. Where the bytes come from
 * and go to, a pty or a gateway, is its owner's business.
 */
struct line {
	struct stage *stage;
	struct line *next;
	char name[128];
	struct rtu_mode mode;
	void *owner;
	void (*emit)(void *owner, const uint8_t *bytes, size_t len);
	void (*finish)(void *owner, enum answer_end end); /* the connection ends, if there is one */

	/* hearing */
	uint8_t in[RTU_MAX + 1]; /* one more shows that it is too long */
	size_t n_in;
	double heard_end; /* of the last character of what is in it */
	bool merged;	  /* a second frame followed without a pause */

	/* speaking */
	struct utterance *first; /* the one being spoken, then those to come by their time */
	bool speaking;
	size_t sent;
	double started; /* the first character of what is being spoken */
	struct utterance *held; /* waits for the next request */
	double free_at[256];	/* when a unit has ended its last answer: it does one after another */

	double spoken_end; /* of the last character of a meter that reached the master */
	double excused_until; /* who speaks into what has broken a pause long enough for a frame's end */
	double wire_end;   /* of the last character of anybody */
	struct timer timer;
	struct line_counts counts;
};

void line_init(struct line *line, struct stage *stage, const struct rtu_mode *mode);
void line_fini(struct line *line);

/* Bytes have been put on the wire by the master, now. */
void line_hear(struct line *line, const uint8_t *bytes, size_t len, double now);

/* What is being said, and what was to be said, is gone. */
void line_hush(struct line *line);

/* Noise that nobody asked for. */
void line_noise(struct line *line, size_t len, double now);

void line_reset_counts(struct line *line, double now);

/* Counts as an object of JSON. */
void line_print(const struct line *line, FILE *out, double now);

#endif
