/*
 * mxCircuitTable: breakers with several poles. Configured ones are summed up
 * here from their branches within one snapshot, so that the sum is of one
 * moment; a sum with a part missing is absent. The meter's own are its readings.
 *
 * item is the struct circuit_conf, NULL for the meter's own.
 */
#include "config.h"

#include "snmp/tables.h"

#include "core/util.h"
#include "snmp/columns.h"

enum origin {
	ORIGIN_CONFIGURED = 1,
	ORIGIN_METER,
};

static const struct rowset *circuits(const struct panel *panel)
{
	return &panel->circuits;
}

static void locate(struct row *row)
{
	unsigned number = row->index[1];

	row->item = NULL;
	if (number > CIRCUIT_THREE_POLE_BASE) {
		row->scope = SCOPE_THREE_POLE;
		row->channel = number - CIRCUIT_THREE_POLE_BASE;
	} else if (number > CIRCUIT_TWO_POLE_BASE) {
		row->scope = SCOPE_TWO_POLE;
		row->channel = number - CIRCUIT_TWO_POLE_BASE;
	} else {
		row->item = panel_circuit(row->panel, number);
		row->scope = SCOPE_BRANCH;
		row->channel = 0;
	}
}

static unsigned poles(const struct row *row)
{
	const struct circuit_conf *circuit = row->item;

	if (circuit)
		return circuit->n_branches;
	return row->scope == SCOPE_TWO_POLE ? 2 : 3;
}

/* The row of mxBranchTable that is pole 0, 1 or 2 of a configured circuit. */
static struct row pole_row(const struct row *row, unsigned pole)
{
	const struct circuit_conf *circuit = row->item;
	struct row branch = *row;

	branch.channel = circuit->branches[pole];
	return branch;
}

static bool sum(const struct row *row, enum quantity quantity, int64_t *total)
{
	*total = 0;
	for (unsigned pole = 0; pole < poles(row); pole++) {
		struct row branch = pole_row(row, pole);
		struct reading part = row_read(&branch, quantity);

		if (part.quality != QUALITY_GOOD)
			return false;
		*total += part.num;
	}
	return true;
}

static GETTER(circuit_origin)
{
	cell_set_number(cell, column, row->item ? ORIGIN_CONFIGURED : ORIGIN_METER);
}

static GETTER(circuit_label)
{
	const struct circuit_conf *circuit = row->item;

	(void)column;
	cell_set_text(cell, circuit ? circuit->label : "");
}

static GETTER(circuit_tenant)
{
	const struct circuit_conf *circuit = row->item;

	(void)column;
	cell_set_text(cell, circuit ? circuit->tenant : "");
}

static GETTER(circuit_poles)
{
	cell_set_number(cell, column, poles(row));
}

/* arg: pole, from 0 */
static GETTER(circuit_branch)
{
	const struct circuit_conf *circuit = row->item;

	if (circuit && column->arg < circuit->n_branches)
		cell_set_number(cell, column, circuit->branches[column->arg]);
}

static GETTER(circuit_sum)
{
	int64_t total;

	if (row->item == NULL)
		col_reading(row, column, cell);
	else if (sum(row, column->quantity, &total))
		cell_set_number(cell, column, total);
}

static GETTER(circuit_mean)
{
	int64_t total, n = poles(row);

	if (row->item == NULL)
		col_reading(row, column, cell);
	else if (n > 0 && sum(row, column->quantity, &total))
		cell_set_number(cell, column, (total + n / 2) / n);
}

/* What only the meter can know: a sum of maxima is no maximum. */
static GETTER(circuit_own)
{
	if (row->item == NULL)
		col_reading(row, column, cell);
}

/* quantity: of a branch; arg: pole and the quantity of the meter's own circuit. */
#define POLE_ARG(pole, own) ((pole) << 16 | (own))
#define ARG_POLE(arg)	    ((unsigned)((arg) >> 16))
#define ARG_OWN(arg)	    ((enum quantity)((arg)&0xffff))

static GETTER(circuit_pole)
{
	unsigned pole = ARG_POLE(column->arg);
	struct row branch;
	struct reading reading;

	if (pole >= poles(row))
		return;
	if (row->item) {
		branch = pole_row(row, pole);
		reading = row_read(&branch, column->quantity);
	} else {
		reading = row_read(row, ARG_OWN(column->arg));
	}
	if (reading.quality == QUALITY_GOOD)
		cell_set_number(cell, column, reading.num);
}

static void circuit_power_factor(
	const struct row *row, const struct column *column, struct cell *cell)
{
	int64_t active, apparent;

	if (row->item == NULL)
		col_reading(row, column, cell);
	else if (sum(row, Q_ACTIVE_POWER, &active) && sum(row, Q_APPARENT_POWER, &apparent) &&
		 apparent > 0)
		cell_set_number(cell, column,
			(active * 1000 + (active < 0 ? -apparent : apparent) / 2) / apparent);
}

/* The latest of the branches; and the configuration decides which branches these are. */
static void circuit_discontinuity(
	const struct row *row, const struct column *column, struct cell *cell)
{
	int64_t latest = view_site(row->view)->config->loaded_wall_ms, total;

	if (row->item == NULL) {
		col_discontinuity(row, column, cell);
		return;
	}
	if (!sum(row, Q_ENERGY, &total))
		return;
	for (unsigned pole = 0; pole < poles(row); pole++) {
		struct row branch = pole_row(row, pole);
		struct reading since = row_read(&branch, Q_ENERGY_DISCONTINUITY);

		if (since.quality != QUALITY_GOOD)
			return;
		if (since.num > latest)
			latest = since.num;
	}
	cell_set_time(cell, latest);
}

static GETTER(circuit_load)
{
	int64_t highest = 0;

	if (row->item == NULL)
		return;
	for (unsigned pole = 0; pole < poles(row); pole++) {
		struct row branch = pole_row(row, pole);
		int64_t load;

		if (!row_load(&branch, &load))
			return;
		if (load > highest)
			highest = load;
	}
	cell_set_number(cell, column, highest);
}

static GETTER(circuit_state)
{
	enum worst_state worst = STATE_OK, state;

	if (row->item == NULL)
		return;
	for (unsigned pole = 0; pole < poles(row); pole++) {
		struct row branch = pole_row(row, pole);

		if (!row_state(&branch, &state))
			return;
		worst = worse_state(worst, state);
	}
	cell_set_number(cell, column, worst);
}

static bool circuit_alarm_bits(const struct row *row, struct alarm_bits *all)
{
	*all = (struct alarm_bits){ 0 };
	if (row->item == NULL)
		return false;
	for (unsigned pole = 0; pole < poles(row); pole++) {
		struct row branch = pole_row(row, pole);
		struct alarm_bits bits;

		if (!row_alarm_bits(&branch, &bits))
			return false;
		all->active |= bits.active;
		all->latched |= bits.latched;
	}
	return true;
}

static GETTER(circuit_active)
{
	struct alarm_bits bits;

	(void)column;
	if (circuit_alarm_bits(row, &bits))
		cell_set_bits(cell, bits.active);
}

static GETTER(circuit_latched)
{
	struct alarm_bits bits;

	(void)column;
	if (circuit_alarm_bits(row, &bits))
		cell_set_bits(cell, bits.latched);
}

#define SUM(arc, type, text, what) COLUMN(arc, type, text, circuit_sum, .quantity = what)
#define OWN(arc, type, text, what) COLUMN(arc, type, text, circuit_own, .quantity = what)
#define POLES(arc, type, text, what)                                                               \
	COLUMN(arc, type, text "1", circuit_pole, .quantity = what, .arg = POLE_ARG(0, what##_1)), \
		COLUMN(arc + 1, type, text "2", circuit_pole, .quantity = what,                    \
			.arg = POLE_ARG(1, what##_2)),                                             \
		COLUMN(arc + 2, type, text "3", circuit_pole, .quantity = what,                    \
			.arg = POLE_ARG(2, what##_3))

static const struct column columns[] = {
	COLUMN(2, ASN_INTEGER, "mxCircuitOrigin", circuit_origin),
	COLUMN(3, ASN_OCTET_STR, "mxCircuitLabel", circuit_label),
	COLUMN(4, ASN_OCTET_STR, "mxCircuitTenant", circuit_tenant),
	COLUMN(5, ASN_UNSIGNED, "mxCircuitPoles", circuit_poles),
	COLUMN(6, ASN_UNSIGNED, "mxCircuitBranch1", circuit_branch, .arg = 0),
	COLUMN(7, ASN_UNSIGNED, "mxCircuitBranch2", circuit_branch, .arg = 1),
	COLUMN(8, ASN_UNSIGNED, "mxCircuitBranch3", circuit_branch, .arg = 2),
	COLUMN(9, ASN_GAUGE, "mxCircuitCurrent", circuit_mean, .quantity = Q_CURRENT),
	POLES(10, ASN_GAUGE, "mxCircuitCurrent", Q_CURRENT),
	POLES(13, ASN_GAUGE, "mxCircuitMaxCurrent", Q_MAX_CURRENT),
	POLES(16, ASN_GAUGE, "mxCircuitCurrentDemand", Q_CURRENT_DEMAND),
	POLES(19, ASN_GAUGE, "mxCircuitMaxCurrentDemand", Q_MAX_CURRENT_DEMAND),
	SUM(22, ASN_INTEGER, "mxCircuitActivePower", Q_ACTIVE_POWER),
	POLES(23, ASN_INTEGER, "mxCircuitActivePower", Q_ACTIVE_POWER),
	SUM(26, ASN_GAUGE, "mxCircuitApparentPower", Q_APPARENT_POWER),
	POLES(27, ASN_GAUGE, "mxCircuitApparentPower", Q_APPARENT_POWER),
	SUM(30, ASN_INTEGER, "mxCircuitReactivePower", Q_REACTIVE_POWER),
	COLUMN(31, ASN_INTEGER, "mxCircuitPowerFactor", circuit_power_factor,
		.quantity = Q_POWER_FACTOR),
	POLES(32, ASN_INTEGER, "mxCircuitPowerFactor", Q_POWER_FACTOR),
	SUM(35, ASN_INTEGER, "mxCircuitActivePowerDemand", Q_ACTIVE_POWER_DEMAND),
	OWN(36, ASN_INTEGER, "mxCircuitMaxActivePowerDemand", Q_MAX_ACTIVE_POWER_DEMAND),
	OWN(37, ASN_INTEGER, "mxCircuitMaxActivePower", Q_MAX_ACTIVE_POWER),
	SUM(38, ASN_COUNTER64, "mxCircuitEnergy", Q_ENERGY),
	COLUMN(39, ASN_OCTET_STR, "mxCircuitEnergyDiscontinuity", circuit_discontinuity),
	COLUMN(40, ASN_UNSIGNED, "mxCircuitLoad", circuit_load),
	COLUMN(41, ASN_INTEGER, "mxCircuitState", circuit_state),
	COLUMN(42, ASN_OCTET_STR, "mxCircuitActive", circuit_active),
	COLUMN(43, ASN_OCTET_STR, "mxCircuitLatched", circuit_latched),
};

const struct table mx_circuit_table = {
	.name = "mxCircuitTable",
	.subid = 8,
	.n_index = 2,
	.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = circuits,
	.locate = locate,
};
