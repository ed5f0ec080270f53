/*
 * json: writes one JSON text to a stream, member by member.
 *
 * key is NULL in arrays and for the outermost value. Texts must be UTF-8.
 */
#ifndef METERX_CTL_JSON_H
#define METERX_CTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	unsigned depth;
	bool filled; /* the innermost object or array has a member */
};

#define JSON_INIT(stream) { .out = (stream) }

void json_object(struct json *json, const char *key);
void json_array(struct json *json, const char *key);
/* End of the innermost object or array; after the outermost one a line ends. */
void json_object_end(struct json *json);
void json_array_end(struct json *json);

void json_text(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, int64_t number);
/* number * 10^-digits, exactly: json_decimal(json, "volts", 230100, 3) writes 230.100 */
void json_decimal(struct json *json, const char *key, int64_t number, unsigned digits);
void json_bool(struct json *json, const char *key, bool truth);
void json_null(struct json *json, const char *key);

#endif
