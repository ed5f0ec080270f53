/*
 * fuzz frame: any bytes, in any pieces, as the answer to any request. An oracle
 * that knows the answers from the specification, not from the code, must agree
 * with every frame that is accepted, and no right answer may be refused.
 */
#include "config.h"

#include "modbus/frame.h"

#include <stdlib.h>
#include <string.h>

#include "core/util.h"
#include "fuzz.h"

#define STREAM_MAX 600

struct exchange {
	struct frame_request request;
	bool reads;
	uint16_t reg;
	unsigned count;
	uint16_t words[FRAME_READ_MAX];
	uint8_t bytes[STREAM_MAX]; /* what comes */
	size_t n;
};

/* ---- the specification --------------------------------------------------------------------- */

/* The most significant bit first, on mirrored bytes: not as it is usually done. */
static uint8_t mirrored(unsigned byte)
{
	uint8_t other = 0;

	for (int bit = 0; bit < 8; bit++)
		other = (uint8_t)(other << 1 | (byte >> bit & 1));
	return other;
}

static void checksum(const uint8_t *bytes, size_t n, uint8_t crc[2])
{
	uint32_t rest = 0xffff;

	for (size_t i = 0; i < n; i++) {
		rest ^= (uint32_t)mirrored(bytes[i]) << 8;
		for (int bit = 0; bit < 8; bit++)
			rest = rest << 1 ^ (rest & 0x8000 ? 0x18005 : 0);
	}
	crc[0] = mirrored(rest >> 8 & 0xff);
	crc[1] = mirrored(rest & 0xff);
}

static bool is_right_pdu(const struct exchange *exchange, const uint8_t *pdu, size_t n)
{
	uint8_t function = exchange->request.pdu[0];

	if (n < 2)
		return false;
	if (pdu[0] == (function | 0x80))
		return n == 2 && pdu[1] != 0;
	if (exchange->reads)
		return pdu[0] == function && pdu[1] == 2 * exchange->count && n == 2u + pdu[1];
	return n == 5 && memcmp(pdu, exchange->request.pdu, 5) == 0;
}

static bool is_right_frame(const struct exchange *exchange, const uint8_t *bytes, size_t n)
{
	uint8_t crc[2];

	if (exchange->request.framing == FRAMING_MBAP)
		return n > 7 && bytes[0] << 8 == (exchange->request.transaction & 0xff00) &&
		       bytes[1] == (exchange->request.transaction & 0xff) && bytes[2] == 0 &&
		       bytes[3] == 0 && (size_t)(bytes[4] << 8 | bytes[5]) == n - 6 &&
		       bytes[6] == exchange->request.unit &&
		       is_right_pdu(exchange, bytes + 7, n - 7);
	if (n < 5 || bytes[0] != exchange->request.unit)
		return false;
	checksum(bytes, n - 2, crc);
	return memcmp(bytes + n - 2, crc, 2) == 0 && is_right_pdu(exchange, bytes + 1, n - 3);
}

/* Length of the right answer that the bytes begin with, 0: none. */
static size_t right_length(const struct exchange *exchange)
{
	size_t around = exchange->request.framing == FRAMING_MBAP ? 7 : 3;
	size_t data = around + (exchange->reads ? 2 + 2 * exchange->count : 5);

	if (exchange->n >= around + 2 && is_right_frame(exchange, exchange->bytes, around + 2))
		return around + 2;
	return exchange->n >= data && is_right_frame(exchange, exchange->bytes, data) ? data : 0;
}

/* ---- what comes ---------------------------------------------------------------------------- */

static bool make_request(struct choices *choices, struct exchange *exchange)
{
	struct frame_request *request = &exchange->request;
	uint8_t flags = choose_8(choices);
	unsigned function = flags & 2 ? FRAME_READ_INPUT : FRAME_READ_HOLDING;

	request->framing = flags & 1 ? FRAMING_RTU : FRAMING_MBAP;
	request->unit = choose_8(choices);
	request->transaction = choose_16(choices);
	exchange->reads = (flags & 4) == 0;
	exchange->reg = choose_16(choices);
	exchange->count = choose_8(choices);
	for (unsigned i = 0; i < exchange->count && i < FRAME_READ_MAX; i++)
		exchange->words[i] = flags & 8 ? choose_16(choices) : (uint16_t)(i * 257);
	if (exchange->reads)
		return frame_read(request, function, exchange->reg, exchange->count);
	return frame_write(request, exchange->reg, exchange->count, exchange->words);
}

static void put(struct exchange *exchange, const void *bytes, size_t n)
{
	if (n > STREAM_MAX - exchange->n)
		n = STREAM_MAX - exchange->n;
	if (n > 0)
		memcpy(exchange->bytes + exchange->n, bytes, n);
	exchange->n += n;
}

static size_t make_pdu(const struct exchange *exchange, uint8_t code, uint8_t *pdu)
{
	const uint8_t *asked = exchange->request.pdu;

	pdu[0] = asked[0];
	if (code != 0) {
		pdu[0] |= 0x80;
		pdu[1] = code;
		return 2;
	}
	if (!exchange->reads) {
		memcpy(pdu, asked, 5);
		return 5;
	}
	pdu[1] = (uint8_t)(2 * exchange->count);
	for (unsigned i = 0; i < exchange->count; i++) {
		pdu[2 + 2 * i] = (uint8_t)(exchange->words[i] >> 8);
		pdu[3 + 2 * i] = (uint8_t)exchange->words[i];
	}
	return 2 + 2 * exchange->count;
}

/* The right answer, with some bytes of it changed before the checksum is made. */
static void put_answer(struct choices *choices, struct exchange *exchange, uint8_t code)
{
	uint8_t frame[FRAME_MAX + 2], crc[2];
	bool mbap = exchange->request.framing == FRAMING_MBAP;
	size_t head = mbap ? 7 : 1, n = head + make_pdu(exchange, code, frame + head);

	if (mbap) {
		frame[0] = (uint8_t)(exchange->request.transaction >> 8);
		frame[1] = (uint8_t)exchange->request.transaction;
		frame[2] = frame[3] = 0;
		frame[4] = (uint8_t)((n - 6) >> 8);
		frame[5] = (uint8_t)(n - 6);
	}
	frame[head - 1] = exchange->request.unit;
	for (uint32_t changes = choose_below(choices, 4); changes > 0; changes--) {
		uint32_t at = choose_below(choices, (uint32_t)n);

		frame[at] = choose_8(choices);
	}
	put(exchange, frame, n);
	checksum(frame, n, crc);
	if (!mbap)
		put(exchange, crc, 2);
}

static void make_stream(struct choices *choices, struct exchange *exchange)
{
	size_t n;

	while (choices->left > 0) {
		uint8_t what = choose_8(choices);
		const uint8_t *bytes;

		switch (what % 4) {
		case 0:
			bytes = choose_bytes(choices, what / 4, &n);
			put(exchange, bytes, n);
			break;
		case 1:
			put_answer(choices, exchange, 0);
			break;
		case 2:
			put_answer(choices, exchange, what / 4);
			break;
		case 3: /* cut short */
			exchange->n -= what / 4 < exchange->n ? what / 4 : exchange->n;
			break;
		}
	}
}

/* ---- what must hold ------------------------------------------------------------------------ */

static void check_request(const struct exchange *exchange)
{
	uint8_t bytes[FRAME_MAX], crc[2];
	size_t n = frame_encode(&exchange->request, bytes);
	size_t head = exchange->request.framing == FRAMING_MBAP ? 7 : 1;

	REQUIRE(n == head + exchange->request.pdu_length + (head == 1 ? 2 : 0));
	REQUIRE(bytes[head - 1] == exchange->request.unit);
	REQUIRE(bytes[head + 1] == exchange->reg >> 8 && bytes[head + 2] == (exchange->reg & 0xff));
	if (head == 1) {
		checksum(bytes, n - 2, crc);
		REQUIRE(memcmp(crc, bytes + n - 2, 2) == 0 && frame_is_rtu(bytes, n));
	} else {
		REQUIRE((size_t)(bytes[4] << 8 | bytes[5]) == n - 6);
	}
}

static void check_whole(const struct exchange *exchange, const struct frame_answer *answer, size_t n)
{
	REQUIRE(answer->length <= n && answer->length <= FRAME_MAX);
	REQUIRE(is_right_frame(exchange, exchange->bytes, answer->length));
	REQUIRE(answer->exception == ((answer->pdu[0] & 0x80) != 0));
	if (answer->exception || !exchange->reads)
		return;
	for (unsigned i = 0; i < exchange->count; i++)
		REQUIRE(frame_word(answer, i) ==
			(answer->pdu[2 + 2 * i] << 8 | answer->pdu[3 + 2 * i]));
}

static enum frame_verdict judge(
	const struct exchange *exchange, size_t n, struct frame_answer *answer)
{
	uint8_t *bytes = xcalloc(n + 1, 1); /* of that size: a look too far is seen */
	enum frame_verdict verdict;

	memcpy(bytes + 1, exchange->bytes, n);
	verdict = frame_judge(&exchange->request, bytes + 1, n, answer);
	if (verdict == FRAME_MORE)
		REQUIRE(answer->need > n && answer->need <= FRAME_MAX);
	if (verdict == FRAME_WHOLE)
		check_whole(exchange, answer, n);
	free(bytes);
	return verdict;
}

/* In pieces: as many bytes as are needed, or fewer. */
static enum frame_verdict judge_pieces(const struct exchange *exchange, bool all, size_t *length)
{
	struct frame_answer answer;
	enum frame_verdict verdict = judge(exchange, 0, &answer);
	size_t n = 0;

	while (verdict == FRAME_MORE && n < exchange->n) {
		n = all ? answer.need : n + 1;
		if (n > exchange->n)
			n = exchange->n;
		verdict = judge(exchange, n, &answer);
	}
	*length = verdict == FRAME_WHOLE ? answer.length : 0;
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices choices = { data, size };
	struct exchange exchange = { 0 };
	size_t by_byte, by_need, right;
	uint8_t crc[2];

	if (!make_request(&choices, &exchange)) {
		REQUIRE(exchange.count == 0 || exchange.count > FRAME_WRITE_MAX);
		return 0;
	}
	check_request(&exchange);
	make_stream(&choices, &exchange);
	right = right_length(&exchange);
	judge_pieces(&exchange, false, &by_byte);
	judge_pieces(&exchange, true, &by_need);
	REQUIRE(by_byte == right && by_need == right);
	if (exchange.n >= 5 && exchange.n <= 256) {
		checksum(exchange.bytes, exchange.n - 2, crc);
		REQUIRE(frame_is_rtu(exchange.bytes, exchange.n) ==
			(memcmp(crc, exchange.bytes + exchange.n - 2, 2) == 0));
	}
	return 0;
}
