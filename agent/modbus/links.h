/*
 * links: the set of running links. Main thread.
 */
#ifndef METERX_MODBUS_LINKS_H
#define METERX_MODBUS_LINKS_H

#include <stdbool.h>

#include "store/site.h"

struct links;

struct links *links_new(void);
/*
 * Make the running links those of the site: unchanged ones go on with their
 * connection, changed and vanished ones are stopped, new ones started.
 * 0 or -errno of the first that could not be started (logged; the rest run).
 */
int links_apply(struct links *links, struct site *site);
/* Try again to start those that could not be. As links_apply(); logged when the last one runs. */
int links_retry(struct links *links);
/*
 * To be called every few seconds. Logs links whose threads are stuck; false when there are
 * links and all of them are: for one of them alone the others shall not be restarted.
 */
bool links_alive(struct links *links);
void links_stop(struct links *links); /* stops all and frees */

#endif
