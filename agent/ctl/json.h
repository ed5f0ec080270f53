/*
 * json: writes JSON as it goes, indented, with commas where they belong.
 *
 * Small enough to be better than a library: values are only ever written, one
 * after the other. Texts must be UTF-8; what is not becomes U+FFFD.
 */
#ifndef METERX_CTL_JSON_H
#define METERX_CTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	unsigned depth;
	bool first;
};

/* key: NULL inside an array and for the outermost. */
void json_open(struct json *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);		  /* '}' or ']' */
void json_text(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, int64_t number);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
/* A moment as RFC 3339, UTC, with milliseconds; null for 0. */
void json_time(struct json *json, const char *key, int64_t wall_ms);

#endif
