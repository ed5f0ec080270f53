/*
 * folder: is the folder of what outlives the agent its own? Any thread.
 */
#ifndef METERX_STORE_FOLDER_H
#define METERX_STORE_FOLDER_H

#include <stddef.h>

/*
 * Whether nobody but us and root can change what is in the folder: it is a folder, ours
 * or root's, not for a group or for all to write, and the link that leads to it, if it is
 * one, is not somebody else's. 0; -errno of the system; or -EPERM, -ENOTDIR with what
 * is wrong, and what to do, in why (which stays "" otherwise).
 */
int folder_check(const char *path, char *why, size_t size);

#endif
