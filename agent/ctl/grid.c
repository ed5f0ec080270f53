/* grid: see grid.h. Widths count characters of UTF-8, not bytes. */
#include "config.h"

#include "ctl/grid.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/util.h"

#define GAP 2

struct grid {
	const char *const *titles;
	size_t n_columns;
	char **cells;
	size_t n_cells;
	size_t *widths;
};

static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool to_the_right(const char *title)
{
	return title[0] == '>';
}

struct grid *grid_new(const char *const *titles)
{
	struct grid *grid = xcalloc(1, sizeof(*grid));

	grid->titles = titles;
	while (titles[grid->n_columns] != NULL)
		grid->n_columns++;
	grid->widths = xcalloc(grid->n_columns, sizeof(*grid->widths));
	for (size_t i = 0; i < grid->n_columns; i++)
		grid->widths[i] = width(titles[i]) - to_the_right(titles[i]);
	return grid;
}

void grid_free(struct grid *grid)
{
	if (grid == NULL)
		return;
	for (size_t i = 0; i < grid->n_cells; i++)
		free(grid->cells[i]);
	free(grid->cells);
	free(grid->widths);
	free(grid);
}

void grid_cell(struct grid *grid, const char *format, ...)
{
	size_t column = grid->n_cells % grid->n_columns;
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	grid->cells = xrealloc(grid->cells, grid->n_cells + 1, sizeof(*grid->cells));
	grid->cells[grid->n_cells++] = text;
	if (width(text) > grid->widths[column])
		grid->widths[column] = width(text);
}

/* No blanks at the end of a line: pending ones are written before the next text. */
static void print_row(
	const struct grid *grid, const char *const *cells, bool titles, unsigned indent, FILE *out)
{
	size_t pending = indent;

	for (size_t i = 0; i < grid->n_columns; i++) {
		bool right = to_the_right(grid->titles[i]);
		const char *text = cells[i] + (titles && right);
		size_t rest = grid->widths[i] - width(text);

		if (text[0] != '\0') {
			fprintf(out, "%*s%s", (int)(pending + (right ? rest : 0)), "", text);
			pending = GAP + (right ? 0 : rest);
		} else {
			pending += GAP + rest;
		}
	}
	fputc('\n', out);
}

void grid_print(const struct grid *grid, unsigned indent, FILE *out)
{
	if (grid->n_cells == 0)
		return;
	print_row(grid, grid->titles, true, indent, out);
	for (size_t i = 0; i + grid->n_columns <= grid->n_cells; i += grid->n_columns)
		print_row(grid, (const char *const *)&grid->cells[i], false, indent, out);
}
