/*
 * The resource /users: reads requests, asks the store, writes answers.
 */
#pragma once

#include "http/router.h"
#include "users/user_store.h"

/* What the handlers need: the services of their route table. */
struct user_services {
    struct user_store *store;
};

/* "/users" and "/users/{id}"; ends with a NULL path. */
extern const struct route user_routes[];
