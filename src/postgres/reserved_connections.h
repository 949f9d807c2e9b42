/*
 * SQL for how many of the server's connections are not for everybody. reserved_connections exists from
 * PostgreSQL 16.
 */
#pragma once

#define RESERVED_CONNECTIONS                                                                                 \
    "current_setting('superuser_reserved_connections')::integer"                                             \
    " + coalesce(current_setting('reserved_connections', true)::integer, 0)"
