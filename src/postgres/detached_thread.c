#include "postgres/detached_thread.h"

#include <pthread.h>
#include <signal.h>

enum fault detached_thread_start(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, run, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) return FAULT_MEMORY;
    (void)pthread_detach(thread);
    return FAULT_NONE;
}
