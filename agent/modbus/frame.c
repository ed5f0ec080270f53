/*
 * frame: see frame.h.
 *
 * What an answer must look like follows from its request alone, so an answer is
 * compared field by field with what is expected; lengths in it are never
 * believed, only found equal or not.
 */
#include "config.h"

#include "modbus/frame.h"

#include <string.h>

#define MBAP_BYTES      7 /* transaction 2, protocol 2, length 2, unit 1 */
#define CRC_BYTES       2
#define EXCEPTION_BYTES 2
#define ECHO_BYTES      5 /* of a write: function, register, value or count */
#define RTU_MIN         (1 + EXCEPTION_BYTES + CRC_BYTES)
#define RTU_MAX         256

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *bytes, unsigned value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* Modbus over Serial Line V1.02, 6.2.2; on the wire the low byte comes first. */
static uint16_t crc_of(const uint8_t *bytes, size_t n)
{
	unsigned crc = 0xffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	return (uint16_t)crc;
}

static bool crc_fits(const uint8_t *bytes, size_t n)
{
	uint16_t crc = crc_of(bytes, n - CRC_BYTES);

	return bytes[n - 2] == (crc & 0xff) && bytes[n - 1] == crc >> 8;
}

bool frame_is_rtu(const uint8_t *bytes, size_t n)
{
	return n >= RTU_MIN && n <= RTU_MAX && crc_fits(bytes, n);
}

/* Requests */

bool frame_read(struct frame_request *request, unsigned function, uint16_t reg, unsigned count)
{
	if ((function != FRAME_READ_HOLDING && function != FRAME_READ_INPUT) || count == 0 ||
		count > FRAME_READ_MAX)
		return false;
	request->pdu[0] = (uint8_t)function;
	put16(request->pdu + 1, reg);
	put16(request->pdu + 3, count);
	request->pdu_length = 5;
	return true;
}

bool frame_write(struct frame_request *request, uint16_t reg, unsigned count, const uint16_t *words)
{
	if (count == 0 || count > FRAME_WRITE_MAX)
		return false;
	put16(request->pdu + 1, reg);
	if (count == 1) {
		request->pdu[0] = FRAME_WRITE_ONE;
		put16(request->pdu + 3, words[0]);
		request->pdu_length = 5;
		return true;
	}
	request->pdu[0] = FRAME_WRITE_MANY;
	put16(request->pdu + 3, count);
	request->pdu[5] = (uint8_t)(2 * count);
	for (unsigned i = 0; i < count; i++)
		put16(request->pdu + 6 + 2 * i, words[i]);
	request->pdu_length = 6 + 2 * (size_t)count;
	return true;
}

size_t frame_encode(const struct frame_request *request, uint8_t bytes[FRAME_MAX])
{
	size_t length = request->pdu_length;
	uint16_t crc;

	if (request->framing == FRAMING_MBAP) {
		put16(bytes, request->transaction);
		put16(bytes + 2, 0);
		put16(bytes + 4, (unsigned)length + 1);
		bytes[6] = request->unit;
		memcpy(bytes + MBAP_BYTES, request->pdu, length);
		return MBAP_BYTES + length;
	}
	bytes[0] = request->unit;
	memcpy(bytes + 1, request->pdu, length);
	crc = crc_of(bytes, 1 + length);
	bytes[1 + length] = (uint8_t)crc;
	bytes[2 + length] = (uint8_t)(crc >> 8);
	return 1 + length + CRC_BYTES;
}

/* Answers */

static bool is_read(const struct frame_request *request)
{
	return request->pdu[0] == FRAME_READ_HOLDING || request->pdu[0] == FRAME_READ_INPUT;
}

static size_t answer_pdu_length(const struct frame_request *request)
{
	return is_read(request) ? 2 + 2 * (size_t)get16(request->pdu + 3) : ECHO_BYTES;
}

static size_t overhead(const struct frame_request *request)
{
	return request->framing == FRAMING_MBAP ? MBAP_BYTES : 1 + CRC_BYTES;
}

size_t frame_answer_length(const struct frame_request *request)
{
	return overhead(request) + answer_pdu_length(request);
}

/* What there is of a PDU is that of the answer: function code, byte count or echo. */
static bool pdu_fits(const struct frame_request *request, const uint8_t *pdu, size_t n)
{
	if (n > 0 && pdu[0] == (request->pdu[0] | 0x80))
		return n < 2 || pdu[1] != 0;
	if (n > 0 && pdu[0] != request->pdu[0])
		return false;
	if (is_read(request))
		return n < 2 || pdu[1] == answer_pdu_length(request) - 2;
	return memcmp(pdu, request->pdu, n < ECHO_BYTES ? n : ECHO_BYTES) == 0;
}

/* The length of the PDU that begins so; with no byte of it, the least there may be. */
static size_t pdu_expected(const struct frame_request *request, const uint8_t *pdu, size_t n)
{
	if (n == 0 || (pdu[0] & 0x80) != 0)
		return EXCEPTION_BYTES;
	return answer_pdu_length(request);
}

static enum frame_verdict whole(const uint8_t *pdu, size_t length, struct frame_answer *answer)
{
	answer->pdu = pdu;
	answer->length = length;
	answer->exception = (pdu[0] & 0x80) != 0;
	return FRAME_WHOLE;
}

static bool mbap_fits(const struct frame_request *request, const uint8_t *bytes, size_t n)
{
	uint8_t header[4] = { 0 }; /* protocol 0 is Modbus */
	size_t length;

	put16(header, request->transaction);
	if (memcmp(bytes, header, n < sizeof(header) ? n : sizeof(header)) != 0)
		return false;
	if (n < 6)
		return true;
	length = get16(bytes + 4);
	if (length != 1 + EXCEPTION_BYTES && length != 1 + answer_pdu_length(request))
		return false;
	return n < MBAP_BYTES || bytes[6] == request->unit;
}

static enum frame_verdict judge_mbap(const struct frame_request *request, const uint8_t *bytes,
	size_t n, struct frame_answer *answer)
{
	const uint8_t *pdu = bytes + MBAP_BYTES;
	size_t expected;

	if (!mbap_fits(request, bytes, n))
		return FRAME_FOREIGN;
	if (n <= MBAP_BYTES) {
		answer->need = MBAP_BYTES + EXCEPTION_BYTES;
		return FRAME_MORE;
	}
	n -= MBAP_BYTES;
	expected = pdu_expected(request, pdu, n);
	if (!pdu_fits(request, pdu, n) || get16(bytes + 4) != 1 + expected)
		return FRAME_FOREIGN;
	answer->need = MBAP_BYTES + expected;
	return n < expected ? FRAME_MORE : whole(pdu, answer->need, answer);
}

static enum frame_verdict judge_rtu(const struct frame_request *request, const uint8_t *bytes,
	size_t n, struct frame_answer *answer)
{
	const uint8_t *pdu = bytes + 1;
	size_t length;

	if (n == 0) {
		answer->need = RTU_MIN;
		return FRAME_MORE;
	}
	/*
	 * An echo whose data differ is only known to be one when the CRC says so;
	 * until then it may as well be noise. Its length is the same.
	 */
	if (bytes[0] != request->unit || !pdu_fits(request, pdu, n - 1 < 2 ? n - 1 : 2))
		return FRAME_FOREIGN;
	length = 1 + pdu_expected(request, pdu, n - 1) + CRC_BYTES;
	answer->need = length;
	if (n < length)
		return FRAME_MORE;
	if (!crc_fits(bytes, length)) {
		answer->ours = true;
		return FRAME_GARBLED;
	}
	if (!pdu_fits(request, pdu, length - 1 - CRC_BYTES))
		return FRAME_FOREIGN;
	return whole(pdu, length, answer);
}

enum frame_verdict frame_judge(const struct frame_request *request, const uint8_t *bytes, size_t n,
	struct frame_answer *answer)
{
	*answer = (struct frame_answer){ 0 };
	return request->framing == FRAMING_MBAP ? judge_mbap(request, bytes, n, answer)
						: judge_rtu(request, bytes, n, answer);
}

uint16_t frame_word(const struct frame_answer *answer, unsigned i)
{
	return get16(answer->pdu + 2 + 2 * i);
}
