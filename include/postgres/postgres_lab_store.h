/*
 * The laboratory's store over the connections of a user store: its queries share them with all others.
 */
#pragma once

#include "lab/lab_store.h"
#include "postgres/postgres_user_store.h"

struct postgres_lab_store;

/* users, made with `laboratory` set, is borrowed and must outlive it. FAULT_MEMORY. */
enum fault postgres_lab_store_new(struct postgres_user_store *users, struct postgres_lab_store **ret_store);
void postgres_lab_store_free(struct postgres_lab_store *store); /* takes NULL */

struct lab_store *postgres_lab_store_interface(struct postgres_lab_store *store);
