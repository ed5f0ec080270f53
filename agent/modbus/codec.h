/*
 * codec: registers <-> numbers. Pure: no I/O, no clock, no allocation, no log.
 *
 * A meter is hostile until proven: NaN, infinities, the meter's "no value"
 * marker, scale exponents beyond reason and results that do not fit are all
 * absent, never 0 and never saturated.
 */
#ifndef METERX_MODBUS_CODEC_H
#define METERX_MODBUS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/profile.h"

/*
 * Decode one element of a point.
 *
 * words: point->words registers in the order they were read.
 * scale: content of its scale register (signed exponent); ignored unless point->scaled.
 * Returns false when the value is absent; else *value in the unit of the
 * quantity (quantity.h), rounded half away from zero, and within 32 bits
 * unless the quantity is wide.
 */
bool codec_decode(const struct profile *profile, const struct point *point, const uint16_t *words,
	int16_t scale, int64_t *value);

/*
 * The same of an element of a point of inputs (Q_INPUT_STATE): open when the
 * register is 0, else closed; of type bits, all elements are in one register, the
 * first in bit 0.
 */
bool codec_decode_input(const struct profile *profile, const struct point *point, unsigned element,
	const uint16_t *words, int64_t *value);

/*
 * The reverse, for writes: value in the unit of the quantity -> point->words
 * registers. -ERANGE when it does not fit the register or the point's range,
 * -EDOM when the scale cannot hold it exactly (20001 mA in a register of whole
 * amperes), -ENOTSUP for floats and text.
 */
int codec_encode(const struct profile *profile, const struct point *point, int64_t value,
	int16_t scale, uint16_t *words);

/*
 * Text of n_words registers -> UTF-8 without control characters, trailing
 * blanks cut. The manual of the BCPM contradicts itself on the order of the
 * two characters of a word (reference 2.2): "high byte first" is used unless
 * the point's order is ORDER_LITTLE. size >= 2 * n_words * 2 + 1.
 */
void codec_text(const struct point *point, const uint16_t *words, char *text, size_t size);

#endif
