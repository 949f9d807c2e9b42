/*
 * What each unit test file provides to tests/unit/main.c.
 */
#pragma once

#include <check.h>

Suite *make_suite(void);
