/*
 * Collecting what a transaction tells, and giving it to the journal.
 *
 * The frame is built in memory of the process while the transaction runs, and
 * begun anew whenever its body is.  A record is open from ks_effect_begin() to
 * the last of its arguments; the frame is whole after each of them.
 */

#include <stdarg.h>
#include <stdlib.h>

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_wire.h"


#define KS_FRAME_ROOM  4096             /* bytes to begin with */
#define KS_INT_ROOM    24               /* a number, its sign and CRLF */


static int ks_frame_grow(ks_telling_t *t, size_t len);


/* --- the frame --- */

void
ks_frame_start(ks_space_t *sp)
{
    sp->tell.len = sizeof(ks_frame_t);
    sp->tell.effects = 0;
    sp->tell.commands = 0;
    sp->tell.stream = 0;
    sp->tell.lost = 0;
    sp->tell.kinds = 0;
    sp->tell.readers = 0;
    sp->tell.changes = sp->changes;
    sp->tell.notify = ks_zone_notify(sp->mem.zone);

    if (sp->tell.notify == 0) {
        sp->told.kinds &= ~KS_TOLD_EVENTS;
    }

    sp->author = 0;
    sp->reads = 0;
}


/*
 * Bytes of the stream that the frame comes to.  Of one that is lost nobody
 * knows them: whoever had the stream up to it cannot go on behind it.
 */

static inline size_t
ks_frame_stream(const ks_space_t *sp, const ks_telling_t *t)
{
    if (!(sp->told.kinds & KS_TOLD_STREAM)) {
        return 0;
    }

    return t->stream + (t->commands > 1 ? KS_WIRE_AROUND : 0) + t->lost;
}


/* The journal is locked, or the frame was a transaction of its own. */

static inline void
ks_frame_wrote(ks_space_t *sp)
{
    sp->call->wrote = sp->mem.zone->journal.head;
    sp->call->streamed = sp->mem.zone->journal.stream;
}


void
ks_frame_append(ks_space_t *sp)
{
    ks_frame_t   *frame;
    ks_telling_t *t;

    t = &sp->tell;

    if ((sp->told.kinds & KS_TOLD_SAVES) && sp->changes != t->changes) {
        ks_tell(sp, KS_TOLD_SAVES, 0, 0, NULL);
    }

    if (t->lost) {
        ks_journal_append(&sp->mem, NULL, sp->mem.zone->journal.size + 8,
                          ks_frame_stream(sp, t), t->kinds | sp->told.kinds,
                          t->readers);
        ks_frame_wrote(sp);
        return;
    }

    if (t->len == sizeof(ks_frame_t)) {
        return;
    }

    frame = (ks_frame_t *) t->frame;
    frame->len = (uint32_t) t->len;
    frame->effects = t->effects;
    frame->now = sp->now;

    ks_journal_append(&sp->mem, frame, t->len, ks_frame_stream(sp, t),
                      t->kinds, t->readers);

    if (t->effects) {
        ks_frame_wrote(sp);
    }
}


/* room for so many bytes at the frame's end; NULL: it is lost */

static inline u_char *
ks_frame_room(ks_space_t *sp, size_t len)
{
    ks_telling_t  *t;

    t = &sp->tell;

    if (t->lost || len > sp->mem.zone->journal.size - t->len) {
        t->lost = 1;
        return NULL;
    }

    if (ks_unlikely(t->len + len > t->room) && ks_frame_grow(t, len) != KS_OK)
    {
        t->lost = 1;
        return NULL;
    }

    return t->frame + t->len;
}


static int __attribute__((noinline))
ks_frame_grow(ks_telling_t *t, size_t len)
{
    size_t   room;
    u_char  *p;

    room = ks_max(t->room * 2, (size_t) KS_FRAME_ROOM);
    room = ks_max(room, t->len + len);
    p = realloc(t->frame, room);

    if (p == NULL) {
        return KS_NOMEM;
    }

    t->frame = p;
    t->room = room;

    return KS_OK;
}


/* Begins a record with room for so many bytes of data; NULL: it is lost. */

static u_char *
ks_record_begin(ks_space_t *sp, uint32_t kind, uint64_t readers, size_t room)
{
    ks_telling_t       *t;
    ks_frame_record_t  *record;

    t = &sp->tell;
    t->kinds |= kind;
    t->readers |= readers;

    record = (ks_frame_record_t *)
                 ks_frame_room(sp, sizeof(ks_frame_record_t) + room + 8);

    if (record == NULL) {
        return NULL;
    }

    record->kind = kind;
    record->readers = readers;
    t->record = t->len;

    return record->data;
}


/* Ends what is written of the open record at p; its padding is part of it. */

static inline void
ks_record_end(ks_telling_t *t, u_char *p)
{
    ks_frame_record_t  *record;

    record = (ks_frame_record_t *) (t->frame + t->record);
    record->len = (uint32_t) (p - record->data);

    memset(p, 0, 8);
    t->len = t->record + sizeof(ks_frame_record_t)
             + ks_align((size_t) record->len, 8);
}


/* --- records of parts: a length of four bytes before each --- */

int
ks_told_now(const ks_space_t *sp, uint32_t kinds)
{
    return (ks_journal_told(&sp->mem) & kinds) != 0;
}


void
ks_told_more(ks_space_t *sp, uint32_t kinds)
{
    if (sp->told.kinds == 0) {
        ks_frame_start(sp);
    }

    sp->told.kinds |= kinds;
}


void
ks_effects_lose(ks_space_t *sp)
{
    if (ks_effects_told(sp)) {
        sp->tell.lost = 1;
        sp->tell.kinds |= KS_TOLD_EFFECTS;
    }
}


void
ks_set_author(ks_space_t *sp, uint64_t id)
{
    sp->author = id;
}


int
ks_set_reads(ks_space_t *sp, int reads)
{
    int  before;

    before = sp->reads;
    sp->reads = (reads != 0);

    return before;
}


size_t
ks_tell_max(const ks_space_t *sp)
{
    return sp->mem.zone->journal.size / 4;
}


size_t
ks_tell_room(const ks_space_t *sp)
{
    size_t  used, most;

    used = sp->told.kinds ? sp->tell.len : 0;
    most = sp->mem.zone->journal.size / 2;

    return ks_min(ks_tell_max(sp), most - ks_min(most, used));
}


void
ks_tell(ks_space_t *sp, uint32_t kind, uint64_t readers, unsigned n,
    const ks_str_t *parts)
{
    size_t     size;
    u_char    *p;
    unsigned   i;
    uint32_t   len;

    if (sp->mem.zone->journal.size == 0) {
        return;
    }

    ks_told_more(sp, kind);

    for (size = 0, i = 0; i < n; i++) {
        size += sizeof(len) + parts[i].len;
    }

    p = ks_record_begin(sp, kind, readers, size);

    if (p == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        len = (uint32_t) parts[i].len;
        memcpy(p, &len, sizeof(len));
        p += sizeof(len);

        if (len != 0) {
            memcpy(p, parts[i].data, len);
            p += len;
        }
    }

    ks_record_end(&sp->tell, p);
}


int
ks_record_part(const ks_frame_record_t *record, size_t *at, ks_str_t *part)
{
    uint32_t  len;

    if (*at == record->len) {
        return KS_NONE;
    }

    memcpy(&len, record->data + *at, sizeof(len));
    part->len = len;
    part->data = (u_char *) record->data + *at + sizeof(len);
    *at += sizeof(len) + len;

    return KS_OK;
}


/* --- records of other forms --- */

u_char *
ks_frame_record(ks_space_t *sp, uint32_t kind, size_t len)
{
    u_char  *p;

    p = ks_record_begin(sp, kind, 0, len);

    if (p != NULL) {
        ks_record_end(&sp->tell, p + len);
    }

    return p;
}


u_char *
ks_frame_open(ks_space_t *sp, uint32_t kind, size_t room)
{
    return ks_record_begin(sp, kind, 0, room);
}


void
ks_frame_close(ks_space_t *sp, u_char *end)
{
    ks_record_end(&sp->tell, end);
}


/* --- effects --- */

/* The digits of a number; where they end. */

static inline u_char *
ks_effect_digits(u_char *p, size_t n)
{
    u_char   *at, text[KS_INT_ROOM];

    if (n < 10) {
        *p++ = (u_char) ('0' + n);
        return p;
    }

    at = text + sizeof(text);

    for ( /* void */ ; n; n /= 10) {
        *--at = (u_char) ('0' + n % 10);
    }

    memcpy(p, at, (size_t) (text + sizeof(text) - at));

    return p + (text + sizeof(text) - at);
}


/*
 * Behind a sign and before a line's end; where to go on.  Most have a digit or
 * two, and are one store.
 */

static inline u_char *
ks_effect_number(u_char *p, u_char sign, size_t n)
{
    uint64_t  word;

    if (n < 10) {
        word = sign | (uint64_t) ('0' + n) << 8 | (uint64_t) '\r' << 16
               | (uint64_t) '\n' << 24;
        memcpy(p, &word, sizeof(word));

        return p + 4;
    }

    if (n < 100) {
        word = sign | (uint64_t) ('0' + n / 10) << 8
               | (uint64_t) ('0' + n % 10) << 16 | (uint64_t) '\r' << 24
               | (uint64_t) '\n' << 32;
        memcpy(p, &word, sizeof(word));

        return p + 5;
    }

    *p++ = sign;
    p = ks_effect_digits(p, n);
    *p++ = '\r';
    *p++ = '\n';

    return p;
}


/* where the open record goes on, with room for so many bytes; NULL: lost */

static inline u_char *
ks_effect_from(ks_space_t *sp, size_t room)
{
    ks_telling_t       *t;
    ks_frame_record_t  *record;

    t = &sp->tell;

    if (ks_frame_room(sp, room + 8) == NULL) {
        return NULL;
    }

    record = (ks_frame_record_t *) (t->frame + t->record);

    return record->data + record->len;
}


static inline u_char *
ks_effect_bulk(u_char *p, const u_char *data, size_t len)
{
    p = ks_effect_number(p, '$', len);
    memcpy(p, data, len);
    p += len;
    *p++ = '\r';
    *p++ = '\n';

    return p;
}


/* Of the open record, a command's, the bytes from start to p were added. */

static inline void
ks_effect_end(ks_telling_t *t, const u_char *start, u_char *p)
{
    t->stream += (size_t) (p - start);
    ks_record_end(t, p);
}


void
ks_effect_begin(ks_space_t *sp, int argc)
{
    u_char  *p;

    if (!ks_effects_told(sp)) {
        return;
    }

    p = ks_record_begin(sp, KS_TOLD_EFFECTS, 0, KS_INT_ROOM);

    if (p != NULL) {
        sp->tell.effects++;
        sp->tell.commands++;
        ks_effect_end(&sp->tell, p, ks_effect_number(p, '*', (size_t) argc));
    }
}


void
ks_effect_arg(ks_space_t *sp, const u_char *data, size_t len)
{
    u_char  *p;

    if (!ks_effects_told(sp)) {
        return;
    }

    p = ks_effect_from(sp, len + KS_INT_ROOM + 2);

    if (p != NULL) {
        ks_effect_end(&sp->tell, p, ks_effect_bulk(p, data, len));
    }
}


/* A whole command, of that kind; KS_NOMEM: it is lost. */

static inline int
ks_command_tell(ks_space_t *sp, uint32_t kind, int argc, const ks_str_t *argv)
{
    int      i;
    size_t   room;
    u_char  *p, *start;

    for (room = KS_INT_ROOM, i = 0; i < argc; i++) {
        room += argv[i].len + KS_INT_ROOM + 2;
    }

    start = ks_record_begin(sp, kind, 0, room);

    if (start == NULL) {
        return KS_NOMEM;
    }

    p = ks_effect_number(start, '*', (size_t) argc);

    for (i = 0; i < argc; i++) {
        p = ks_effect_bulk(p, argv[i].data, argv[i].len);
    }

    sp->tell.commands++;
    ks_effect_end(&sp->tell, start, p);

    return KS_OK;
}


void
ks_effect(ks_space_t *sp, int argc, const ks_str_t *argv)
{
    if (ks_effects_told(sp)
        && ks_command_tell(sp, KS_TOLD_EFFECTS, argc, argv) == KS_OK)
    {
        sp->tell.effects++;
    }
}


void
ks_stream(ks_space_t *sp, int argc, const ks_str_t *argv)
{
    if (ks_told(sp, KS_TOLD_STREAM)) {
        (void) ks_command_tell(sp, KS_TOLD_STREAM, argc, argv);
    }
}


/* how many arguments a text with its values makes */

static int
ks_effect_count(const char *fmt, va_list ap)
{
    int          n;
    const char  *p;

    n = 1;

    for (p = fmt; *p; p++) {

        if (*p == ' ') {
            n++;

        } else if (p[0] == '%' && p[1] == 's') {
            (void) va_arg(ap, const ks_str_t *);

        } else if (p[0] == '%' && p[1] == 'u') {
            (void) va_arg(ap, uint64_t);

        } else if (p[0] == '%' && p[1] == 'v') {
            n += va_arg(ap, int) - 1;
            (void) va_arg(ap, const ks_str_t *);
        }
    }

    return n;
}


static void
ks_effect_list(ks_space_t *sp, const char *fmt, va_list ap)
{
    int              i, n;
    u_char           text[KS_INT_ROOM];
    size_t           len;
    va_list          again;
    const char      *p;
    const ks_str_t  *s;

    va_copy(again, ap);
    ks_effect_begin(sp, ks_effect_count(fmt, again));
    va_end(again);

    for (p = fmt; *p; p += len + (p[len] == ' ')) {
        len = strcspn(p, " ");

        if (p[0] != '%') {
            ks_effect_arg(sp, (const u_char *) p, len);

        } else if (p[1] == 's') {
            s = va_arg(ap, const ks_str_t *);
            ks_effect_arg(sp, s->data, s->len);

        } else if (p[1] == 'u') {
            n = (int) (ks_effect_digits(text, va_arg(ap, uint64_t)) - text);
            ks_effect_arg(sp, text, (size_t) n);

        } else {
            n = va_arg(ap, int);
            s = va_arg(ap, const ks_str_t *);

            for (i = 0; i < n; i++) {
                ks_effect_arg(sp, s[i].data, s[i].len);
            }
        }
    }
}


void
ks_effectf(ks_space_t *sp, const char *fmt, ...)
{
    va_list  ap;

    if (ks_effects_told(sp)) {
        va_start(ap, fmt);
        ks_effect_list(sp, fmt, ap);
        va_end(ap);
    }
}


/* --- the effects of commands --- */

void
ks_effect_as(ks_space_t *sp, const char *fmt, ...)
{
    va_list  ap;

    if (ks_effects_told(sp)) {
        sp->tell.own = 1;

        va_start(ap, fmt);
        ks_effect_list(sp, fmt, ap);
        va_end(ap);
    }
}


void
ks_effect_at(ks_space_t *sp, int argc, const ks_str_t *argv, int unit,
    uint64_t at)
{
    ks_effect_as(sp, "%v PXAT %u %v", unit, argv, at, argc - unit - 2,
                 argv + unit + 2);
}


ks_effect_mark_t
ks_effect_mark(ks_space_t *sp)
{
    ks_effect_mark_t  mark;

    mark.changes = sp->changes;
    mark.own = sp->tell.own;
    sp->tell.own = 0;

    return mark;
}


void
ks_effect_own(ks_space_t *sp)
{
    sp->tell.own = 1;
}


void
ks_effect_finish(ks_space_t *sp, const ks_effect_mark_t *mark, int argc,
    const ks_str_t *argv)
{
    if (!sp->tell.own && sp->changes != mark->changes) {
        ks_effect(sp, argc, argv);
    }

    sp->tell.own = mark->own;
}
