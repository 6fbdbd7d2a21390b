/*
 * Regular expressions: the steps of a compiled expression are followed side by
 * side.
 *
 * The method is Thompson's, as in Pike's machine: the set of steps that may
 * come next is moved on by one character of the text at a time.
 */

#include "types/ks_regex_code.h"


typedef struct {
    unsigned  n;
    uint16_t  list[KS_REGEX_CODE];
    uint32_t  seen[KS_REGEX_CODE];      /* when a step was put in */
} ks_regex_set_t;

typedef struct {
    const ks_regex_t  *re;
    const u_char      *start;
    const u_char      *p;
    const u_char      *end;
    uint32_t           turn;
    uint64_t          *steps;
} ks_regex_run_t;


static int
ks_regex_wordy(const u_char *p)
{
    return (*p >= '0' && *p <= '9')
           || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z')
           || *p == '_' || *p >= 0x80;
}


static int
ks_regex_edge(const ks_regex_run_t *r)
{
    int  before, behind;

    before = r->p > r->start && ks_regex_wordy(r->p - 1);
    behind = r->p < r->end && ks_regex_wordy(r->p);

    return before != behind;
}


/* whether a step that reads nothing lets pass */

static int
ks_regex_passes(const ks_regex_run_t *r, unsigned op)
{
    switch (op) {

    case KS_RE_BEGIN:
        return r->p == r->start;

    case KS_RE_END:
        return r->p == r->end;

    case KS_RE_EDGE:
        return ks_regex_edge(r);

    default:
        return !ks_regex_edge(r);
    }
}


/* The step, and those that it leads to without reading anything. */

static void
ks_regex_add(ks_regex_run_t *r, ks_regex_set_t *set, unsigned pc)
{
    unsigned                n;
    uint16_t                stack[2 * KS_REGEX_CODE + 2];
    const ks_regex_code_t  *code;

    stack[0] = (uint16_t) pc;
    n = 1;

    while (n) {
        pc = stack[--n];

        if (set->seen[pc] == r->turn) {
            continue;
        }

        set->seen[pc] = r->turn;
        ++*r->steps;
        code = &r->re->code[pc];

        switch (code->op) {

        case KS_RE_JUMP:
            stack[n++] = (uint16_t) ((int) pc + code->x);
            break;

        case KS_RE_SPLIT:
            stack[n++] = (uint16_t) ((int) pc + code->x);
            stack[n++] = (uint16_t) (pc + 1);
            break;

        case KS_RE_BEGIN:
        case KS_RE_END:
        case KS_RE_EDGE:
        case KS_RE_NO_EDGE:
            if (ks_regex_passes(r, code->op)) {
                stack[n++] = (uint16_t) (pc + 1);
            }

            break;

        default:
            set->list[set->n++] = (uint16_t) pc;
        }
    }
}


static uint32_t
ks_regex_other_case(uint32_t c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c < 0x80) ? c ^ 0x20 : c;
}


static int
ks_regex_in_class(const ks_regex_t *re, const ks_regex_code_t *code,
    uint32_t c)
{
    unsigned                 i;
    uint32_t                 d;
    const ks_regex_range_t  *r;

    d = re->fold ? ks_regex_other_case(c) : c;

    for (i = 0; i < code->n; i++) {
        r = &re->ranges[code->x + (int) i];

        if ((c >= r->from && c <= r->to) || (d >= r->from && d <= r->to)) {
            return !code->negated;
        }
    }

    return code->negated;
}


static int
ks_regex_reads(const ks_regex_t *re, const ks_regex_code_t *code, uint32_t c)
{
    switch (code->op) {

    case KS_RE_CHAR:
        return (uint32_t) code->x == c
               || (re->fold
                   && (uint32_t) code->x == ks_regex_other_case(c));

    case KS_RE_ANY:
        return c != '\n';

    case KS_RE_CLASS:
        return ks_regex_in_class(re, code, c);

    default:
        return 0;
    }
}


static int
ks_regex_has_match(const ks_regex_t *re, const ks_regex_set_t *set)
{
    unsigned  i;

    for (i = 0; i < set->n; i++) {
        if (re->code[set->list[i]].op == KS_RE_MATCH) {
            return 1;
        }
    }

    return 0;
}


int
ks_regex_match(const ks_regex_t *re, const ks_str_t *text, int whole,
    uint64_t *steps)
{
    unsigned         i;
    uint32_t         c;
    ks_regex_run_t   r;
    ks_regex_set_t   sets[2], *now, *next, *swap;

    r.re = re;
    r.start = r.p = text->data;
    r.end = text->data + text->len;
    r.turn = 1;
    r.steps = steps;
    memset(sets[0].seen, 0, sizeof(sets[0].seen));
    memset(sets[1].seen, 0, sizeof(sets[1].seen));
    now = &sets[0];
    next = &sets[1];
    now->n = 0;
    ks_regex_add(&r, now, 0);

    for ( ;; ) {

        if ((!whole || r.p == r.end) && ks_regex_has_match(re, now)) {
            return 1;
        }

        if (r.p == r.end) {
            return 0;
        }

        c = ks_regex_char(&r.p, r.end);
        next->n = 0;
        r.turn++;
        *steps += now->n + 1;

        for (i = 0; i < now->n; i++) {
            if (ks_regex_reads(re, &re->code[now->list[i]], c)) {
                ks_regex_add(&r, next, now->list[i] + 1u);
            }
        }

        if (!whole) {
            ks_regex_add(&r, next, 0);
        }

        swap = now;
        now = next;
        next = swap;
    }
}
