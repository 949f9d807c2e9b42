/*
 * A file that holds the database URL, such as a mounted secret.
 */
#pragma once

#include "base/fault.h"

/*
 * Reads the URL: one line, whose end is cut, of 64 KiB at most. The caller frees *ret_url. FAULT_DATABASE_URL
 * when there is none; *ret_flaw, which lives for ever, says why. It blocks for as long as reading the file
 * does.
 */
enum fault database_url_file_read(const char *path, char **ret_url, const char **ret_flaw);
