/*
 * answer: from the varbinds of a request to those of its response.
 *
 * The one place where a cell becomes an SNMP value, whichever way the request
 * came: in the session callback (answer_pdu) or through the library's handler
 * (answer_requests). SNMP thread only.
 */
#ifndef METERX_SNMP_ANSWER_H
#define METERX_SNMP_ANSWER_H

#include <stdbool.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "snmp/view.h"

/* mxObjects: all tables hang below it, and it is what we register. */
#define MX_OBJECTS { MX_OID_ARCS, 1 }

/*
 * Answer a Get or GetNext of the master and send the response. False, and
 * nothing done, when the PDU is for the library: another command, a context,
 * or an OID that is not below mxObjects.
 */
bool answer_pdu(struct view *view, netsnmp_session *session, netsnmp_pdu *pdu);

/* Answer what the library hands to a handler in MODE_GET (next false) or MODE_GETNEXT. */
void answer_requests(struct view *view, netsnmp_request_info *requests, bool next);

#endif
