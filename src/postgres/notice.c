#include "postgres/notice.h"

static void drop(void *argument, const PGresult *notice)
{
    (void)argument;
    (void)notice;
}

void notice_ignore(PGconn *connection)
{
    (void)PQsetNoticeReceiver(connection, drop, NULL);
}
