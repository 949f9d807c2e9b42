#include "service/commands.h"

#include "lab/selftest.h"
#include "postgres/database_check.h"
#include "service/build_info.h"
#include "service/command_failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int command_fail(enum fault fault, char *message)
{
    (void)fprintf(stderr, "splits: %s\n", message ? message : fault_code(fault));
    free(message);
    return COMMAND_FAILED;
}

bool command_load_url(struct config *config)
{
    const char *flaw = config_load_url(config);
    if (flaw) (void)fprintf(stderr, "splits: database-url-file=%s: %s\n", config->database_url_file, flaw);
    return !flaw;
}

#if SPLITS_LAB
int command_selftest(struct config *config, int argc, char **arguments)
{
    bool is_quick = argc == 1 && strcmp(arguments[0], "quick") == 0;
    if (argc > 0 && !is_quick) {
        (void)fprintf(stderr, "splits: selftest: takes no argument, or \"quick\"\n");
        return COMMAND_USAGE;
    }
    if (!command_load_url(config)) return COMMAND_USAGE;
    struct selftest_config selftest = {
        .program = "/proc/self/exe",
        .database_url = config->database_url,
        .migrations_dir = config->migrations_dir,
        .is_quick = is_quick,
    };
    return selftest_run(&selftest) == 0 ? COMMAND_OK : COMMAND_FAILED;
}
#else
int command_selftest(struct config *config, int argc, char **arguments)
{
    (void)config, (void)argc, (void)arguments;
    (void)fprintf(stderr, "splits: selftest: this build has no laboratory\n");
    return COMMAND_USAGE;
}
#endif

int command_version(void)
{
    int libpq = database_library_version();
    (void)printf("splits %s\n", SPLITS_VERSION);
    (void)printf("compiler: %s\n", BUILD_COMPILER);
    (void)printf("libpq: %d.%d\n", libpq / 10000, libpq % 10000);
    return COMMAND_OK;
}
