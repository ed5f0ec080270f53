/*
 * Wire captures of a real E30 (RTU, unit 1), as frames and as values.
 *
 * A client sends what the profile says to send; the other end of a pseudo
 * terminal compares it byte by byte with the captured request and plays the
 * captured answer; the profile then says what the answer means.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>
#include <modbus.h>

#include "config/profile.h"
#include "core/util.h"
#include "modbus/codec.h"

#define PATIENCE_MS 10000

struct frame {
	size_t length;
	uint8_t bytes[256];
};

/* The meter's end of the line: one request, one answer. */
struct peer {
	int fd;
	struct frame request, answer;
	bool as_captured;
	pthread_t thread;
};

struct rig {
	struct peer peer;
	modbus_t *client;
	struct profile *profile;
};

static void *peer_run(void *arg)
{
	struct peer *peer = arg;
	struct pollfd poll_fd = { .fd = peer->fd, .events = POLLIN };
	uint8_t got[256];
	size_t length = 0;

	while (length < peer->request.length && poll(&poll_fd, 1, PATIENCE_MS) == 1) {
		ssize_t n = read(peer->fd, got + length, peer->request.length - length);

		if (n <= 0)
			break;
		length += (size_t)n;
	}
	peer->as_captured =
		length == peer->request.length && memcmp(got, peer->request.bytes, length) == 0;
	if (peer->as_captured && write(peer->fd, peer->answer.bytes, peer->answer.length) < 0)
		peer->as_captured = false;
	return NULL;
}

static void peer_start(struct rig *rig, const struct frame *request, const struct frame *answer)
{
	rig->peer.request = *request;
	rig->peer.answer = *answer;
	rig->peer.as_captured = false;
	assert_int_equal(pthread_create(&rig->peer.thread, NULL, peer_run, &rig->peer), 0);
}

static void peer_join(struct rig *rig)
{
	pthread_join(rig->peer.thread, NULL);
	assert_true(rig->peer.as_captured);
}

static int rig_start(void **state)
{
	struct rig *rig = xcalloc(1, sizeof(*rig));
	struct problems problems = PROBLEMS_INIT;
	struct termios raw;

	*state = rig;
	rig->peer.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (rig->peer.fd < 0 || grantpt(rig->peer.fd) < 0 || unlockpt(rig->peer.fd) < 0 ||
		tcgetattr(rig->peer.fd, &raw) < 0)
		return -1;
	cfmakeraw(&raw);
	tcsetattr(rig->peer.fd, TCSANOW, &raw);
	rig->client = modbus_new_rtu(ptsname(rig->peer.fd), 9600, 'N', 8, 1);
	if (rig->client == NULL || modbus_set_slave(rig->client, 1) < 0 ||
		modbus_set_response_timeout(rig->client, PATIENCE_MS / 1000, 0) < 0 ||
		modbus_connect(rig->client) < 0)
		return -1;
	return profile_load(TEST_SRCDIR "/conf/profiles", "bcpm", &problems, &rig->profile);
}

static int rig_stop(void **state)
{
	struct rig *rig = *state;

	modbus_close(rig->client);
	modbus_free(rig->client);
	close(rig->peer.fd);
	profile_unref(rig->profile);
	free(rig);
	return 0;
}

/* "01 03 54 42*FFFE 95 14": bytes, and words that repeat. */
static struct frame frame(const char *text)
{
	struct frame frame = { 0 };
	unsigned value, repeat;
	int used;

	while (sscanf(text, " %n", &used) == 0 && text[used] != '\0') {
		text += used;
		if (sscanf(text, "%u*%4x%n", &repeat, &value, &used) == 2) {
			for (unsigned i = 0; i < repeat; i++) {
				frame.bytes[frame.length++] = (uint8_t)(value >> 8);
				frame.bytes[frame.length++] = (uint8_t)value;
			}
		} else {
			assert_int_equal(sscanf(text, "%2x%n", &value, &used), 1);
			frame.bytes[frame.length++] = (uint8_t)value;
		}
		text += used;
	}
	return frame;
}

static const struct point *find(
	const struct profile *profile, enum scope scope, enum quantity quantity, unsigned channel)
{
	for (unsigned i = 0; i < profile->n_points; i++) {
		const struct point *point = &profile->points[i];

		if (point->scope == scope && point->quantity == quantity &&
			point->encoding != ENCODING_FLOAT && channel >= point->first_channel &&
			channel < (unsigned)point->first_channel + point->count)
			return point;
	}
	fail_msg("no such point");
	return NULL;
}

static void read_captured(struct rig *rig, unsigned reg, unsigned count, const char *request,
	const char *answer, uint16_t *words)
{
	struct frame sent = frame(request), got = frame(answer);

	peer_start(rig, &sent, &got);
	assert_int_equal(modbus_read_registers(rig->client, (int)reg, (int)count, words), count);
	peer_join(rig);
}

static void read_branch_scales(struct rig *rig, uint16_t *scales)
{
	const struct point *current = find(rig->profile, SCOPE_BRANCH, Q_CURRENT, 1);
	const struct profile_scale *scale = &rig->profile->scales[current->scale];

	read_captured(rig, scale->reg, scale->count, "01 03 03 E7 00 2A 74 66",
		"01 03 54 42*FFFE 95 14", scales);
}

static void scales_of_all_branches(void **state)
{
	uint16_t scales[42];

	read_branch_scales(*state, scales);
	for (unsigned i = 0; i < 42; i++)
		assert_int_equal((int16_t)scales[i], -2);
}

static void currents_of_all_branches(void **state)
{
	struct rig *rig = *state;
	const struct point *current = find(rig->profile, SCOPE_BRANCH, Q_CURRENT, 1);
	uint16_t scales[42], words[42];

	read_branch_scales(rig, scales);
	read_captured(rig, current->reg, current->count, "01 03 05 37 00 2A 75 17",
		"01 03 54 00 00 00 18 40*0000 FC 93", words);
	for (unsigned i = 0; i < current->count; i++) {
		int64_t value = -1;

		assert_true(codec_decode(rig->profile, current, words + i * current->stride,
			(int16_t)scales[i * current->scale_stride], &value));
		/* channel 2 carries 0.24 A; a dead branch reads 0, which is a value */
		assert_int_equal(value, i + current->first_channel == 2 ? 240 : 0);
	}
}

static void layout_register(void **state)
{
	struct rig *rig = *state;
	const struct point *layout = find(rig->profile, SCOPE_PANEL, Q_CT_LAYOUT, 1);
	struct frame write = frame("01 06 00 05 00 01 58 0B");
	uint16_t word;
	int64_t value;

	read_captured(rig, layout->reg, layout->words, "01 03 00 05 00 01 94 0B",
		"01 03 02 00 00 B8 44", &word);
	assert_true(codec_decode(rig->profile, layout, &word, 0, &value));
	assert_int_equal(value, 0);
	assert_string_equal(rig->profile->ct_layouts[0].name, "top-feed");
	assert_int_equal(rig->profile->ct_layouts[0].value, value);

	assert_int_equal(codec_encode(rig->profile, layout, 1, 0, &word), 0);
	peer_start(rig, &write, &write);
	assert_int_equal(modbus_write_register(rig->client, layout->reg, word), 1);
	peer_join(rig);
}

static void ct_sizes_of_the_mains(void **state)
{
	struct rig *rig = *state;
	const struct point *size = find(rig->profile, SCOPE_MAINS, Q_CT_SIZE, MAINS_A);
	struct frame request = frame("01 10 00 72 00 04 08 4*012C 72 A3");
	struct frame answer = frame("01 10 00 72 00 04 61 D1");
	uint16_t words[4];

	read_captured(rig, size->reg, size->count, "01 03 00 72 00 04 E4 12",
		"01 03 08 4*00C8 BD A3", words);
	for (unsigned i = 0; i < size->count; i++) {
		int64_t value;

		assert_true(codec_decode(rig->profile, size, &words[i], 0, &value));
		assert_int_equal(value, 200000);
		assert_int_equal(codec_encode(rig->profile, size, 300000, 0, &words[i]), 0);
	}
	peer_start(rig, &request, &answer);
	assert_int_equal(modbus_write_registers(rig->client, size->reg, size->count, words), 4);
	peer_join(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(scales_of_all_branches, rig_start, rig_stop),
		cmocka_unit_test_setup_teardown(currents_of_all_branches, rig_start, rig_stop),
		cmocka_unit_test_setup_teardown(layout_register, rig_start, rig_stop),
		cmocka_unit_test_setup_teardown(ct_sizes_of_the_mains, rig_start, rig_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
