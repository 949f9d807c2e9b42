/*
 * A thread for what would make a loop wait. Nobody joins it.
 */
#pragma once

#include "base/fault.h"

/*
 * Starts run(argument), with all signals blocked: they are the main thread's business. FAULT_MEMORY when the
 * system starts no thread, whatever it lacks: memory, or the right to one more.
 */
enum fault detached_thread_start(void *(*run)(void *), void *argument);
