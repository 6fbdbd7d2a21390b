/*
 * What is no JSON, no path, no regular expression, and what nearly is: each
 * ends with an error that says where, or with a value whose text is read again
 * to the same; paths are followed over a document.  KS_RUNS says how often,
 * KS_SEED with which numbers.
 */

#include "json_test.h"
#include "types/ks_json_path.h"
#include "types/ks_regex.h"


#define RUNS   60000
#define BATCH  64                       /* runs in a transaction */
#define LONG   400

static ks_space_t  *sp;
static ks_str_t     key = ks_str("document");

static const char *const  seeds[] = {
    "{\"a\":1,\"b\":[1,2.5e3,-0,\"x\\u00e9\\n\",null,true,false,{\"c\":{}}]}",
    ("[[[[1]]],\"\\ud83d\\ude00\",\"\xc3\xa9\xe2\x82\xac\",1e308,0.1,"
     "18446744073709551615]"),
    "{\"a\":1,\"a\":{\"a\":2,\"b\":3,\"a\":4},\"\":\"\\\"\\\\\\/\"}",
    "  {  \"k\" : [ 1 , 2 ] }  ",
    "123456789012345678901234567890.5e-10"
};

static const char *const  paths[] = {
    "$.a.b[0]", "$..a[?(@.b>1 && @.c=='x')].d", "$[0,1,'a',*]", "$.b[1:3:2]",
    "$..*", "$[?(@.a=~\"^x.*[a-z]{2,3}$\")]", "$[?(!(@.a||$.b))]",
    "$[?(length(@.b)>2 && match(@.a,'x+'))]", ".a.b", "a['b'][\"c\"]",
    "$.b[?(@<=1e3)]", "$..[?(@[?(@.c)])]", "$[-1::-2]", "$['\\u0061']"
};

static const char *const  expressions[] = {
    "^a.*b$", "(a|b)*c{2,5}[^x-z\\d]+?", "(?i)\\bword\\b|\\w+\\s?", "((a*)*)*$",
    "[[:alpha:]_]{3}", "a|b|c|", "\\x41\\u0042.", "(?:ab)+"
};


/* --- texts that are damaged --- */

static size_t
damaged(char *to, const char *text)
{
    char      byte;
    size_t    n, at, k;
    unsigned  times;

    static const char  likely[] = "{}[]\",:\\'$.*?@()0123456789eE+-tfnu/ \x80"
                                  "\xff\xe2\n|&!=<>~^";

    n = strlen(text);
    memcpy(to, text, n);

    for (times = rnd(5); times; times--) {
        at = n ? rnd((unsigned) n) : 0;
        byte = rnd(8) ? likely[rnd(sizeof(likely) - 1)] : (char) rnd(256);

        switch (rnd(5)) {

        case 0:
            if (n) {
                to[at] = byte;
            }

            break;

        case 1:
            if (n < LONG) {
                memmove(to + at + 1, to + at, n - at);
                to[at] = byte;
                n++;
            }

            break;

        case 2:
            if (n) {
                memmove(to + at, to + at + 1, n - at - 1);
                n--;
            }

            break;

        case 3:                         /* a part of it once more */
            k = rnd(20) + 1;

            if (at + k <= n && n + k < LONG) {
                memmove(to + at + k, to + at, n - at);
                n += k;
            }

            break;

        default:
            n = at;
        }
    }

    return n;
}


/* of its very length, so that a byte too far is seen */

static ks_str_t
exactly(const char *p, size_t n)
{
    ks_str_t  s;

    s.len = n;
    s.data = malloc(n ? n : 1);
    assert_non_null(s.data);
    memcpy(s.data, p, n);

    return s;
}


static void
run_json(ks_space_t *space)
{
    char              in[LONG + 64], *once, *again;
    size_t            n, len, len2;
    ks_str_t          s;
    ks_value_t        v;
    ks_json_flat_t    flat;
    ks_json_error_t   err;
    ks_json_memory_t  m = json_memory(space);

    n = damaged(in, seeds[rnd(ks_nelts(seeds))]);
    s = exactly(in, n);

    if (ks_json_parse(&m, &s, &flat, &err) != KS_OK) {
        assert_non_null(err.what);
        assert_true(err.line >= 1 && err.column <= n);
        free(s.data);
        return;
    }

    free(s.data);
    json_make(space, &key, &flat, &v);
    once = json_text(&v, &len);
    assert_int_equal(len, flat.text);

    s = exactly(once, len);
    assert_int_equal(ks_json_parse(&m, &s, &flat, &err), KS_OK);
    free(s.data);
    json_make(space, &key, &flat, &v);
    again = json_text(&v, &len2);
    assert_int_equal(len, len2);
    assert_memory_equal(once, again, len);
    free(once);
    free(again);
}


static void
run_path(ks_space_t *space)
{
    char              in[LONG + 64], err[KS_JSON_PATH_ERR];
    size_t            i;
    ks_str_t          s;
    ks_entry_t       *e;
    ks_value_t        v;
    ks_json_node_t    n;
    ks_json_path_t    path;
    ks_json_found_t   found;
    ks_json_memory_t  m = json_memory(space);

    s = exactly(in, damaged(in, paths[rnd(ks_nelts(paths))]));
    e = ks_lookup(space, &key, KS_LOOKUP_WRITE);

    if (ks_json_path_compile(&path, &m, &s, err) != KS_OK) {
        assert_true(strlen(err) > 10 && strlen(err) < KS_JSON_PATH_ERR);
        free(s.data);
        return;
    }

    ks_value_open(space, &key, e, &v);
    memset(&found, 0, sizeof(found));
    found.v = &v;
    found.m = &m;
    found.places = 1;
    found.last = rnd(2);

    if (ks_json_path_follow(&path, &found) == KS_OK) {
        for (i = 0; i < found.n; i++) {
            assert_true(ks_json_resolve(&v, found.matches[i].at, &n));
            assert_true(ks_json_equal(&v, &n, &v, &found.matches[i].node));
        }
    }

    free(s.data);
}


static void
run_regex(void)
{
    char        in[LONG + 64];
    ks_str_t    s, text;
    uint64_t    steps;
    ks_regex_t  re;

    s = exactly(in, damaged(in, expressions[rnd(ks_nelts(expressions))]));
    text = exactly(in, damaged(in, seeds[rnd(ks_nelts(seeds))]));
    steps = 0;

    if (ks_regex_compile(&re, &s) == KS_OK) {
        (void) ks_regex_match(&re, &text, (int) rnd(2), &steps);
        assert_true(steps <= 4 * (uint64_t) KS_REGEX_CODE * (text.len + 2));
    }

    free(s.data);
    free(text.data);
}


static void
batch_body(ks_space_t *space, void *data)
{
    unsigned          i;
    ks_str_t          s;
    ks_value_t        v;
    ks_json_flat_t    flat;
    ks_json_error_t   err;
    ks_json_memory_t  m = json_memory(space);

    (void) data;

    for (i = 0; i < BATCH; i += 4) {
        run_json(space);
        run_regex();
    }

    s.data = (u_char *) seeds[rnd(3)];
    s.len = strlen((char *) s.data);
    assert_int_equal(ks_json_parse(&m, &s, &flat, &err), KS_OK);
    json_make(space, &key, &flat, &v);

    for (i = 0; i < BATCH; i += 2) {
        run_path(space);
    }
}


static void
test_fuzz(void **state)
{
    unsigned long  i, runs;

    (void) state;

    runs = getenv("KS_RUNS") ? strtoul(getenv("KS_RUNS"), NULL, 10) : RUNS;

    if (getenv("KS_SEED")) {
        rnd_state ^= strtoull(getenv("KS_SEED"), NULL, 10) * 2654435761u;
    }

    sp = open_zone(4u << 20, 1, KS_NOEVICTION);

    for (i = 0; i < runs; i += BATCH) {
        assert_int_equal(transaction(sp, ks_all_shards(sp), batch_body, NULL),
                         KS_OK);

        if (i % (BATCH * 256) == 0) {
            assert_int_equal(ks_check(sp, report, NULL), 0);
        }
    }

    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


/* --- what regular expressions mean --- */

static const struct {
    const char  *re;
    const char  *text;
    int          found;
    int          whole;
} meant[] = {
    { "b", "abc", 1, 0 }, { "^b", "abc", 0, 0 }, { "abc", "abc", 1, 1 },
    { "a.c", "abc", 1, 1 }, { "a.c", "a\nc", 0, 0 }, { "ab*c", "ac", 1, 1 },
    { "ab+c", "ac", 0, 0 }, { "ab?c", "abc", 1, 1 }, { "a{2}", "aa", 1, 1 },
    { "a{2,3}", "aaaa", 1, 0 }, { "a{2,}", "aaaa", 1, 1 },
    { "a{0}b", "b", 1, 1 }, { "(ab|cd)+", "abcd", 1, 1 },
    { "a|b|c", "c", 1, 1 }, { "", "x", 1, 0 }, { "", "", 1, 1 },
    { "[a-c]+", "abc", 1, 1 }, { "[^a-c]", "abc", 0, 0 },
    { "[]a]+", "]a", 1, 1 }, { "[a-]+", "a-", 1, 1 }, { "\\d+", "123", 1, 1 },
    { "\\D", "123", 0, 0 }, { "\\w+", "a_1\xc3\xa9", 1, 1 },
    { "\\W", "a_1", 0, 0 }, { "\\s", " ", 1, 1 }, { "\\S", " ", 0, 0 },
    { "[\\d.]+", "1.5", 1, 1 }, { "\\bfoo\\b", "a foo b", 1, 0 },
    { "\\bfoo\\b", "afoob", 0, 0 }, { "\\.", "a", 0, 0 },
    { "(?i)AbC", "aBc", 1, 1 }, { "(?i)[a-c]+", "ABC", 1, 1 },
    { "^$", "", 1, 1 }, { "a$", "ab", 0, 0 }, { ".", "\xe2\x82\xac", 1, 1 },
    { "[[:digit:]]+", "12", 1, 1 }, { "a*?b", "aab", 1, 1 },
    { "(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", 0, 0 },
    { "\\x41", "A", 1, 1 }, { "(?:ab)+c", "ababc", 1, 1 }
};

static const char *const  wrong[] = {
    "(", ")", "[", "[a", "*", "a{", "a{2", "a{3,2}", "\\", "[z-a]", "(?<n>a)",
    "a{1000}", "\\q", "+"
};


static void
test_regex(void **state)
{
    size_t      i;
    ks_str_t    re, text;
    uint64_t    steps;
    ks_regex_t  compiled;

    (void) state;

    for (i = 0; i < ks_nelts(meant); i++) {
        re.data = (u_char *) meant[i].re;
        re.len = strlen(meant[i].re);
        text.data = (u_char *) meant[i].text;
        text.len = strlen(meant[i].text);
        steps = 0;

        if (ks_regex_compile(&compiled, &re) != KS_OK
            || ks_regex_match(&compiled, &text, 0, &steps) != meant[i].found
            || ks_regex_match(&compiled, &text, 1, &steps) != meant[i].whole)
        {
            fail_msg("/%s/ and \"%s\"", meant[i].re, meant[i].text);
        }
    }

    for (i = 0; i < ks_nelts(wrong); i++) {
        re.data = (u_char *) wrong[i];
        re.len = strlen(wrong[i]);

        if (ks_regex_compile(&compiled, &re) == KS_OK) {
            fail_msg("/%s/ is one", wrong[i]);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_regex),
        cmocka_unit_test(test_fuzz)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
