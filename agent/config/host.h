/*
 * host: what on this machine does not fit a configuration that is right in itself.
 *
 * Nothing of it stops anything: a device may be plugged in later. Main thread.
 */
#ifndef METERX_CONFIG_HOST_H
#define METERX_CONFIG_HOST_H

#include "config/conf.h"

/* Add to doubts that everybody may write the configuration file. */
void host_review_file(const struct config *config, struct problems *doubts);
/* Add to doubts serial devices that are not there, are none, or are the same one. */
void host_review_devices(const struct config *config, struct problems *doubts);

#endif
