/*
 * What the tests of functions share: loading libraries, and calling.
 */

#ifndef FUNCTION_TEST_H
#define FUNCTION_TEST_H

#include "command_test.h"

#include "script/ks_script.h"


#define ZONE  (8u << 20)

#define LIB(name)    "#!lua name=" name "\n"
#define FN(name)     "redis.register_function('" name "', "
#define OK           "+OK\r\n"


static inline box_t *
open_box(size_t size)
{
    box_t  *b;

    b = box_open(size, KS_NOEVICTION);
    b->now = 0;

    return b;
}


static inline void
close_box(box_t *b)
{
    ks_script_close(b->client.space);
    box_close(b);
}


static inline void
configure(box_t *b, uint64_t timeout, size_t memory)
{
    ks_script_conf_t  conf = { .timeout = timeout, .memory = memory };

    ks_script_configure(b->client.space, &conf);
}


static inline const char *
load(box_t *b, const char *text)
{
    return line_with(b, "FUNCTION LOAD", (u_char *) text, strlen(text));
}


static inline const char *
replace(box_t *b, const char *text)
{
    return line_with(b, "FUNCTION LOAD REPLACE", (u_char *) text,
                     strlen(text));
}


/* the function f, made of this and called without arguments */

static inline const char *
call(box_t *b, const char *body)
{
    char  text[4096];

    snprintf(text, sizeof(text), LIB("calls") FN("f")
             "function(KEYS, ARGV)\n%s\nend)", body);
    assert_string_equal(replace(b, text), "$5\r\ncalls\r\n");

    return line(b, "FCALL f 0");
}


static inline void
same(const char *got, const char *want, const char *what)
{
    if (strcmp(got, want) != 0) {
        fail_msg("%s\n  says  %s\n  not   %s", what, got, want);
    }
}


#endif /* FUNCTION_TEST_H */
