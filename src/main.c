/*
 * The program: finds the command and runs it.
 */
#include "service/commands.h"
#include "service/config.h"
#include "service/service.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COMMANDS "serve, migrate, check, selftest or version"

static int misuse(const char *command, const char *reason)
{
    (void)fprintf(stderr, "splits: %s: %s; --help tells more\n", command, reason);
    return COMMAND_USAGE;
}

static int run(const struct config *config, int argc, char **arguments)
{
    const char *command = arguments[0];
    if (strcmp(command, "migrate") == 0) return command_migrate(config, argc - 1, arguments + 1);
    if (strcmp(command, "selftest") == 0) return command_selftest(config, argc - 1, arguments + 1);
    bool is_serve = strcmp(command, "serve") == 0;
    bool is_check = strcmp(command, "check") == 0;
    bool is_version = strcmp(command, "version") == 0;
    if (!is_serve && !is_check && !is_version) return misuse(command, "no such command; there are " COMMANDS);
    if (argc > 1) return misuse(command, "takes no argument");
    if (is_version) return command_version();
    return is_serve ? service_run(config) : command_check(config);
}

int main(int argc, char **arguments)
{
    /* The customary form; answered whatever the environment holds. */
    if (argc == 2 && strcmp(arguments[1], "--version") == 0) return command_version();

    struct config config;
    int first;
    switch (config_read(argc, arguments, &config, &first)) {
    case CONFIG_OK:
        break;
    case CONFIG_HELP:
        return COMMAND_OK;
    case CONFIG_WRONG:
        return COMMAND_USAGE;
    }
    int code = first < argc ? run(&config, argc - first, arguments + first)
                            : misuse("no command", "needs " COMMANDS);
    config_release(&config);
    return code;
}
