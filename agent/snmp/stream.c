/*
 * stream: see stream.h.
 *
 * Bytes of a PDU that is not whole yet stay here, so that the library is only
 * ever given whole ones and never holds a part of one.
 */
#include "config.h"

#include "stream.h"

#include "core/log.h"
#include "core/util.h"
#include "snmp/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define INPUT_BYTES	  65536 /* the library takes no more in one piece */
#define OUTPUT_KEPT_BYTES (256 << 10)

struct stream {
	struct view *view;
	stream_response_fn *on_response;
	void *on_response_arg;
	struct write *write;
	bool ended;
	bool answering; /* what is answered goes out with the rest */
	size_t n_input;
	size_t n_library; /* of these, whole PDUs for the library at the front */
	struct wire_output output;
	uint8_t input[INPUT_BYTES];
};

struct stream *stream_new(struct view *view)
{
	struct stream *stream = xcalloc(1, sizeof(*stream));

	stream->view = view;
	return stream;
}

void stream_set_writer(struct stream *stream, struct write *write)
{
	stream->write = write;
}

void stream_free(struct stream *stream)
{
	if (stream == NULL)
		return;
	free(stream->output.data);
	free(stream);
}

void stream_reset(struct stream *stream)
{
	stream->ended = false;
	stream->n_input = 0;
	stream->n_library = 0;
}

void stream_on_response(struct stream *stream, stream_response_fn *fn, void *arg)
{
	stream->on_response = fn;
	stream->on_response_arg = arg;
}

static void cut_out(struct stream *stream, size_t at, size_t n)
{
	stream->n_input -= n;
	memmove(stream->input + at, stream->input + at + n, stream->n_input - at);
}

/* A master that does not take it in will be seen to have gone when it is next read from. */
static void send_all(int fd, const uint8_t *data, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return;
		if (sent > 0) {
			data += sent;
			n -= (size_t)sent;
		}
	}
}

bool stream_has_room(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLOUT);
}

void stream_send(int fd, const struct wire_output *output)
{
	send_all(fd, output->data, output->length);
}

static void output_send(struct stream *stream, int fd)
{
	struct wire_output *output = &stream->output;

	send_all(fd, output->data, output->length);
	output->length = 0;
	if (output->capacity > OUTPUT_KEPT_BYTES) {
		free(output->data);
		*output = (struct wire_output){ 0 };
	}
}

/* The master's answer to a request of ours. */
static bool take_response(struct stream *stream, const uint8_t *pdu, size_t length)
{
	struct wire_ids ids;
	unsigned error;

	if (!wire_response_read(pdu, length, &ids, &error) || ids.transaction != STREAM_TRANSACTION)
		return false;
	if (stream->on_response)
		stream->on_response(stream->on_response_arg, ids.packet, error);
	return true;
}

void stream_answer_set(struct stream *stream, int fd, const struct set_token *token, int error,
	unsigned index)
{
	wire_set_answer(token, error, index, &stream->output);
	if (!stream->answering)
		output_send(stream, fd);
}

static bool set_receive(struct stream *stream, const uint8_t *pdu, size_t length)
{
	struct wire_set set;
	bool taken;

	if (stream->write == NULL || !wire_set_read(pdu, length, &set))
		return false;
	taken = write_receive(stream->write, &set.request);
	wire_set_free(&set);
	return taken;
}

/* What is ours wherever it lies: responses to us, and SETs, which the library would refuse. */
static bool take_out(struct stream *stream, size_t at, size_t length, bool behind)
{
	const uint8_t *pdu = stream->input + at;

	if (!take_response(stream, pdu, length) && !(behind && set_receive(stream, pdu, length)))
		return false;
	cut_out(stream, at, length);
	return true;
}

/* Answer whole PDUs from the front on, up to the first that is for the library. */
static bool answer(struct stream *stream, int fd)
{
	size_t done = 0, at, length;
	bool ours = true;

	stream->answering = true;
	for (at = 0; at < stream->n_input; at += length) {
		const uint8_t *pdu = stream->input + at;

		length = wire_pdu_length(pdu, stream->n_input - at);
		if (length > INPUT_BYTES) {
			log_error("snmp", "the master agent sent a PDU of %zu bytes", length);
			stream->ended = true;
			break;
		}
		if (length == 0 || length > stream->n_input - at)
			break;
		if (take_out(stream, at, length, !ours)) {
			length = 0;
			continue;
		}
		ours = ours && (wire_answer(stream->view, pdu, length, &stream->output) ||
				       set_receive(stream, pdu, length));
		if (ours)
			done = at + length;
	}
	stream->answering = false;
	stream->n_library = at - done;
	cut_out(stream, 0, done);
	if (stream->output.length > 0)
		output_send(stream, fd);
	return done > 0;
}

bool stream_receive(struct stream *stream, int fd)
{
	ssize_t n;

	if (stream_has_more(stream))
		return false;
	do {
		n = recv(fd, stream->input + stream->n_input, INPUT_BYTES - stream->n_input,
			MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (n <= 0) {
		stream->ended = true;
		return false;
	}
	stream->n_input += (size_t)n;
	return answer(stream, fd);
}

bool stream_has_more(const struct stream *stream)
{
	return stream->n_library > 0 || stream->ended;
}

bool stream_ended(const struct stream *stream)
{
	return stream->ended;
}

size_t stream_take(struct stream *stream, void *buffer, size_t size)
{
	size_t n = stream->n_library;

	if (n > size) {
		stream->ended = true;
		return 0;
	}
	memcpy(buffer, stream->input, n);
	cut_out(stream, 0, n);
	stream->n_library = 0;
	return n;
}
