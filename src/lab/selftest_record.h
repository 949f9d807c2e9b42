/*
 * One request as three witnesses saw it: the client, the Server-Timing field of its answer, and the access
 * log. Joined by the request's id.
 */
#pragma once

#include "base/fault.h"
#include "base/ledger.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SELFTEST_REQUEST_ID_SIZE_MAX 129 /* bytes with the end, as in struct request */

/* Phases in one unit, and the total as it was written, not summed up here. */
struct selftest_phases {
    uint64_t spent[PHASE_COUNT];
    uint64_t total;
};

struct selftest_record {
    char request_id[SELFTEST_REQUEST_ID_SIZE_MAX]; /* of the answer; terminated */
    unsigned status;                               /* of the answer; 0: none came */
    uint64_t client_ns;               /* about to send the request → the last byte of the answer is here */
    struct selftest_phases header_us; /* Server-Timing, in microseconds; send is not in it: 0 */
    struct selftest_phases log_ns;    /* the access log's line */
    bool is_logged;                   /* log_ns is there */
};

/* Of one run of the client. All zero, there are none. */
struct selftest_records {
    struct selftest_record *items; /* by request id, once they are read */
    size_t count;
    size_t logged; /* how many of them are */
};

/* What makes a line of the client's output into a record: for curl's --write-out, with the line feed. */
extern const char selftest_record_format[];

/*
 * Reads the client's output, a line per request in selftest_record_format. An answer that has no other status
 * than 200 needs no Server-Timing. FAULT_VALIDATION: a line is of another form, a 200 has no request id or
 * no Server-Timing, or an id is there twice. FAULT_MEMORY. Release with selftest_records_release.
 */
enum fault selftest_records_read(struct text output, struct selftest_records *ret_records);
void selftest_records_release(struct selftest_records *records);

/*
 * Takes the phases out of lines of the service's log; those that are about other things or other requests
 * are passed over. FAULT_VALIDATION: a line about one of the records has no status 200, or not all the
 * phases, or is there twice.
 */
enum fault selftest_records_join(struct selftest_records *records, struct text log);

/* Reads "read;dur=0.012, …, total;dur=0.345". False: it has not each of them once, or something else. */
bool selftest_phases_read(struct text server_timing, struct selftest_phases *ret_phases_us);
