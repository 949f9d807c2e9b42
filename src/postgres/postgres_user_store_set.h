/*
 * The laboratory's way to the connections of a user store.
 */
#pragma once

#include "postgres/connection_set.h"
#include "postgres/postgres_user_store.h"

/* Borrowed from store, whose configuration has the laboratory on: else its statements are not prepared. */
struct connection_set *postgres_user_store_set(struct postgres_user_store *store);
