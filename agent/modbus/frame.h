/*
 * frame: a Modbus request as bytes on a wire, and whether bytes are its answer.
 *
 * Pure: no descriptor, no clock. Two framings: MBAP (Modbus Messaging on TCP/IP
 * V1.0b, 3.1.3) and RTU (Modbus over Serial Line V1.02, 2.5.1). Answers are
 * judged as they come, byte for byte, against the one request they must answer:
 * nothing of an answer is used before all of it has been found right.
 */
#ifndef METERX_MODBUS_FRAME_H
#define METERX_MODBUS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_PDU_MAX   253 /* function code and data */
#define FRAME_MAX       260 /* MBAP header 7 and PDU; RTU needs fewer */
#define FRAME_READ_MAX  125 /* registers of one read */
#define FRAME_WRITE_MAX 123

enum {
	FRAME_READ_HOLDING = 3,
	FRAME_READ_INPUT = 4,
	FRAME_WRITE_ONE = 6,
	FRAME_WRITE_MANY = 16,
};

enum framing {
	FRAMING_MBAP,
	FRAMING_RTU,
};

struct frame_request {
	enum framing framing;
	uint16_t transaction; /* MBAP */
	uint8_t unit;
	uint8_t pdu[FRAME_PDU_MAX];
	size_t pdu_length;
};

/* The PDU of a request; false for what Modbus cannot ask: function, count. */
bool frame_read(struct frame_request *request, unsigned function, uint16_t reg, unsigned count);
bool frame_write(struct frame_request *request, uint16_t reg, unsigned count,
	const uint16_t *words);

/* The bytes to be sent; their number. */
size_t frame_encode(const struct frame_request *request, uint8_t bytes[FRAME_MAX]);
/* Of the answer to the request if it is no exception, header and CRC included. */
size_t frame_answer_length(const struct frame_request *request);

enum frame_verdict {
	FRAME_MORE,    /* right so far */
	FRAME_WHOLE,   /* the answer */
	FRAME_GARBLED, /* not what was sent: CRC */
	FRAME_FOREIGN, /* not an answer to this request */
};

struct frame_answer {
	size_t need;        /* MORE: bytes in all before judging again can say more; never above FRAME_MAX */
	size_t length;      /* WHOLE: of the frame; what follows it in bytes is not part of it */
	const uint8_t *pdu; /* WHOLE: in bytes */
	bool exception;     /* WHOLE: pdu[1] is the code, not 0 */
	bool ours;          /* GARBLED: header and length are those of the answer: it has been sent, and ended */
};

/* n bytes from the first one on. The same bytes and fewer had the verdict MORE. */
enum frame_verdict frame_judge(const struct frame_request *request, const uint8_t *bytes, size_t n,
	struct frame_answer *answer);

/* Register i of the answer to a read. */
uint16_t frame_word(const struct frame_answer *answer, unsigned i);

/* The bytes are an RTU frame of somebody, its CRC right. */
bool frame_is_rtu(const uint8_t *bytes, size_t n);

#endif
