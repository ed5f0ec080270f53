/* json: see json.h. */
#include "config.h"

#include "ctl/json.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "core/text.h"

static void print_string(FILE *out, const char *text)
{
	size_t length = strlen(text), n;

	putc('"', out);
	for (size_t i = 0; i < length; i += n) {
		unsigned char c = (unsigned char)text[i];

		n = text_character(text + i, length - i);
		if (n == 0) {
			fputs("\\ufffd", out);
			n = 1;
		} else if (c == '"' || c == '\\') {
			fprintf(out, "\\%c", c);
		} else if (c < ' ' || c == 0x7f) {
			fprintf(out, "\\u%04x", c);
		} else {
			fwrite(text + i, 1, n, out);
		}
	}
	putc('"', out);
}

static void begin(struct json *json, const char *key)
{
	if (json->depth > 0)
		fprintf(json->out, "%s\n%*s", json->first ? "" : ",", (int)json->depth * 2, "");
	json->first = false;
	if (key != NULL) {
		print_string(json->out, key);
		fputs(": ", json->out);
	}
}

void json_open(struct json *json, const char *key, char bracket)
{
	begin(json, key);
	putc(bracket, json->out);
	json->depth++;
	json->first = true;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (!json->first)
		fprintf(json->out, "\n%*s", (int)json->depth * 2, "");
	putc(bracket, json->out);
	json->first = false;
	if (json->depth == 0)
		putc('\n', json->out);
}

void json_text(struct json *json, const char *key, const char *text)
{
	begin(json, key);
	print_string(json->out, text);
}

void json_number(struct json *json, const char *key, int64_t number)
{
	begin(json, key);
	fprintf(json->out, "%" PRId64, number);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key)
{
	begin(json, key);
	fputs("null", json->out);
}

void json_time(struct json *json, const char *key, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char date[32], text[48];
	struct tm tm;

	if (wall_ms == 0) {
		json_null(json, key);
		return;
	}
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03dZ", date, (int)(wall_ms % 1000));
	json_text(json, key, text);
}
