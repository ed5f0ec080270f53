/*
 * Misbehaviour to order. A fault is chosen per request (first match in the order given) and works
 * on the finished answer, so that the meter behind it needs to know nothing of faults.
 */
#include "config.h"

#include "sim/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MBAP 7 /* transaction, protocol, length, unit; then the PDU begins */

enum fault_arg { ARG_NONE, ARG_NUMBER, ARG_CLOSE, ARG_REFUSE, ARG_UNIT, ARG_OPTIONAL };

struct kind {
	const char *name;
	enum fault_kind kind;
	enum fault_arg arg;
	long min, max;
};

static const struct kind kinds[] = {
	{ "silent", FAULT_SILENT, ARG_NONE, 0, 0 },
	{ "deaf", FAULT_DEAF, ARG_NONE, 0, 0 },
	{ "unit-silent", FAULT_SILENT, ARG_UNIT, 1, 255 },
	{ "late", FAULT_LATE, ARG_NUMBER, 1, 3600000 },
	{ "exception", FAULT_EXCEPTION, ARG_NUMBER, 1, 255 },
	{ "close", FAULT_CLOSE, ARG_CLOSE, 0, 0 },
	{ "truncate", FAULT_TRUNCATE, ARG_NUMBER, 0, ADU_MAX },
	{ "wrong-unit", FAULT_WRONG_UNIT, ARG_NONE, 0, 0 },
	{ "wrong-function", FAULT_WRONG_FUNCTION, ARG_NONE, 0, 0 },
	{ "wrong-transaction", FAULT_WRONG_TRANSACTION, ARG_NONE, 0, 0 },
	{ "wrong-count", FAULT_WRONG_COUNT, ARG_NONE, 0, 0 },
	{ "wrong-length", FAULT_WRONG_LENGTH, ARG_NONE, 0, 0 },
	{ "wrong-protocol", FAULT_WRONG_PROTOCOL, ARG_NONE, 0, 0 },
	{ "garbage", FAULT_GARBAGE, ARG_OPTIONAL, 1, ADU_MAX },
	{ "dribble", FAULT_DRIBBLE, ARG_NUMBER, 1, 60000 },
	{ "duplicate", FAULT_DUPLICATE, ARG_NONE, 0, 0 },
	{ "ignore-write", FAULT_IGNORE_WRITE, ARG_NONE, 0, 0 },
	{ "latch-again", FAULT_LATCH_AGAIN, ARG_NONE, 0, 0 },
	{ "refuse", FAULT_REFUSE, ARG_REFUSE, 0, 0 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int parse_number(const char *text, long min, long max, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, 0);
	return errno || end == text || *end || *number < min || *number > max ? -1 : 0;
}

/* "100-141" or "5" */
static int parse_range(const char *text, unsigned *first, unsigned *last)
{
	char *end;

	*first = *last = (unsigned)strtoul(text, &end, 10);
	if (end != text && *end == '-') {
		text = end + 1;
		*last = (unsigned)strtoul(text, &end, 10);
	}
	return end == text || *end || *first < 1 || *last > 65535 || *first > *last ? -1 : 0;
}

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* The word behind the kind. Returns how many words it took, or -1. */
static int parse_arg(struct fault *fault, const struct kind *kind, const char *word)
{
	static const char *const closings[] = { "before", "mid" };
	static const char *const refusals[] = { "listen", "accept" };
	const char *const *choice = kind->arg == ARG_CLOSE ? closings : refusals;
	long number;

	if (kind->arg == ARG_NONE)
		return 0;
	if (kind->arg == ARG_CLOSE || kind->arg == ARG_REFUSE) {
		for (int i = 0; word && i < 2; i++)
			if (!strcmp(word, choice[i])) {
				fault->arg = i;
				return 1;
			}
		return 0; /* the first is what goes without saying */
	}
	if (!word || parse_number(word, kind->min, kind->max, &number) < 0) {
		fault->arg = 20;
		return kind->arg == ARG_OPTIONAL ? 0 : -1;
	}
	if (kind->arg == ARG_UNIT)
		fault->unit = (unsigned)number;
	else
		fault->arg = number;
	return 1;
}

static const char *parse_limit(struct fault *fault, const char *name, const char *value, double now)
{
	char *end;
	long number;

	if (!strcmp(name, "for")) {
		double seconds = strtod(value, &end);

		if (end == value || *end || !(seconds > 0))
			return "for wants seconds";
		fault->until = now + seconds;
		return NULL;
	}
	if (!strcmp(name, "regs"))
		return parse_range(value, &fault->first, &fault->last) < 0 ? "regs wants FIRST-LAST"
									   : NULL;
	if (parse_number(value, 1, 1000000000, &number) < 0)
		return "a limit wants a number from 1";
	if (!strcmp(name, "count"))
		fault->left = number;
	else if (!strcmp(name, "every"))
		fault->every = (unsigned long)number;
	else if (!strcmp(name, "unit"))
		fault->unit = (unsigned)number;
	else if (!strcmp(name, "function"))
		fault->function = (unsigned)number;
	else
		return "limits are: unit, function, regs, count, for, every";
	return NULL;
}

static void keep_text(struct fault *fault, char *const *words, unsigned n_words)
{
	size_t used = 0;

	for (unsigned i = 0; i < n_words && used < sizeof(fault->text); i++)
		used += (size_t)snprintf(fault->text + used, sizeof(fault->text) - used, "%s%s",
			i ? " " : "", words[i]);
}

const char *fault_order(struct fault_list *list, char *const *words, unsigned n_words, double now)
{
	struct fault fault = { .first = 1, .last = 65535, .every = 1, .left = -1 };
	const struct kind *kind = n_words ? find_kind(words[0]) : NULL;
	const char *problem;
	int taken;

	if (n_words == 1 && !strcmp(words[0], "none")) {
		list->n = 0;
		return NULL;
	}
	if (!kind)
		return "no such fault";
	if (list->n == FAULTS_MAX)
		return "too many faults at once";
	fault.kind = kind->kind;
	taken = parse_arg(&fault, kind, n_words > 1 ? words[1] : NULL);
	if (taken < 0)
		return "the fault wants a number in its range behind it";
	for (unsigned i = 1 + (unsigned)taken; i < n_words; i += 2) {
		if (i + 1 == n_words)
			return "a limit wants a value behind it";
		problem = parse_limit(&fault, words[i], words[i + 1], now);
		if (problem)
			return problem;
	}
	keep_text(&fault, words, n_words);
	list->fault[list->n++] = fault;
	return NULL;
}

static void forget(struct fault_list *list, unsigned index)
{
	list->n--;
	memmove(&list->fault[index], &list->fault[index + 1],
		(list->n - index) * sizeof(struct fault));
}

static void expire(struct fault_list *list, double now)
{
	for (unsigned i = list->n; i-- > 0;)
		if (list->fault[i].left == 0 ||
			(list->fault[i].until > 0 && now >= list->fault[i].until))
			forget(list, i);
}

static bool matches(const struct fault *fault, const struct fault_target *target)
{
	bool any = fault->first == 1 && fault->last == 65535;

	return fault->kind != FAULT_REFUSE && (!fault->unit || fault->unit == target->unit) &&
	       (!fault->function || fault->function == target->function) &&
	       (any || (target->first && target->first <= fault->last &&
			       target->last >= fault->first));
}

const struct fault *fault_fires(
	struct fault_list *list, const struct fault_target *target, double now)
{
	expire(list, now);
	for (unsigned i = 0; i < list->n; i++) {
		struct fault *fault = &list->fault[i];

		if (!matches(fault, target) || ++fault->seen % fault->every)
			continue;
		if (fault->left > 0)
			fault->left--;
		return fault;
	}
	return NULL;
}

static struct fault *find_refusal(struct fault_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->fault[i].kind == FAULT_REFUSE)
			return &list->fault[i];
	return NULL;
}

int fault_refuses(struct fault_list *list, double now)
{
	const struct fault *fault;

	expire(list, now);
	fault = find_refusal(list);
	return fault ? (int)fault->arg : -1;
}

void fault_refused(struct fault_list *list)
{
	struct fault *fault = find_refusal(list);

	if (fault && fault->left > 0)
		fault->left--;
}

double fault_deadline(const struct fault_list *list, double now)
{
	double nearest = -1;

	for (unsigned i = 0; i < list->n; i++) {
		double left = list->fault[i].until - now;

		if (list->fault[i].until > 0 && (nearest < 0 || left < nearest))
			nearest = left > 0 ? left : 0;
	}
	return nearest;
}

/* ---- spoiling ---- */

static void set_length(struct answer *answer)
{
	size_t pdu = answer->len - MBAP + 1;

	answer->adu[4] = (uint8_t)(pdu >> 8);
	answer->adu[5] = (uint8_t)pdu;
}

static void make_exception(struct answer *answer, const uint8_t *request, long code)
{
	answer->adu[MBAP] = request[MBAP] | 0x80;
	answer->adu[MBAP + 1] = (uint8_t)code;
	answer->len = MBAP + 2;
	set_length(answer);
}

/* The answer lacks its last register and its lengths agree: only the asker can tell. */
static void miscount(struct answer *answer)
{
	if (answer->len < MBAP + 4 || answer->adu[MBAP + 1] < 2 || answer->adu[MBAP] > 4) {
		answer->adu[answer->len - 1] ^= 1; /* a write's echo: another count or value */
		return;
	}
	answer->adu[MBAP + 1] = (uint8_t)(answer->adu[MBAP + 1] - 2);
	answer->len -= 2;
	set_length(answer);
}

/* Noise, the same in each run. */
static void scramble(struct answer *answer, size_t len)
{
	uint32_t state = 0x2545f491;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		answer->adu[i] = (uint8_t)(state >> 24);
	}
	answer->len = len;
}

void fault_spoil(const struct fault *fault, const uint8_t *request, struct answer *answer)
{
	if (!answer->len)
		return;
	switch (fault->kind) {
	case FAULT_SILENT:
		answer->len = 0;
		break;
	case FAULT_LATE:
		answer->delay += (double)fault->arg / 1000;
		break;
	case FAULT_EXCEPTION:
		make_exception(answer, request, fault->arg);
		break;
	case FAULT_CLOSE:
		answer->len = fault->arg == CLOSE_MID ? answer->len / 2 : 0;
		answer->close = true;
		break;
	case FAULT_TRUNCATE:
		if (answer->len > (size_t)fault->arg)
			answer->len = (size_t)fault->arg;
		break;
	case FAULT_WRONG_UNIT:
		answer->adu[6] ^= 0x40;
		break;
	case FAULT_WRONG_FUNCTION:
		answer->adu[MBAP] ^= 0x07;
		break;
	case FAULT_WRONG_TRANSACTION:
		answer->adu[1] ^= 0x55;
		break;
	case FAULT_WRONG_COUNT:
		miscount(answer);
		break;
	case FAULT_WRONG_LENGTH:
		answer->adu[5] = (uint8_t)(answer->adu[5] + 4);
		break;
	case FAULT_WRONG_PROTOCOL:
		answer->adu[2] ^= 0x12;
		break;
	case FAULT_GARBAGE:
		scramble(answer, (size_t)fault->arg);
		break;
	case FAULT_DRIBBLE:
		answer->gap = (double)fault->arg / 1000;
		break;
	case FAULT_DUPLICATE:
		memcpy(answer->adu + answer->len, answer->adu, answer->len);
		answer->len *= 2;
		break;
	case FAULT_DEAF:
	case FAULT_LATCH_AGAIN:
	case FAULT_IGNORE_WRITE: /* the server has seen to it */
	case FAULT_REFUSE:
		break;
	}
}
