/*
 * The settings for people.
 */
#pragma once

#include <stdio.h>

/* Prints what --help prints. */
void config_print_help(FILE *stream);

/* Prints the table of docs/configuration.md, in Markdown. */
void config_print_markdown(FILE *stream);
