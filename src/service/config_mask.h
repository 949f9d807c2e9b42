/*
 * Keeps passwords out of logs.
 */
#pragma once

/*
 * A copy of a connection URI, key=value string or database's name in which the password, and whatever may
 * be one or a part of one, is "***"; on the heap for the caller to free. NULL when memory is short.
 */
char *config_mask_secret(const char *database_url);
