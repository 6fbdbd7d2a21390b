/*
 * The settings that have a name in Redis, a row each; those with two names have
 * two rows.  CONFIG GET and SET are all that read them.
 */

#ifndef KS_PARAM_H
#define KS_PARAM_H


#include "commands/ks_command.h"


#define KS_PARAM_TEXT  1024

typedef struct ks_param_s  ks_param_t;

/*
 * A row with get() is of the zone, and with tell() of the client's door; a row
 * with neither of them is a constant.
 */
struct ks_param_s {
    const char     *name;
    const char     *value;      /* of a constant; else what is said where
                                   nothing is known */
    size_t          at;         /* of the field that it tells, if it is of a
                                   kind that tells fields */

    void          (*get)(const ks_param_t *p, const ks_zone_t *zone,
                         char text[KS_PARAM_TEXT]);
    void          (*tell)(const ks_param_t *p, const ks_client_t *client,
                          char text[KS_PARAM_TEXT]);

    /* NULL, or what is wrong.  No parse(): the setting is fixed. */
    const char   *(*parse)(const ks_param_t *p, const ks_str_t *arg,
                           int64_t *v);
    void          (*set)(const ks_param_t *p, ks_zone_t *zone, int64_t v);

    ks_setting_t    setting;
};

extern const ks_param_t  ks_params[];
extern const size_t      ks_nparams;

/* The row of that name, in any case; NULL: there is none. */
const ks_param_t *ks_param_find(const ks_str_t *name);


#endif /* KS_PARAM_H */
