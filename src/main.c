/*
 * The program: finds the command and runs it.
 */
#include "service/command_check.h"
#include "service/command_migrate.h"
#include "service/command_sleep.h"
#include "service/commands.h"
#include "service/config.h"
#include "service/service.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COMMANDS "serve, migrate, check, sleep, selftest or version"

static int misuse(const char *command, const char *reason)
{
    (void)fprintf(stderr, "splits: %s: %s; --help tells more\n", command, reason);
    return COMMAND_USAGE;
}

static int serve(struct config *config, int argc, char **arguments)
{
    (void)arguments;
    return argc > 0 ? misuse("serve", "takes no argument") : service_run(config);
}

static int print_version(struct config *config, int argc, char **arguments)
{
    (void)config, (void)arguments;
    return argc > 0 ? misuse("version", "takes no argument") : command_version();
}

static const struct {
    const char *name;
    int (*run)(struct config *config, int argc, char **arguments); /* arguments: those behind the name */
} commands[] = {
    {"serve", serve},         {"migrate", command_migrate},   {"check", command_check},
    {"sleep", command_sleep}, {"selftest", command_selftest}, {"version", print_version},
};

static int run(struct config *config, int argc, char **arguments)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(arguments[0], commands[i].name) == 0)
            return commands[i].run(config, argc - 1, arguments + 1);
    }
    return misuse(arguments[0], "no such command; there are " COMMANDS);
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
