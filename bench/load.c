/*
 * How long it takes to load an RDB file or an append-only file, and to look
 * whether it is in order.
 *
 *   load PATH ZONE_BYTES   ->   KEYS CHECK_SECONDS LOAD_SECONDS BYTES_USED
 */

#include "bench.h"
#include "persist/ks_aof_load.h"
#include "script/ks_script.h"

#include <stdio.h>
#include <stdlib.h>


#define LOAD_STEP  (8u * 1024 * 1024)


/* all of it, into the zone or nowhere; how many seconds */

static double
load_path(ks_space_t *sp, const char *path)
{
    int                    rc;
    double                 start;
    ks_aof_load_t         *load;
    ks_aof_load_options_t  options;

    memset(&options, 0, sizeof(options));
    options.path = path;
    options.skip = 1;

    start = bench_now();
    load = ks_aof_load_open(sp, &options);

    if (load == NULL) {
        bench_die("no memory");
    }

    do {
        rc = ks_aof_load_step(load, LOAD_STEP);
    } while (rc == KS_AGAIN);

    if (rc != KS_OK) {
        bench_die(ks_aof_load_report(load)->err);
    }

    ks_aof_load_close(load);

    return bench_now() - start;
}


int
main(int argc, char **argv)
{
    double            check, all;
    ks_space_t       *sp;
    ks_zone_stats_t   zone;

    if (argc != 3) {
        bench_die("load PATH ZONE_BYTES");
    }

    if (ks_commands_init() != KS_OK || ks_script_init() != KS_OK) {
        bench_die("no commands");
    }

    sp = bench_space((size_t) strtoull(argv[2], NULL, 10), KS_NOEVICTION);
    check = load_path(NULL, argv[1]);
    all = load_path(sp, argv[1]);
    ks_zone_stats(ks_space_zone(sp), &zone);

    printf("%llu %.3f %.3f %llu\n", (unsigned long long) zone.keys, check, all,
           (unsigned long long) zone.used);

    return 0;
}
