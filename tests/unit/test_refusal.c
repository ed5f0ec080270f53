/*
 * refusal: whatever a meter refuses is found, nothing else is given up, and the
 * plan without it is answered.
 */
#include "config.h"

#include "modbus/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util.h"

#define FIRST 100
#define SPAN  125

/* A read of pieces: each character a register; capitals begin a piece, '.' is needed by nobody. */
struct read_case {
	const char *registers;
	const char *refused; /* 'x': the meter does not have it; '|': nor reads across, before it */
	const char *gaps;    /* 'x': in a gap; '|': a cut before it */
	unsigned asks;	     /* at most */
};

struct fixture {
	struct plan plan;
	struct plan_read read;
	struct plan_piece pieces[SPAN];
	const char *refused;
};

static void lay_out(struct fixture *fixture, const char *registers, const char *refused)
{
	struct plan_piece *piece = NULL;

	memset(fixture, 0, sizeof(*fixture));
	for (unsigned i = 0; registers[i] != '\0'; i++) {
		if (registers[i] >= 'A' && registers[i] <= 'Z') {
			piece = piece != NULL ? piece + 1 : fixture->pieces;
			piece->first = (uint16_t)(FIRST + i);
		}
		if (registers[i] != '.' && piece != NULL)
			piece->last = (uint16_t)(FIRST + i);
	}
	fixture->plan.pieces = fixture->pieces;
	fixture->plan.n_pieces = piece != NULL ? (unsigned)(piece - fixture->pieces) + 1 : 0;
	fixture->read = (struct plan_read){ FIRST, (uint16_t)strlen(registers), 1 };
	fixture->refused = refused;
}

static bool meter_refuses(const struct fixture *fixture, unsigned reg, unsigned count)
{
	for (unsigned i = reg - FIRST; i < reg - FIRST + count; i++)
		if (fixture->refused[i] == 'x' || (fixture->refused[i] == '|' && i > reg - FIRST))
			return true;
	return false;
}

static unsigned look(const struct fixture *fixture, struct gaps *gaps)
{
	struct refusal refusal;
	struct plan_read read;
	unsigned asks = 0;

	refusal_begin(&refusal, &fixture->plan, &fixture->read, gaps);
	for (; refusal_next(&refusal, &read); asks++) {
		assert_in_range(read.reg, FIRST, FIRST + fixture->read.count - 1);
		assert_in_range(read.count, 1, FIRST + fixture->read.count - read.reg);
		refusal_answer(&refusal, meter_refuses(fixture, read.reg, read.count), gaps);
		assert_true(asks < 1000);
	}
	return asks;
}

static void draw(const struct gaps *gaps, unsigned count, char *text)
{
	memset(text, '-', count);
	text[count] = '\0';
	for (unsigned i = 0; i < gaps->n; i++) {
		const struct plan_gap *gap = &gaps->items[i];

		if (gap->count == 0)
			text[gap->reg - FIRST] = '|';
		else
			memset(text + gap->reg - FIRST, 'x', gap->count);
	}
}

static void test_cases(void **state)
{
	static const struct read_case cases[] = {
		{ "A", "x", "x", 0 },
		{ "Aa", "-x", "xx", 0 },
		{ "AB", "x-", "x-", 3 },
		{ "AB", "-x", "-x", 2 },
		{ "AB", "xx", "xx", 2 },
		{ "AaBbCc", "---x--", "--xx--", 5 },
		{ "A.B", "-x-", "-x-", 3 },
		{ "A...BC", "--x---", "-xxx--", 5 },
		{ "AB", "-|", "-|", 3 },
		{ "ABCDEFGH", "xxxxxxxx", "xxxxxxxx", 10 },
		{ "ABCDEFGH", "---xxx--", "---xxx--", 9 },
		{ "ABCDEFGH", "x------x", "x------x", 9 },
		{ "ABCDEFGH", "----|---", "----|---", 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture fixture;
		struct gaps gaps = { 0 };
		char drawn[SPAN + 1];
		unsigned asks;

		lay_out(&fixture, cases[i].registers, cases[i].refused);
		asks = look(&fixture, &gaps);
		draw(&gaps, fixture.read.count, drawn);
		assert_string_equal(drawn, cases[i].gaps);
		if (asks > cases[i].asks)
			fail_msg("%s, %s: asked %u times", cases[i].registers, cases[i].refused,
				asks);
		gaps_clear(&gaps);
	}
}

/* All needed registers between two gaps are answered in one read; refused ones are in gaps. */
static void assert_explained(const struct fixture *fixture, const struct gaps *gaps)
{
	char drawn[SPAN + 1];
	unsigned begun = 0, last = 0;
	bool open = false;

	draw(gaps, fixture->read.count, drawn);
	for (unsigned i = 0; i < fixture->plan.n_pieces; i++) {
		unsigned from = fixture->pieces[i].first - FIRST;
		unsigned to = fixture->pieces[i].last - FIRST;

		if (memchr(drawn + last, 'x', from - last) != NULL || drawn[from] == '|')
			open = false;
		last = to + 1;
		if (drawn[from] == 'x') {
			assert_true(meter_refuses(fixture, FIRST + from, to - from + 1));
			open = false;
			continue;
		}
		begun = open ? begun : from;
		open = true;
		assert_false(meter_refuses(fixture, FIRST + begun, to - begun + 1));
	}
}

static void test_random(void **state)
{
	(void)state;
	srandom(5);
	for (int round = 0; round < 3000; round++) {
		char registers[SPAN + 1] = "A", refused[SPAN + 1] = "-";
		unsigned count = 1 + (unsigned)random() % SPAN;
		unsigned rare = 1 + (unsigned)random() % 60;
		struct fixture fixture;
		struct gaps gaps = { 0 };

		for (unsigned i = 1; i < count; i++) {
			registers[i] = "AAaa."[random() % 5];
			if (registers[i] == 'a' && registers[i - 1] == '.')
				registers[i] = 'A';
		}
		registers[count - 1] = registers[count - 1] == '.' ? 'A' : registers[count - 1];
		for (unsigned i = 0; i < count; i++)
			refused[i] = (unsigned)random() % rare == 0 ? 'x' : '-';
		lay_out(&fixture, registers, refused);
		if (meter_refuses(&fixture, FIRST, count)) {
			look(&fixture, &gaps);
			assert_true(gaps.n > 0);
			assert_explained(&fixture, &gaps);
		}
		gaps_clear(&gaps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
