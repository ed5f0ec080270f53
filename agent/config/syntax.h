/*
 * syntax: libConfuse as we use it, for the configuration and for profiles.
 *
 * Values stay text with their line, so that the callers check them all and
 * say where each wrong one stands; libConfuse by itself stops at the first.
 * Its lexer (3.3) counts lines wrongly after comments, merges sections of the
 * same title and expands environment variables: none of that happens here.
 * Main thread only: libConfuse is not reentrant.
 */
#ifndef METERX_CONFIG_SYNTAX_H
#define METERX_CONFIG_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include <confuse.h>

#include "config/problem.h"

/* A value as it is written in the file, without its quotes. */
struct setting {
	int line;
	char text[];
};

/* Parse callback of every option below: keeps the text and the line. */
int syntax_setting(cfg_t *section, cfg_opt_t *option, const char *text, void *result);

/* Option tables are made of these and CFG_END(). */
#define SYNTAX_VALUE(name)            CFG_PTR_CB(name, NULL, CFGF_NONE, syntax_setting, free)
#define SYNTAX_LIST(name)             CFG_PTR_LIST_CB(name, NULL, CFGF_NONE, syntax_setting, free)
#define SYNTAX_SECTION(name, options) CFG_SEC(name, options, CFGF_MULTI)
#define SYNTAX_TITLED(name, options)  CFG_SEC(name, options, CFGF_MULTI | CFGF_TITLE)

/*
 * Read the file. Unknown and repeated options and the first syntax error go to
 * problems. Returns what was understood (free with cfg_free()), or NULL when the
 * file cannot be read at all (in problems too; errno says why). *whole: to the end.
 * section->line is the line of its opening brace, section->filename the file.
 * options is changed (callbacks are entered).
 */
cfg_t *syntax_read(const char *path, cfg_opt_t *options, struct problems *problems, bool *whole);

/* Value of an option, the n-th of a list; NULL when it is not given. */
const struct setting *syntax_get(cfg_t *section, const char *name);
const struct setting *syntax_get_nth(cfg_t *section, const char *name, size_t n);
size_t syntax_count(cfg_t *section, const char *name);
/* Title of a SYNTAX_TITLED section, as written. */
const char *syntax_title(const cfg_t *section);

#endif
