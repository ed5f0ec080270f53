#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "sim/stage.h"

/*
 * Let the meters answer one request, an ADU of either framing whose length (and check) is right,
 * with what the faults in force make of it. An answer without bytes may still end the connection.
 */
void answer_request(struct stage *stage, enum framing framing, const uint8_t *adu, size_t len,
	double now, struct answer *answer);

#endif
