/*
 * What the engine benchmarks share: a zone in shared memory of this process
 * and its children, a writer that throws replies away but notes what they
 * were, random numbers, and a clock.
 */

#ifndef KS_BENCH_H
#define KS_BENCH_H

#include "commands/ks_command.h"


typedef struct {
    ks_reply_t  reply;          /* first: a ks_reply_t * is one of these */
    unsigned    null:1;         /* what the last reply was */
    unsigned    error:1;
    size_t      bytes;          /* of strings, so that they are looked at */
} bench_reply_t;


void bench_die(const char *what);
double bench_now(void);

/* Pins this process to a core, if there is such a core. */
void bench_pin(int core);

/* A handle on a new zone of size bytes, with a journal; children inherit it. */
ks_space_t *bench_space(size_t size, ks_policy_t policy);

void bench_reply_init(bench_reply_t *b);

/* Runs a command of argc words; true if it was neither null nor an error. */
int bench_run(ks_client_t *client, bench_reply_t *b, int argc, ks_str_t *argv);

/* "k:" and as many hexadecimal digits of n as make len bytes. */
void bench_key(u_char *p, size_t len, uint64_t n);

uint64_t bench_random(uint64_t *state);
double bench_median(double *v, size_t n);


#endif /* KS_BENCH_H */
