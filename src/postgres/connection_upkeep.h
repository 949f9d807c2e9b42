/*
 * The connections of a set through time: opened, watched, asked for a sign of life, lost, replaced.
 */
#pragma once

#include "postgres/connection_set_state.h"

/* Sends what the slot's pipeline holds, and closes it when it is broken. */
void connection_upkeep_flush(struct connection_set *set, struct slot *slot);

/* Reads what has come for the slot's pipeline, and closes it when it is lost, or retired and empty. */
void connection_upkeep_receive(struct connection_set *set, struct slot *slot);

/* The slot's connection is lost for this reason; NULL: given up on purpose. Its queries come back. */
void connection_upkeep_close(struct connection_set *set, struct slot *slot, const char *reason);

/* What an event source of a slot calls. */
void connection_upkeep_ready(struct event_source *source, uint32_t events);

/* Retires one connection, or all (once a second at most), after an error that says so. */
void connection_upkeep_retire(struct connection_set *set, struct pipeline *pipeline, bool all_connections);

/* When connections that nobody uses have to be minded again. */
uint64_t connection_upkeep_wake_ns(const struct connection_set *set);

/* Minds time: opens what is down, closes what is silent, asks what is idle for a sign of life. */
void connection_upkeep_maintain(struct connection_set *set);
