/*
 * How many keys a zone holds: it is filled to the brim, without eviction, and
 * its size is divided by the keys that are in it.  So every byte counts: the
 * layout, the buckets, what pages and classes leave unused.
 *
 *   memory KEY_LEN VALUE_LEN ZONE_BYTES   ->   KEYS BYTES_PER_KEY
 */

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>


int
main(int argc, char **argv)
{
    size_t         size;
    uint64_t       n;
    ks_str_t       set[3] = { ks_str("SET") };
    ks_space_t    *sp;
    ks_client_t    client;
    bench_reply_t  b;

    if (argc != 4) {
        bench_die("usage: memory KEY_LEN VALUE_LEN ZONE_BYTES");
    }

    set[1].len = strtoul(argv[1], NULL, 10);
    set[2].len = strtoul(argv[2], NULL, 10);
    size = strtoull(argv[3], NULL, 10);

    set[1].data = malloc(set[1].len + 1);
    set[2].data = malloc(set[2].len + 1);

    if (set[1].len < 8 || set[1].data == NULL || set[2].data == NULL) {
        bench_die("no memory");
    }

    memset(set[2].data, 'v', set[2].len);

    sp = bench_space(size, KS_NOEVICTION);

    memset(&client, 0, sizeof(client));
    client.space = sp;
    bench_reply_init(&b);

    for (n = 0; /* void */ ; n++) {
        bench_key(set[1].data, set[1].len, n);

        if (!bench_run(&client, &b, 3, set)) {
            break;
        }
    }

    if (ks_dbsize(sp) != n) {
        bench_die("keys are missing");
    }

    printf("%llu %.1f\n", (unsigned long long) n, (double) size / n);

    return 0;
}
