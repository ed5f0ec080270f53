/* owed: see owed.h. A list of few: one a unit and shape of request, places of the expired used anew. */
#include "config.h"

#include "modbus/owed.h"

#include <stdlib.h>

#include "core/util.h"

#define OWED_US    60000000 /* no answer comes later than that */
#define FIRST_SIZE 16

struct debt {
	int64_t until_us;
	uint8_t unit, function;
	uint8_t count; /* registers of a read, 0: a write */
};

struct owed {
	struct debt *debts;
	size_t n, size;
};

struct owed *owed_new(void)
{
	return xcalloc(1, sizeof(struct owed));
}

void owed_free(struct owed *owed)
{
	if (owed == NULL)
		return;
	free(owed->debts);
	free(owed);
}

static uint8_t read_count(const struct frame_request *request)
{
	bool reads = request->pdu[0] == FRAME_READ_HOLDING || request->pdu[0] == FRAME_READ_INPUT;

	return reads ? request->pdu[4] : 0;
}

static bool same_kind(const struct debt *debt, const struct frame_request *request)
{
	return debt->unit == request->unit && debt->function == request->pdu[0];
}

static bool same_shape(const struct debt *debt, const struct frame_request *request)
{
	return same_kind(debt, request) && debt->count == read_count(request);
}

static struct debt *add(struct owed *owed)
{
	if (owed->n == owed->size) {
		owed->size = owed->size > 0 ? 2 * owed->size : FIRST_SIZE;
		owed->debts = xrealloc(owed->debts, owed->size, sizeof(*owed->debts));
	}
	return &owed->debts[owed->n++];
}

void owed_note(struct owed *owed, const struct frame_request *request, int64_t now_us)
{
	struct debt *debt = NULL;

	for (size_t i = 0; i < owed->n; i++) {
		if (same_shape(&owed->debts[i], request)) {
			debt = &owed->debts[i];
			break;
		}
		if (debt == NULL && owed->debts[i].until_us <= now_us)
			debt = &owed->debts[i];
	}
	if (debt == NULL)
		debt = add(owed);
	*debt = (struct debt){
		.until_us = now_us + OWED_US,
		.unit = request->unit,
		.function = request->pdu[0],
		.count = read_count(request),
	};
}

void owed_forget(struct owed *owed, uint8_t unit)
{
	for (size_t i = 0; i < owed->n; i++)
		if (owed->debts[i].unit == unit)
			owed->debts[i].until_us = 0;
}

bool owed_alike(const struct owed *owed, const struct frame_request *request, int64_t now_us)
{
	for (size_t i = 0; i < owed->n; i++)
		if (owed->debts[i].until_us > now_us && same_shape(&owed->debts[i], request))
			return true;
	return false;
}

bool owed_exception(const struct owed *owed, const struct frame_request *request, int64_t now_us)
{
	for (size_t i = 0; i < owed->n; i++)
		if (owed->debts[i].until_us > now_us && same_kind(&owed->debts[i], request) &&
			!same_shape(&owed->debts[i], request))
			return true;
	return false;
}
