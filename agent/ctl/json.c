/* json: see json.h. One member a line, indented, so that people can read it too. */
#include "config.h"

#include "ctl/json.h"

#include <inttypes.h>

static void new_line(struct json *json)
{
	if (json->depth > 0)
		fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
}

static void quoted(struct json *json, const char *text)
{
	fputc('"', json->out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(json->out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(json->out, "\\u%04x", c);
		else
			fputc(c, json->out);
	}
	fputc('"', json->out);
}

static void member(struct json *json, const char *key)
{
	if (json->filled)
		fputc(',', json->out);
	new_line(json);
	json->filled = true;
	if (key != NULL) {
		quoted(json, key);
		fputs(": ", json->out);
	}
}

static void open(struct json *json, const char *key, char bracket)
{
	member(json, key);
	fputc(bracket, json->out);
	json->depth++;
	json->filled = false;
}

static void close(struct json *json, char bracket)
{
	json->depth--;
	if (json->filled)
		new_line(json);
	if (json->filled && json->depth == 0)
		fputc('\n', json->out);
	fputc(bracket, json->out);
	if (json->depth == 0)
		fputc('\n', json->out);
	json->filled = true;
}

void json_object(struct json *json, const char *key)
{
	open(json, key, '{');
}

void json_array(struct json *json, const char *key)
{
	open(json, key, '[');
}

void json_object_end(struct json *json)
{
	close(json, '}');
}

void json_array_end(struct json *json)
{
	close(json, ']');
}

void json_text(struct json *json, const char *key, const char *text)
{
	member(json, key);
	quoted(json, text);
}

void json_number(struct json *json, const char *key, int64_t number)
{
	member(json, key);
	fprintf(json->out, "%" PRId64, number);
}

void json_decimal(struct json *json, const char *key, int64_t number, unsigned digits)
{
	uint64_t magnitude = number < 0 ? -(uint64_t)number : (uint64_t)number, unit = 1;

	for (unsigned i = 0; i < digits; i++)
		unit *= 10;
	member(json, key);
	fprintf(json->out, "%s%" PRIu64, number < 0 ? "-" : "", magnitude / unit);
	if (digits > 0)
		fprintf(json->out, ".%0*" PRIu64, (int)digits, magnitude % unit);
}

void json_bool(struct json *json, const char *key, bool truth)
{
	member(json, key);
	fputs(truth ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key)
{
	member(json, key);
	fputs("null", json->out);
}
