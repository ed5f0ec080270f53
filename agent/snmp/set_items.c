/* set_items: see set_items.h. */
#include "config.h"

#include "snmp/set_items.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"
#include "snmp/columns.h"
#include "snmp/setters.h"

/* One SET while it is tested. */
struct test {
	struct view *view;
	struct set_items *items;
	unsigned varbind; /* from 1 */
};

static const struct site_link *panel_link(const struct view *view, const struct panel *panel)
{
	const struct site *site = view_site(view);

	return &site->links[panel->conf->link - site->config->links];
}

/* A job for it could be begun now. */
static bool panel_can_be_asked(struct view *view, const struct panel *panel)
{
	const struct snapshot *snapshot = view_snapshot(view, panel);
	enum comm_state comm = snapshot_comm(snapshot, view_now_ms(view));
	struct link_status status;

	if (comm != COMM_ONLINE && comm != COMM_DEGRADED)
		return false;
	link_slot_get(panel_link(view, panel)->slot, &status);
	return status.state == LINK_UP;
}

/* A command to all panels is for this one too. */
static bool is_meant(const struct panel *panel, const struct change *change)
{
	if (!panel->conf->enabled || (panel->conf->writes & change->group) != change->group)
		return false;
	return change->op.kind != JOB_CLEAR_LATCHES ||
	       profile_clears_latches(panel->layout->profile);
}

/* What is there and cannot be changed is notWritable, what is not there cannot be made. */
static int refusal(const struct row *row, const struct column *column, int error)
{
	struct cell cell = { .state = CELL_ABSENT };

	if (error != SNMP_ERR_NOTWRITABLE)
		return error;
	column->get(row, column, &cell);
	return cell.state == CELL_PRESENT ? SNMP_ERR_NOTWRITABLE : SNMP_ERR_NOCREATION;
}

static int check_leave(const struct row *row, const struct change *change)
{
	const struct site *site = view_site(row->view);

	if ((row->panel->conf->writes & change->group) != change->group)
		return SNMP_ERR_NOTWRITABLE;
	if (change->kind == CHANGE_NAME)
		return site->journal ? SNMP_ERR_NOERROR : SNMP_ERR_RESOURCEUNAVAILABLE;
	return panel_can_be_asked(row->view, row->panel) ? SNMP_ERR_NOERROR
							 : SNMP_ERR_RESOURCEUNAVAILABLE;
}

/* "mxThresholdValue.1.1.0.1" */
static void name_object(const struct set_varbind *varbind, const struct row *row,
	const struct column *column, char *text, size_t size)
{
	size_t first = row->panel ? 3 : 2; /* after table and entry or group, and column */
	size_t length = (size_t)snprintf(text, size, "%s", column->name);

	for (size_t i = first; i < varbind->n && length < size; i++)
		length += (size_t)snprintf(
			text + length, size - length, ".%" PRIu32, varbind->suffix[i]);
}

/* The texts live as long as the transaction. */
static void own_texts(struct set_item *item)
{
	struct name_change *name = &item->change.name;
	size_t text = strlen(name->text) + 1;

	item->text = xcalloc(text + strlen(name->configured) + 1, 1);
	memcpy(item->text, name->text, text);
	strcpy(item->text + text, name->configured);
	name->text = item->text;
	name->configured = item->text + text;
}

static void item_add(struct test *test, const struct change *change, const struct panel *panel,
	uint64_t threshold)
{
	struct set_items *items = test->items;
	struct set_item *item;

	items->list = xrealloc(items->list, items->n + 1, sizeof(*items->list));
	item = &items->list[items->n++];
	*item = (struct set_item){
		.change = *change,
		.varbind = test->varbind,
		.panel = panel->conf->index,
		.threshold = threshold,
		.slot = store_slot_ref(panel->slot),
		.queue = job_queue_ref(panel_link(test->view, panel)->jobs),
		.async = panel->conf->writes_async || change->kind == CHANGE_PANELS,
	};
	if (change->kind == CHANGE_NAME)
		own_texts(item);
}

/* One after the other, and nobody waits for all of them. */
static int add_panels(struct test *test, struct change *change)
{
	struct view *view = test->view;
	const struct site *site = view_site(view);
	int error = SNMP_ERR_NOTWRITABLE;

	change->op.scope = SCOPE_PANEL;
	change->op.channel = 1;
	for (size_t i = 0; i < site->n_panels; i++) {
		const struct panel *panel = &site->panels[i];

		if (!is_meant(panel, change))
			continue;
		if (panel_can_be_asked(view, panel)) {
			item_add(test, change, panel, BOARD_PANEL);
			error = SNMP_ERR_NOERROR;
		} else if (error != SNMP_ERR_NOERROR) {
			error = SNMP_ERR_RESOURCEUNAVAILABLE;
		}
	}
	return error;
}

/* In the order of RFC 3416, section 4.2.5. */
static int check(struct test *test, const struct set_varbind *varbind)
{
	struct change change = { 0 };
	struct row row;
	bool found;
	const struct column *column =
		table_find(test->view, varbind->suffix, varbind->n, &row, &found);
	int error;

	if (column == NULL || column->set == NULL)
		return SNMP_ERR_NOTWRITABLE;
	if (varbind->wanted.asn != column->asn)
		return SNMP_ERR_WRONGTYPE;
	if (!found)
		return SNMP_ERR_NOCREATION;
	error = column->set(&row, column, &varbind->wanted, &change);
	if (error != SNMP_ERR_NOERROR)
		return refusal(&row, column, error);
	name_object(varbind, &row, column, change.op.object, sizeof(change.op.object));
	if (change.kind == CHANGE_PANELS)
		return add_panels(test, &change);
	error = check_leave(&row, &change);
	if (error != SNMP_ERR_NOERROR)
		return error;
	item_add(test, &change, row.panel, row_write_key(&row));
	if (change.then) {
		change.op.command = change.then;
		item_add(test, &change, row.panel, row_write_key(&row));
	}
	return SNMP_ERR_NOERROR;
}

static bool is_repeated(const struct set_varbind *varbinds, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (varbinds[i].n == varbinds[at].n &&
			memcmp(varbinds[i].suffix, varbinds[at].suffix,
				varbinds[at].n * sizeof(varbinds[at].suffix[0])) == 0)
			return true;
	return false;
}

static bool share_registers(const struct change *a, const struct change *b)
{
	return a->reg < b->reg + b->words && b->reg < a->reg + a->words;
}

/* One register may be several objects: it cannot hold two values. */
static bool contradicts(const struct set_items *items, unsigned varbind)
{
	const struct set_item *last = items->n > 0 ? &items->list[items->n - 1] : NULL;

	if (last == NULL || last->varbind != varbind)
		return false;
	for (const struct set_item *item = items->list; item < last; item++)
		if (item->panel == last->panel && item->change.op.value != last->change.op.value &&
			share_registers(&item->change, &last->change))
			return true;
	return false;
}

int set_items_check(struct set_items *items, struct view *view, const struct set_varbind *varbinds,
	size_t n, unsigned *index)
{
	struct test test = { .view = view, .items = items };

	for (size_t i = 0; i < n; i++) {
		int error;

		test.varbind = *index = (unsigned)i + 1;
		error = check(&test, &varbinds[i]);
		/* Which of the two the manager means is not known. */
		if (error == SNMP_ERR_NOERROR &&
			(is_repeated(varbinds, i) || contradicts(items, test.varbind)))
			error = SNMP_ERR_INCONSISTENTVALUE;
		if (error != SNMP_ERR_NOERROR)
			return error;
	}
	*index = 0;
	return SNMP_ERR_NOERROR;
}

void set_items_free(struct set_items *items)
{
	for (size_t i = 0; i < items->n; i++) {
		free(items->list[i].text);
		store_slot_unref(items->list[i].slot);
		job_queue_unref(items->list[i].queue);
	}
	free(items->list);
	*items = (struct set_items){ 0 };
}
