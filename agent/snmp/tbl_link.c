/* mxLinkTable: the lines and connections over which the meters are read. */
#include "config.h"

#include "snmp/tables.h"

#include <stdio.h>

#include "core/util.h"
#include "snmp/columns.h"

static void locate(const struct site_link *link, struct row *row)
{
	row->link = link;
	row->index[0] = link->conf->index;
}

static bool link_find(struct view *view, const uint32_t *index, struct row *row)
{
	const struct site *site = view_site(view);

	for (size_t i = 0; i < site->n_links; i++) {
		if (site->links[i].conf->index == index[0]) {
			locate(&site->links[i], row);
			return true;
		}
	}
	return false;
}

static bool link_next(
	struct view *view, const uint32_t *index, size_t n, bool inclusive, struct row *row)
{
	const struct site *site = view_site(view);

	for (size_t i = 0; i < site->n_links; i++) {
		uint32_t at = site->links[i].conf->index;

		if (n == 0 || at > index[0] || (at == index[0] && inclusive)) {
			locate(&site->links[i], row);
			return true;
		}
	}
	return false;
}

static struct link_status status(const struct row *row)
{
	struct link_status status_now;

	link_slot_get(row->link->slot, &status_now);
	return status_now;
}

static GETTER(link_name)
{
	(void)column;
	cell_set_text(cell, row->link->conf->name);
}

static GETTER(link_transport)
{
	static const uint8_t transports[] = {
		[TRANSPORT_TCP] = 1,
		[TRANSPORT_RTU] = 2,
		[TRANSPORT_RTU_TCP] = 3,
	};

	cell_set_number(cell, column, transports[row->link->conf->transport]);
}

/* "192.0.2.5:502", "[2001:db8::5]:502", "/dev/ttyS0 19200 8E1" */
static GETTER(link_address)
{
	static const char parities[] = {
		[PARITY_NONE] = 'N', [PARITY_EVEN] = 'E', [PARITY_ODD] = 'O'
	};
	const struct link_conf *conf = row->link->conf;

	(void)column;
	if (conf->transport == TRANSPORT_RTU)
		snprintf(cell->buffer, sizeof(cell->buffer), "%s %u 8%c%u", conf->device,
			conf->baud, parities[conf->parity], conf->stop_bits);
	else
		link_conf_address(conf, cell->buffer, sizeof(cell->buffer));
	cell_set_text(cell, cell->buffer);
}

static GETTER(link_state)
{
	cell_set_number(cell, column, status(row).state);
}

static GETTER(link_last_change)
{
	(void)column;
	cell_set_time(cell, status(row).changed_wall_ms);
}

static GETTER(link_error)
{
	struct link_status now = status(row);

	(void)column;
	text_copy(cell->buffer, sizeof(cell->buffer), now.error);
	cell_set_text(cell, cell->buffer);
}

/* arg: offset of a 64-bit counter in struct link_status */
static GETTER(link_counter)
{
	struct link_status now = status(row);

	cell_set_number(
		cell, column, (int64_t) * (const uint64_t *)((const char *)&now + column->arg));
}

static GETTER(link_round_trip)
{
	struct link_status now = status(row);

	if (now.round_trip_us > 0)
		cell_set_number(cell, column, now.round_trip_us);
}

static GETTER(link_load)
{
	cell_set_number(cell, column, status(row).load_permille);
}

#define COUNTER(number, text, field)                                                               \
	COLUMN(number, ASN_COUNTER64, text, link_counter,                                          \
		.arg = offsetof(struct link_status, field))

static const struct column columns[] = {
	COLUMN(2, ASN_OCTET_STR, "mxLinkName", link_name),
	COLUMN(3, ASN_INTEGER, "mxLinkTransport", link_transport),
	COLUMN(4, ASN_OCTET_STR, "mxLinkAddress", link_address),
	COLUMN(5, ASN_INTEGER, "mxLinkState", link_state),
	COLUMN(6, ASN_OCTET_STR, "mxLinkLastChange", link_last_change),
	COLUMN(7, ASN_OCTET_STR, "mxLinkError", link_error),
	COUNTER(8, "mxLinkRequests", requests),
	COUNTER(9, "mxLinkTimeouts", timeouts),
	COUNTER(10, "mxLinkCrcErrors", crc_errors),
	COUNTER(11, "mxLinkExceptions", exceptions),
	COUNTER(12, "mxLinkReconnects", reconnects),
	COLUMN(13, ASN_GAUGE, "mxLinkRoundTrip", link_round_trip),
	COLUMN(14, ASN_UNSIGNED, "mxLinkLoad", link_load),
	COUNTER(15, "mxLinkWrongAnswers", wrong_answers),
	COUNTER(16, "mxLinkGatewayExceptions", gateway_exceptions),
};

const struct table mx_link_table = {
	.name = "mxLinkTable",
	.subid = 2,
	.n_index = 1,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.find = link_find,
	.next = link_next,
};
