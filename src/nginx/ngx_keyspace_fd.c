
/*
 * A descriptor of this process that is no connection's, and an event for it.
 *
 * It takes none of worker_connections.  Where the event is told by its edge the
 * descriptor need not be read for the next one to be told.
 */


#include "ngx_keyspace.h"


ngx_int_t
ngx_keyspace_fd_listen(ngx_keyspace_fd_t *f, ngx_socket_t fd,
    ngx_event_handler_pt handler, ngx_log_t *log)
{
    ngx_int_t  event;

    f->connection.fd = fd;
    f->connection.log = log;
    f->connection.read = &f->read;
    f->connection.write = &f->write;

    f->read.data = &f->connection;
    f->read.log = log;
    f->read.index = NGX_INVALID_INDEX;
    f->read.handler = handler;

    f->write.data = &f->connection;
    f->write.log = log;
    f->write.index = NGX_INVALID_INDEX;
    f->write.write = 1;

    event = (ngx_event_flags & NGX_USE_CLEAR_EVENT) ? NGX_CLEAR_EVENT
                                                    : NGX_LEVEL_EVENT;

    if (ngx_add_event(&f->read, NGX_READ_EVENT, event) != NGX_OK) {
        f->connection.fd = (ngx_socket_t) -1;
        return NGX_ERROR;
    }

    return NGX_OK;
}
