/*
 * A folder that stands in for the root of the file system, with /proc and /sys of a test's making.
 */
#pragma once

/* The folder; what it is good for lasts from cgroup_tree_make to cgroup_tree_remove. */
extern char cgroup_tree_root[64];

void cgroup_tree_make(void);
void cgroup_tree_remove(void);

/* Writes a file below the root, with the folders that it is in. */
void cgroup_tree_write(const char *name, const char *content);
