/*
 * How many CPUs this process may use.
 */
#pragma once

/*
 * Those of its affinity mask, or the quota of its control group or of one above it, whichever is less. A
 * quota is rounded down to whole CPUs; the result is at least 1. Version 2 (cpu.max) and version 1
 * (cpu.cfs_quota_us) of control groups. root goes in front of /proc and /sys: "", or a folder that a
 * test has made.
 */
unsigned cpus_allowed(const char *root);

/* The quota alone, in thousandths of a CPU; 0 for none. */
unsigned cpus_quota(const char *root);
