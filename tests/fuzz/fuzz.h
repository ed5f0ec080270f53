/*
 * fuzz: what the fuzz targets have in common.
 *
 * Each target is one file with LLVMFuzzerTestOneInput(). Linked to libFuzzer it
 * hunts (run.sh); linked to replay.c it is a test that goes through its seeds.
 * A target states what must hold with REQUIRE(); whatever does not aborts. Files
 * exist in memory only: nothing that an input names is ever opened.
 */
#ifndef METERX_TESTS_FUZZ_H
#define METERX_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/problem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void fuzz_fail(const char *file, int line, const char *what) __attribute__((noreturn));
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fuzz_fail(__FILE__, __LINE__, #condition);                                 \
	} while (0)

/* An input as a row of choices; behind its end everything is 0. */
struct choices {
	const uint8_t *at;
	size_t left;
};
uint8_t choose_8(struct choices *choices);
uint16_t choose_16(struct choices *choices); /* high byte first, as all of them */
uint32_t choose_32(struct choices *choices);
uint64_t choose_64(struct choices *choices);
uint32_t choose_below(struct choices *choices, uint32_t limit); /* 0 to limit - 1 */
/* As many bytes as are left of the wanted ones. */
const uint8_t *choose_bytes(struct choices *choices, size_t wanted, size_t *n);

/*
 * Files. An input holds several: what stands before the first line "%% NAME" is
 * that of the given path, each line begins the next one, in the same folder.
 * They take the place of what text_read_file() finds, with those of the source
 * tree in fuzz_builtin() behind them, by the last part of their path.
 */
void fuzz_files(const char *path, const uint8_t *data, size_t size);
void fuzz_builtin(const char *path); /* below the source tree; once each */
/* That file of the input; NULL: there is none. */
const char *fuzz_find_file(const char *path, size_t *length);

/* Every complaint is one printable line. */
void fuzz_check_problems(const struct problems *problems);

/* Log lines go nowhere, but are looked at; how many there were. */
unsigned fuzz_log_lines(void);

#endif
