/*
 * template.c -- a generated kernel is one call of a template under runtime/kernels/.
 *
 * The one idea: the emitter gives the typed values and the literal struct of the shape; what every
 * kernel has besides, the run and the thread, is added here.
 */

#include "emit/emit.h"

#include <string.h>

/* `fmt`: "net_template(V(y), V(x), (struct net_shape){...}", on as many lines as it has. */
void call_template(Driver *d, const char *fmt, ...)
{
    Text call = {0};
    va_list args;

    va_start(args, fmt);
    text_add_v(&call, fmt, args);
    va_end(args);
    if (!d->text.at)
        line(&d->text, 0, "{");
    for (const char *at = call.at, *end; at; at = end ? end + 1 : NULL) {
        end = strchr(at, '\n');
        line(&d->text, at == call.at ? 1 : 3, "%.*s%s", end ? (int)(end - at) : (int)strlen(at), at,
             end ? "" : ", run, thread);");
    }
    line(&d->text, 0, "}");
}
