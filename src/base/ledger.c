#include "base/ledger.h"

const char *phase_name(enum phase phase)
{
    static const char *const names[PHASE_COUNT] = {
        [PHASE_READ] = "read", [PHASE_PARSE] = "parse", [PHASE_QUEUE] = "queue", [PHASE_DB] = "db",
        [PHASE_JSON] = "json", [PHASE_SEND] = "send",   [PHASE_OTHER] = "other",
    };
    return names[phase];
}
