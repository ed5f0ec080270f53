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

enum fault_arg { ARG_NONE, ARG_NUMBER, ARG_CLOSE, ARG_REFUSE, ARG_UNIT, ARG_OPTIONAL };

struct kind {
	const char *name;
	enum fault_kind kind;
	enum fault_arg arg;
	long min, max;
	long usual; /* what goes without saying */
};

static const struct kind kinds[] = {
	{ "silent", FAULT_SILENT, ARG_NONE, 0, 0, 0 },
	{ "lost", FAULT_SILENT, ARG_NONE, 0, 0, 0 },
	{ "deaf", FAULT_DEAF, ARG_NONE, 0, 0, 0 },
	{ "unit-silent", FAULT_SILENT, ARG_UNIT, 1, 255, 0 },
	{ "late", FAULT_LATE, ARG_NUMBER, 1, 3600000, 0 },
	{ "exception", FAULT_EXCEPTION, ARG_NUMBER, 1, 255, 0 },
	{ "busy", FAULT_EXCEPTION, ARG_NONE, 0, 0, 6 },
	{ "close", FAULT_CLOSE, ARG_CLOSE, 0, 0, 0 },
	{ "truncate", FAULT_TRUNCATE, ARG_NUMBER, 0, ADU_MAX, 0 },
	{ "wrong-unit", FAULT_WRONG_UNIT, ARG_NONE, 0, 0, 0 },
	{ "wrong-function", FAULT_WRONG_FUNCTION, ARG_NONE, 0, 0, 0 },
	{ "wrong-transaction", FAULT_WRONG_TRANSACTION, ARG_NONE, 0, 0, 0 },
	{ "wrong-count", FAULT_WRONG_COUNT, ARG_NONE, 0, 0, 0 },
	{ "wrong-length", FAULT_WRONG_LENGTH, ARG_NONE, 0, 0, 0 },
	{ "wrong-protocol", FAULT_WRONG_PROTOCOL, ARG_NONE, 0, 0, 0 },
	{ "garbage", FAULT_GARBAGE, ARG_OPTIONAL, 1, ADU_MAX, 20 },
	{ "dribble", FAULT_DRIBBLE, ARG_NUMBER, 1, 60000, 0 },
	{ "duplicate", FAULT_DUPLICATE, ARG_NONE, 0, 0, 0 },
	{ "doubled", FAULT_DUPLICATE, ARG_NONE, 0, 0, 0 },
	{ "ignore-write", FAULT_IGNORE_WRITE, ARG_NONE, 0, 0, 0 },
	{ "latch-again", FAULT_LATCH_AGAIN, ARG_NONE, 0, 0, 0 },
	{ "refuse", FAULT_REFUSE, ARG_REFUSE, 0, 0, 0 },
	{ "reset", FAULT_RESET, ARG_CLOSE, 0, 0, 0 },
	{ "vanish", FAULT_VANISH, ARG_NONE, 0, 0, 0 },
	{ "bad-crc", FAULT_BAD_CRC, ARG_NONE, 0, 0, 0 },
	{ "noise-before", FAULT_NOISE_BEFORE, ARG_OPTIONAL, 1, ADU_MAX, 4 },
	{ "noise-after", FAULT_NOISE_AFTER, ARG_OPTIONAL, 1, ADU_MAX, 4 },
	{ "endless", FAULT_ENDLESS, ARG_OPTIONAL, 1, 600000, 1000 },
	{ "behind", FAULT_BEHIND, ARG_NONE, 0, 0, 0 },
	{ "earlier", FAULT_EARLIER, ARG_NONE, 0, 0, 0 },
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

	fault->arg = kind->usual;
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
	if (!word || parse_number(word, kind->min, kind->max, &number) < 0)
		return kind->arg == ARG_OPTIONAL ? 0 : -1;
	if (kind->arg == ARG_UNIT)
		fault->unit = (unsigned)number;
	else
		fault->arg = number;
	return 1;
}

/* "5%" or "0.05" */
static int parse_chance(const char *text, double *chance)
{
	char *end;

	*chance = strtod(text, &end);
	if (end != text && !strcmp(end, "%")) {
		*chance /= 100;
		end++;
	}
	return end == text || *end || !(*chance > 0) || *chance > 1 ? -1 : 0;
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
	if (!strcmp(name, "random"))
		return parse_chance(value, &fault->chance) < 0 ? "random wants 0.05 or 5%" : NULL;
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
		return "limits are: unit, function, regs, count, for, every, random";
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
	struct fault fault = { .first = 1, .last = 65535, .every = 1, .chance = 1, .left = -1 };
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

/* splitmix64 */
static uint64_t roll(struct fault_list *list)
{
	uint64_t z = list->dice += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool happens(struct fault_list *list, double chance)
{
	return chance >= 1 || (double)(roll(list) >> 11) * 0x1p-53 < chance;
}

const struct fault *fault_fires(
	struct fault_list *list, const struct fault_target *target, double now)
{
	expire(list, now);
	for (unsigned i = 0; i < list->n; i++) {
		struct fault *fault = &list->fault[i];

		if (!matches(fault, target) || ++fault->seen % fault->every ||
			!happens(list, fault->chance))
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
	expire(list, now);
	return fault_refusal(list);
}

int fault_refusal(const struct fault_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->fault[i].kind == FAULT_REFUSE)
			return (int)list->fault[i].arg;
	return -1;
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

void fault_noise(struct fault_list *list, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(roll(list) >> 24);
}

static void make_exception(struct answer *answer, const uint8_t *request_pdu, long code)
{
	answer->bytes[answer->head] = request_pdu[0] | 0x80;
	answer->bytes[answer->head + 1] = (uint8_t)code;
	answer->len = answer->head + 2;
}

/* A read that was answered with words. */
static bool has_words(const struct answer *answer)
{
	const uint8_t *pdu = answer->bytes + answer->head;

	return answer->len >= answer->head + 4 && pdu[0] <= 4 && pdu[1] >= 2;
}

/* The answer lacks its last register and its lengths agree: only the asker can tell. */
static void miscount(struct answer *answer)
{
	if (!has_words(answer)) {
		answer->bytes[answer->len - 1] ^= 1; /* a write's echo: another count or value */
		return;
	}
	answer->bytes[answer->head + 1] = (uint8_t)(answer->bytes[answer->head + 1] - 2);
	answer->len -= 2;
}

void fault_spoil_content(
	const struct fault *fault, const uint8_t *request_pdu, struct answer *answer)
{
	switch (fault->kind) {
	case FAULT_EXCEPTION:
		make_exception(answer, request_pdu, fault->arg);
		break;
	case FAULT_WRONG_UNIT:
		answer->bytes[answer->head - 1] ^= 0x40;
		break;
	case FAULT_WRONG_FUNCTION:
		answer->bytes[answer->head] ^= 0x07;
		break;
	case FAULT_WRONG_COUNT:
		miscount(answer);
		break;
	case FAULT_WRONG_LENGTH: /* in RTU the only length there is; see also below */
		if (answer->framing == FRAMING_RTU)
			answer->bytes[answer->head + 1] ^= 4;
		break;
	default:
		break;
	}
}

static void insert_noise(struct fault_list *list, struct answer *answer, size_t at, size_t len)
{
	memmove(answer->bytes + at + len, answer->bytes + at, answer->len - at);
	fault_noise(list, answer->bytes + at, len);
	answer->len += len;
}

void fault_spoil_frame(struct fault_list *list, const struct fault *fault, struct answer *answer)
{
	uint8_t *bytes = answer->bytes;

	switch (fault->kind) {
	case FAULT_LATE:
		answer->delay += (double)fault->arg / 1000;
		break;
	case FAULT_CLOSE:
	case FAULT_RESET:
		answer->len = fault->arg == CLOSE_MID ? answer->len / 2 : 0;
		answer->end = fault->kind == FAULT_RESET ? END_RESET : END_CLOSE;
		break;
	case FAULT_VANISH:
		answer->len = 0;
		answer->end = END_VANISH;
		break;
	case FAULT_TRUNCATE:
		if (answer->len > (size_t)fault->arg)
			answer->len = (size_t)fault->arg;
		break;
	case FAULT_WRONG_TRANSACTION:
		if (answer->framing == FRAMING_TCP)
			bytes[1] ^= 0x55;
		break;
	case FAULT_WRONG_LENGTH:
		if (answer->framing == FRAMING_TCP)
			bytes[5] = (uint8_t)(bytes[5] + 4);
		break;
	case FAULT_WRONG_PROTOCOL:
		if (answer->framing == FRAMING_TCP)
			bytes[2] ^= 0x12;
		break;
	case FAULT_GARBAGE:
		answer->len = (size_t)fault->arg;
		fault_noise(list, bytes, answer->len);
		break;
	case FAULT_DRIBBLE:
		answer->gap = (double)fault->arg / 1000;
		break;
	case FAULT_DUPLICATE:
		memcpy(bytes + answer->len, bytes, answer->len);
		answer->len *= 2;
		break;
	case FAULT_BAD_CRC:
		if (answer->framing == FRAMING_RTU)
			bytes[answer->len - 1] ^= 0x10;
		break;
	case FAULT_NOISE_BEFORE:
	case FAULT_NOISE_AFTER:
		insert_noise(list, answer, fault->kind == FAULT_NOISE_BEFORE ? 0 : answer->len,
			(size_t)fault->arg);
		break;
	case FAULT_ENDLESS:
		answer->babble = (double)fault->arg / 1000;
		break;
	case FAULT_BEHIND:
		answer->held = true;
		break;
	default: /* seen to elsewhere */
		break;
	}
}
