
/*
 * "journal" in a zone's block: the configuration, the directory, and the part
 * of the helper process that writes it.
 */


#ifndef _NGX_KEYSPACE_JOURNAL_H_INCLUDED_
#define _NGX_KEYSPACE_JOURNAL_H_INCLUDED_


#include "ngx_keyspace.h"


/* journal DIR [sync=] [on_error=] [auto=] [auto_min=]; value is the path */
const char *ngx_keyspace_journal(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/* That no two zones have the same; told in the log. */
ngx_int_t ngx_keyspace_journal_check(ngx_cycle_t *cycle,
    ngx_keyspace_conf_t *kcf);

/*
 * Before the zone has its memory: its directory is there, and this nginx's
 * own.  NGX_ERROR: it is told in the log why not.
 */
ngx_int_t ngx_keyspace_journal_take(ngx_keyspace_zone_t *kz, ngx_log_t *log);

/* A cycle has taken over: what it wants comes into force. */
void ngx_keyspace_journal_takeover(ngx_cycle_t *cycle,
    ngx_keyspace_conf_t *kcf);

/*
 * In the helper process, which has kz->space and kz->saver: begins, goes on,
 * and ends.  goes_on() is called when a thread or a timer has come to its end,
 * and calls ngx_keyspace_journal_run().  NGX_ERROR: there is no memory.
 */
ngx_int_t ngx_keyspace_journal_open(ngx_keyspace_zone_t *kz,
    void (*goes_on)(ngx_keyspace_zone_t *kz));
void ngx_keyspace_journal_run(ngx_keyspace_zone_t *kz);
void ngx_keyspace_journal_close(ngx_keyspace_zone_t *kz);

/*
 * In the master, when all other processes have ended: what is left is written.
 */
void ngx_keyspace_journal_finish(ngx_keyspace_zone_t *kz, ngx_log_t *log);


#endif /* _NGX_KEYSPACE_JOURNAL_H_INCLUDED_ */
