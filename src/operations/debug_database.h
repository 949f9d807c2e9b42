/*
 * The handler of GET /debug/database; include/operations/debug_routes.h says what it answers.
 */
#pragma once

#include "http/router.h"

route_handler debug_database_get;
