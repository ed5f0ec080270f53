/*
 * The function codes of the meter: 03, 04 (what Ethernet meters take for the same numbers), 06, 16
 * and 17. Works on PDUs: no sockets, no faults. On the wire a register is its printed number
 * less 1.
 */
#include "config.h"

#include "sim/modbus.h"

#include <stdio.h>
#include <string.h>

#include "sim/map.h"

#define READ_MAX  125
#define WRITE_MAX 123

enum { ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3 };

static unsigned word_at(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static void put_word(uint8_t *bytes, unsigned word)
{
	bytes[0] = (uint8_t)(word >> 8);
	bytes[1] = (uint8_t)word;
}

void modbus_range(const uint8_t *pdu, size_t len, unsigned *first, unsigned *last)
{
	bool single = len >= 5 && pdu[0] == 6,
	     many = len >= 5 && (pdu[0] == 3 || pdu[0] == 4 || pdu[0] == 16);
	unsigned count = single ? 1 : many ? word_at(pdu + 3) : 0;

	*first = count ? word_at(pdu + 1) + 1 : 0;
	*last = count ? *first + count - 1 : 0;
}

static int read_words(struct sim_panel *panel, const uint8_t *pdu, size_t len, uint8_t *answer,
	size_t *answer_len)
{
	unsigned first, count;
	uint16_t word;
	int code;

	if (len != 5)
		return ILLEGAL_VALUE;
	first = word_at(pdu + 1) + 1;
	count = word_at(pdu + 3);
	if (count < 1 || count > READ_MAX)
		return ILLEGAL_VALUE;
	if (first + count - 1 > 65536)
		return ILLEGAL_ADDRESS;
	for (unsigned i = 0; i < count; i++) {
		code = map_read(panel, first + i, &word);
		if (code)
			return code;
		put_word(answer + 2 + 2 * i, word);
	}
	answer[1] = (uint8_t)(2 * count);
	*answer_len = 2 + 2 * count;
	panel->counts.words_read += count;
	return 0;
}

static int check_write(
	const struct sim_panel *panel, unsigned first, const uint16_t *words, unsigned n_words)
{
	for (unsigned i = 0; i < n_words; i++) {
		int code = map_check_write(panel, first + i, words[i]);

		if (code)
			return code;
	}
	return 0;
}

int modbus_write(struct sim_panel *panel, unsigned first, const uint16_t *words, unsigned n_words)
{
	int code = check_write(panel, first, words, n_words);

	if (code)
		return code;
	for (unsigned i = 0; i < n_words; i++)
		map_write(panel, first + i, words[i]);
	/* Settings act at once; after a clear the next tick measures, until then a maximum is 0. */
	if (map_area(first)->kind == MAP_SETTING)
		meter_measure(panel->device);
	panel->counts.words_written += n_words;
	return 0;
}

static int write_words(struct sim_panel *panel, const uint8_t *pdu, size_t len, bool keep_out)
{
	uint16_t words[WRITE_MAX];
	unsigned first, count = 1;
	const uint8_t *data = pdu + 3;

	if (len < 5)
		return ILLEGAL_VALUE;
	first = word_at(pdu + 1) + 1;
	if (pdu[0] == 16) {
		count = word_at(pdu + 3);
		data = pdu + 6;
		if (count < 1 || count > WRITE_MAX || len != 6 + 2 * count || pdu[5] != 2 * count)
			return ILLEGAL_VALUE;
	} else if (len != 5) {
		return ILLEGAL_VALUE;
	}
	for (unsigned i = 0; i < count; i++)
		words[i] = (uint16_t)word_at(data + 2 * i);
	return keep_out ? check_write(panel, first, words, count)
			: modbus_write(panel, first, words, count);
}

static void location_text(const struct sim_panel *panel, char *text)
{
	const uint16_t *words = panel->settings.location;
	bool low_first = panel->device->text_low_first;
	size_t len = 0;

	for (size_t i = 0; i < 127; i++) {
		uint8_t byte = (uint8_t)(words[i / 2] >> ((i % 2 == 0) == low_first ? 0 : 8));

		if (!byte)
			break;
		text[len++] = (char)byte;
	}
	text[len] = 0;
}

/* Function 17: byte count, id, running, then a sentence about the meter. */
static size_t report_id(const struct sim_panel *panel, uint8_t *answer)
{
	static const char letters[] = {
		[SIM_MODEL_A] = 'A', [SIM_MODEL_B] = 'B', [SIM_MODEL_C] = 'C'
	};
	const struct sim_device *device = panel->device;
	char text[PDU_MAX], location[128];
	int len;

	location_text(panel, location);
	len = snprintf(text, sizeof(text),
		"Veris Model E3%c%c Branch Circuit Monitor, S/N=0x%08X, Location=\"%s\"",
		device->core == SIM_CORE_SOLID ? '0' : '1', letters[device->model],
		(unsigned)device->serial, location);
	answer[1] = (uint8_t)(2 + len);
	answer[2] = 0xff;
	answer[3] = 0xff;
	memcpy(answer + 4, text, (size_t)len);
	return 4 + (size_t)len;
}

size_t modbus_answer(
	struct sim_panel *panel, const uint8_t *pdu, size_t len, uint8_t *answer, bool keep_out)
{
	size_t answer_len = 5;
	int code = 0;

	panel->counts.requests++;
	answer[0] = pdu[0];
	switch (pdu[0]) {
	case 3:
	case 4:
		code = read_words(panel, pdu, len, answer, &answer_len);
		break;
	case 6:
	case 16:
		code = write_words(panel, pdu, len, keep_out);
		if (!code)
			memcpy(answer + 1, pdu + 1, 4);
		break;
	case 17:
		answer_len = report_id(panel, answer);
		break;
	default:
		code = ILLEGAL_FUNCTION;
	}
	if (!code)
		return answer_len;
	panel->counts.exceptions++;
	answer[0] = pdu[0] | 0x80;
	answer[1] = (uint8_t)code;
	return 2;
}
