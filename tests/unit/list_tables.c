/*
 * What the agent serves, one line a table and a column, for mib-agrees.sh:
 *
 *	table NAME SUBID INDEX-LENGTH
 *	column NAME SUBID ASN-TYPE read-only|read-write
 *	notification NAME SUBID OBJECT...
 */
#include "config.h"

#include <stdio.h>

#include "core/util.h"
#include "snmp/notification.h"
#include "snmp/tables.h"

static const char *event_column(uint8_t subid)
{
	for (size_t i = 0; i < mx_event_table.n_columns; i++)
		if (mx_event_table.columns[i].subid == subid)
			return mx_event_table.columns[i].name;
	return "nothing";
}

static void list_notification(const struct notification *notification)
{
	printf("notification %s %d", notification->name, notification->subid);
	for (size_t i = 0; i < notification->n_columns; i++)
		printf(" %s", event_column(notification->columns[i]));
	printf("\n");
}

/* All that any event is told by, in the order of the MIB. */
static void list_notifications(void)
{
	const struct notification *found[256] = { NULL };

	for (int kind = 0; kind <= EVENT_KIND_COUNT; kind++)
		for (int scope = EVENT_SCOPE_NONE; scope <= EVENT_SCOPE_INPUT; scope++)
			for (int level = 0; level <= LEVEL_COUNT; level++) {
				const struct notification *notification =
					notification_of(&(struct event){
						.kind = kind, .scope = scope, .level = level });

				if (notification)
					found[notification->subid] = notification;
			}
	for (size_t i = 0; i < ARRAY_LEN(found); i++)
		if (found[i])
			list_notification(found[i]);
}

int main(void)
{
	for (size_t i = 0; i < mx_n_tables; i++) {
		const struct table *table = mx_tables[i];

		printf("table %s %d %d\n", table->name, table->subid, table->n_index);
		for (size_t j = 0; j < table->n_columns; j++) {
			const struct column *column = &table->columns[j];

			printf("column %s %d %d %s\n", column->name, column->subid, column->asn,
				column->set ? "read-write" : "read-only");
		}
	}
	list_notifications();
	return 0;
}
