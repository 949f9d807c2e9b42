/*
 * An answer without the library, for clients who are refused before it knows them.
 */
#pragma once

#include "base/fault.h"
#include "base/text.h"

/* Sends fault's problem as a whole response that closes the connection; if the socket has no room, nothing.
 */
void refusal_send(int socket, enum fault fault, struct text request_id);
