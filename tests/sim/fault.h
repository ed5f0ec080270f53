#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADU_MAX 260

enum fault_kind {
	FAULT_SILENT, /* done, but not answered */
	FAULT_DEAF,   /* not even heard: nothing is done */
	FAULT_LATE,
	FAULT_EXCEPTION,
	FAULT_CLOSE,
	FAULT_TRUNCATE,
	FAULT_WRONG_UNIT,
	FAULT_WRONG_FUNCTION,
	FAULT_WRONG_TRANSACTION,
	FAULT_WRONG_COUNT,
	FAULT_WRONG_LENGTH,
	FAULT_WRONG_PROTOCOL,
	FAULT_GARBAGE,
	FAULT_DRIBBLE,
	FAULT_DUPLICATE,
	FAULT_IGNORE_WRITE,
	FAULT_LATCH_AGAIN, /* done, but what a write has cleared latches again before it is answered */
	FAULT_REFUSE,
	FAULT_RESET,  /* RST instead of FIN */
	FAULT_VANISH, /* half open: the connection stays, nobody is there */
	FAULT_BAD_CRC,
	FAULT_NOISE_BEFORE,
	FAULT_NOISE_AFTER,
	FAULT_ENDLESS,
	FAULT_BEHIND, /* kept back until the next request is heard */
	FAULT_EARLIER /* the answer to an earlier request of the same shape */
};

enum { CLOSE_BEFORE, CLOSE_MID };
enum { REFUSE_LISTEN, REFUSE_ACCEPT };

/* One order to misbehave, and to whom, how often, until when. */
struct fault {
	enum fault_kind kind;
	long arg; /* milliseconds, exception code, bytes, or one of the enums above */
	unsigned unit, function;   /* 0: any */
	unsigned first, last;	   /* printed register numbers */
	unsigned long every, seen; /* every N-th matching request; 1: each */
	double chance;		   /* of each of those; 1: certain */
	long left;		   /* firings to come, -1: no end */
	double until;		   /* real seconds, 0: no end */
	char text[120];		   /* as it was ordered */
};

#define FAULTS_MAX 16

struct fault_list {
	struct fault fault[FAULTS_MAX];
	unsigned n;
	uint64_t dice; /* state of the random numbers; the seed at the start */
};

/* What a request is about, for matching. first..last are register numbers, 0..0 if it has none. */
struct fault_target {
	unsigned unit, function, first, last;
};

#define ANSWER_MAX (4 * ADU_MAX)

enum framing { FRAMING_TCP, FRAMING_RTU };
enum answer_end { END_NOTHING, END_CLOSE, END_RESET, END_VANISH };

/* How an answer leaves: bytes, when, and what then. */
struct answer {
	enum framing framing;
	uint8_t bytes[ANSWER_MAX];
	size_t head;   /* bytes before the PDU, the last of them the unit */
	size_t len;    /* 0: nothing is sent */
	double delay;  /* real seconds before the first byte */
	double gap;    /* real seconds more between single bytes; 0: as fast as it goes */
	double babble; /* real seconds of noise that follow without a pause */
	bool held;     /* leaves when the next request is heard, before that one's own answer */
	enum answer_end end; /* of the connection, behind it */
};

/*
 * Take the order in words ("exception", "6", "count", "3"). Returns NULL, or what is wrong with it.
 * "none" alone forgets all orders.
 */
const char *fault_order(struct fault_list *list, char *const *words, unsigned n_words, double now);

/* The first fault that fires for this request, counted as fired; NULL: behave. */
const struct fault *fault_fires(
	struct fault_list *list, const struct fault_target *target, double now);

/* Is the door shut? Returns REFUSE_LISTEN, REFUSE_ACCEPT or -1. The second forgets nothing. */
int fault_refuses(struct fault_list *list, double now);
int fault_refusal(const struct fault_list *list);

/* Accepting a connection under REFUSE_ACCEPT spends one firing. */
void fault_refused(struct fault_list *list);

/* Seconds to the end of the nearest limited fault, or -1. */
double fault_deadline(const struct fault_list *list, double now);

/* Noise: another piece at each call, the same in each run with one seed. */
void fault_noise(struct fault_list *list, uint8_t *bytes, size_t len);

/* Spoil what a right answer says, before its frame is closed: unit, PDU. */
void fault_spoil_content(const struct fault *fault, const uint8_t *request_pdu, struct answer *answer);

/* Spoil the finished frame and the way it leaves. */
void fault_spoil_frame(
	struct fault_list *list, const struct fault *fault, struct answer *answer);

#endif
