/*
 * Asks a running instance about its health, from its own machine: for images that have no other HTTP client.
 */
#pragma once

/* How long a probe may take in all. An orchestrator has a time limit of its own, mostly less. */
#define PROBE_TIMEOUT_MS 2000

/*
 * GET path of the instance that listens on address and port, which are settings: 0.0.0.0 and :: are reached
 * by the loopback address. 0 when the status is 200. Else 1, and one line on stderr that says why, and begins
 * with name.
 */
int probe_run(const char *name, const char *address, unsigned port, const char *path);
