/*
 * The handler of GET /debug/slowest; include/operations/debug_routes.h says what it answers.
 */
#pragma once

#include "http/router.h"

route_handler debug_slowest_get;
