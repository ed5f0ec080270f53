/*
 * answer: requests that came by the library's way, through its handler.
 *
 * That is what the stream does not answer by itself: PDUs in which an OID of
 * somebody else's stands, or a context. SNMP thread only.
 */
#ifndef METERX_SNMP_ANSWER_H
#define METERX_SNMP_ANSWER_H

#include <stdbool.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "snmp/view.h"

/* mxObjects: all tables hang below it, and it is what we register. */
#define MX_OBJECTS                                                                                 \
	{                                                                                          \
		MX_OID_ARCS, 1                                                                     \
	}

/* Answer what the library hands to a handler in MODE_GET (next false) or MODE_GETNEXT. */
void answer_requests(struct view *view, netsnmp_request_info *requests, bool next);

#endif
