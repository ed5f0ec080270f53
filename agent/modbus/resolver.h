/*
 * resolver: the addresses of one host, with a deadline for finding them.
 *
 * Belongs to one thread at a time. A host that is given as an address costs no lookup.
 */
#ifndef METERX_MODBUS_RESOLVER_H
#define METERX_MODBUS_RESOLVER_H

#include <stdint.h>

struct addrinfo;
struct resolver;

struct resolver *resolver_new(const char *host, uint16_t port);
void resolver_free(struct resolver *resolver); /* NULL is accepted; a lookup under way ends by itself */

/*
 * 0 and the addresses, which stay valid until resolver_forget() or resolver_free().
 * -ETIME: not known yet after timeout_ms, the lookup goes on for the next call;
 * -EDESTADDRREQ: there is no such name; other -errno: no lookup can be begun.
 */
int resolver_find(struct resolver *resolver, int timeout_ms, const struct addrinfo **addresses);
/* The name may have moved: ask anew next time. */
void resolver_forget(struct resolver *resolver);

#endif
