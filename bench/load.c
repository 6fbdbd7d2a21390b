/*
 * How long it takes to load an RDB file, and to look whether it is whole.
 *
 *   load FILE ZONE_BYTES   ->   KEYS CHECK_SECONDS LOAD_SECONDS BYTES_USED
 */

#include "bench.h"
#include "persist/ks_load.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


#define LOAD_STEP  (8u * 1024 * 1024)


static ssize_t
load_read(void *data, u_char *to, size_t n, const char **err)
{
    ssize_t  got;

    got = read(*(int *) data, to, n);
    *err = "read() failed";

    return got;
}


/* all of the file, into the zone or nowhere; how many seconds */

static double
load_file(ks_space_t *sp, int fd, uint64_t size, uint64_t *keys)
{
    int                 rc;
    double              start;
    ks_load_t          *load;
    ks_load_options_t   options;

    memset(&options, 0, sizeof(options));
    options.size = size;
    options.read = load_read;
    options.data = &fd;
    options.skip = 1;

    start = bench_now();
    (void) lseek(fd, 0, SEEK_SET);
    load = ks_load_open(sp, &options);

    if (load == NULL) {
        bench_die("no memory");
    }

    do {
        rc = ks_load_step(load, LOAD_STEP);
    } while (rc == KS_AGAIN);

    if (rc != KS_OK) {
        bench_die(ks_load_report(load)->err);
    }

    *keys = ks_load_report(load)->keys;
    ks_load_close(load);

    return bench_now() - start;
}


int
main(int argc, char **argv)
{
    int              fd;
    double           check, all;
    uint64_t         keys;
    ks_space_t      *sp;
    struct stat      st;
    ks_zone_stats_t  zone;

    if (argc != 3) {
        bench_die("load FILE ZONE_BYTES");
    }

    fd = open(argv[1], O_RDONLY);

    if (fd < 0 || fstat(fd, &st) != 0) {
        bench_die("cannot open the file");
    }

    sp = bench_space((size_t) strtoull(argv[2], NULL, 10), KS_NOEVICTION);
    check = load_file(NULL, fd, (uint64_t) st.st_size, &keys);
    all = load_file(sp, fd, (uint64_t) st.st_size, &keys);
    ks_zone_stats(ks_space_zone(sp), &zone);

    printf("%llu %.3f %.3f %llu\n", (unsigned long long) keys, check, all,
           (unsigned long long) zone.used);

    return 0;
}
