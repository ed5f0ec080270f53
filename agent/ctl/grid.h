/*
 * grid: a table for people. Columns are as wide as their widest cell.
 */
#ifndef METERX_CTL_GRID_H
#define METERX_CTL_GRID_H

#include <stdio.h>

struct grid;

/* Titles end with NULL and stay the caller's; one that begins with ">" is of a right-aligned
 * column. */
struct grid *grid_new(const char *const *titles);
void grid_free(struct grid *grid);

/* Append a cell; after the last column the next row begins. */
void grid_cell(struct grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Titles and rows, each line after indent blanks. A grid without rows prints nothing. */
void grid_print(const struct grid *grid, unsigned indent, FILE *out);

#endif
