/*
 * From a request to the answer as it leaves: the fault that fires, the meter, the frame around what
 * it says. The same for Modbus TCP and RTU, so that a fault means the same on both.
 */
#include "config.h"

#include "sim/answer.h"

#include <string.h>

#include "sim/alarm.h"
#include "sim/modbus.h"
#include "sim/rtu.h"

#define MBAP 7 /* transaction, protocol, length, unit; then the PDU begins */

struct question {
	unsigned unit, first;
	const uint8_t *pdu;
	size_t len;
};

/* ---- what was answered before ---- */

/* Put another's answer of the same shape in the place of this one, if there is any. */
static void take_earlier(
	const struct stage *stage, const struct question *question, struct answer *answer)
{
	uint8_t *pdu = answer->bytes + answer->head;
	size_t len = answer->len - answer->head;
	bool other = false;

	for (unsigned i = 1; i <= EARLIER_MAX; i++) {
		const struct earlier *earlier =
			&stage->earlier[(stage->n_earlier - i) % EARLIER_MAX];

		if (i > stage->n_earlier || earlier->unit != question->unit ||
			earlier->len != len || memcmp(earlier->pdu, pdu, 2) ||
			(other && earlier->first == question->first))
			continue;
		memcpy(pdu, earlier->pdu, len);
		if (earlier->first != question->first)
			return;
		other = true; /* an older answer to the same: take it unless there is another's */
	}
}

static void remember(
	struct stage *stage, const struct question *question, const struct answer *answer)
{
	struct earlier *earlier = &stage->earlier[stage->n_earlier++ % EARLIER_MAX];

	earlier->unit = question->unit;
	earlier->first = question->first;
	earlier->len = answer->len - answer->head;
	memcpy(earlier->pdu, answer->bytes + answer->head, earlier->len);
}

/* ---- the meter ---- */

static void ask_meter(struct sim_panel *panel, const struct question *question,
	const struct fault *fault, struct answer *answer)
{
	bool keep_out = fault && fault->kind == FAULT_IGNORE_WRITE;
	bool again = fault && fault->kind == FAULT_LATCH_AGAIN;
	uint16_t latched[SIM_CHANNELS];

	alarm_remember(panel, latched);
	answer->len = answer->head + modbus_answer(panel, question->pdu, question->len,
					     answer->bytes + answer->head, keep_out);
	if (again)
		alarm_latch_again(panel, latched);
}

/* Returns false when nobody says anything: a unit that is not there is silent, as on a line. */
static bool find_words(struct stage *stage, const struct question *question,
	const struct fault *fault, struct answer *answer)
{
	struct sim_panel *panel = stage->site->panel[question->unit];

	if (!panel)
		stage->unknown_unit++;
	if (fault && fault->kind == FAULT_DEAF)
		return false;
	if (fault && fault->kind == FAULT_EXCEPTION) { /* refused: nothing is done */
		if (panel) {
			panel->counts.requests++;
			panel->counts.exceptions++;
		}
		answer->len = answer->head + 2;
		return true;
	}
	if (!panel)
		return false;
	ask_meter(panel, question, fault, answer);
	if (fault && fault->kind == FAULT_EARLIER)
		take_earlier(stage, question, answer);
	else
		remember(stage, question, answer);
	return !fault || fault->kind != FAULT_SILENT;
}

/* The gateway's own answer for a unit that said nothing. */
static void speak_for_unit(
	const struct stage *stage, const struct question *question, struct answer *answer)
{
	answer->bytes[answer->head] = question->pdu[0] | 0x80;
	answer->bytes[answer->head + 1] = (uint8_t)stage->spokesman.code;
	answer->len = answer->head + 2;
	answer->delay = stage->spokesman.after;
}

static void close_frame(struct answer *answer)
{
	size_t body = answer->len - answer->head + 1; /* with the unit */
	uint16_t crc;

	if (answer->framing == FRAMING_TCP) {
		answer->bytes[4] = (uint8_t)(body >> 8);
		answer->bytes[5] = (uint8_t)body;
		return;
	}
	crc = rtu_crc(answer->bytes, answer->len);
	answer->bytes[answer->len++] = (uint8_t)crc;
	answer->bytes[answer->len++] = (uint8_t)(crc >> 8);
}

void answer_request(struct stage *stage, enum framing framing, const uint8_t *adu, size_t len,
	double now, struct answer *answer)
{
	size_t head = framing == FRAMING_TCP ? MBAP : 1, tail = framing == FRAMING_TCP ? 0 : 2;
	struct question question = {
		.unit = adu[head - 1], .pdu = adu + head, .len = len - head - tail
	};
	struct fault_target target = { .unit = question.unit, .function = question.pdu[0] };
	const struct fault *fault;

	*answer = (struct answer){
		.framing = framing, .head = head, .delay = stage->latency[question.unit]
	};
	memcpy(answer->bytes, adu, head);
	modbus_range(question.pdu, question.len, &target.first, &target.last);
	question.first = target.first;
	fault = fault_fires(&stage->faults, &target, now);
	if (find_words(stage, &question, fault, answer)) {
		if (fault)
			fault_spoil_content(fault, question.pdu, answer);
	} else if (framing == FRAMING_TCP && stage->spokesman.code) {
		speak_for_unit(stage, &question, answer);
	} else {
		answer->len = 0;
		return;
	}
	close_frame(answer);
	if (fault)
		fault_spoil_frame(&stage->faults, fault, answer);
}
