/*
 * What the agent serves, one line a table and a column, for mib-agrees.sh:
 *
 *	table NAME SUBID INDEX-LENGTH
 *	column NAME SUBID ASN-TYPE read-only|read-write
 */
#include "config.h"

#include <stdio.h>

#include "snmp/table.h"

int main(void)
{
	for (size_t i = 0; i < mx_n_tables; i++) {
		const struct table *table = mx_tables[i];

		printf("table %s %d %d\n", table->name, table->subid, table->n_index);
		for (size_t j = 0; j < table->n_columns; j++) {
			const struct column *column = &table->columns[j];

			printf("column %s %d %d %s\n", column->name, column->subid, column->asn,
				column->writable ? "read-write" : "read-only");
		}
	}
	return 0;
}
