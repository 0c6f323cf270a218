/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A module that Redis loads, with the one command netmode.hello. The module API is had at load, by GetApi, which is the
 * first field of the context; so no header of Redis is needed, nor a C library. */
typedef struct Context Context;
typedef struct String String;

static int (*get_api)(const char *name, void *target);

static int hello(Context *context, String **argv, int argc)
{
    int (*reply)(Context *, const char *);
    get_api("RedisModule_ReplyWithSimpleString", &reply);
    return reply(context, "hello");
}

int RedisModule_OnLoad(Context *context, String **argv, int argc)
{
    void (*set_attributes)(Context *, const char *name, int version, int api);
    int (*create_command)(Context *, const char *name, void *function, const char *flags, int first, int last, int step);
    get_api = *(void **)context;
    get_api("RedisModule_SetModuleAttribs", &set_attributes);
    get_api("RedisModule_CreateCommand", &create_command);
    set_attributes(context, "netmode", 1, 1);
    return create_command(context, "netmode.hello", hello, "readonly fast", 0, 0, 0);
}
