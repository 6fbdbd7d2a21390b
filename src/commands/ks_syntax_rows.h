/*
 * What commands take: a row for each that takes anything, by name.  Not a
 * header of its own; see ks_syntax.c, which says what the texts mean.
 */

SYNTAX("acl|cat", "[category]")
SYNTAX("acl|deluser", "username*")
SYNTAX("acl|dryrun", "username command [arg*]")
SYNTAX("acl|genpass", "[bits:i]")
SYNTAX("acl|getuser", "username")
SYNTAX("acl|log", "[operation(count:i|RESET)]")
SYNTAX("acl|resttoken", "username password")
SYNTAX("acl|setuser", "username [rule*]")
SYNTAX("acl|usage", "[username [RESET]]")
SYNTAX("append", "key:k value")
SYNTAX("auth", "[username] password")
SYNTAX("bgsave", "[SCHEDULE]")
SYNTAX("bitcount", "key:k [range{start:i end:i [unit(BYTE|BIT)]}]")
SYNTAX("bitfield",
    "key:k [operation(GET get-block{encoding offset:i}|write{[OVERFLOW "
    "overflow-block(WRAP|SAT|FAIL)] write-operation(SET set-block{encoding "
    "offset:i value:i}|INCRBY incrby-block{encoding offset:i "
    "increment:i})})*]")
SYNTAX("bitfield_ro", "key:k [GET get-block{encoding offset:i}+]")
SYNTAX("bitop",
    "operation(AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE) destkey:k key:k1*")
SYNTAX("bitpos",
    "key:k bit:i [range{start:i [end-unit-block{end:i [unit(BYTE|BIT)]}]}]")
SYNTAX("blmove",
    "source:k destination:k1 wherefrom(LEFT|RIGHT) whereto(LEFT|RIGHT) "
    "timeout:d")
SYNTAX("blmovem",
    "source:k destination:k1 wherefrom(LEFT|RIGHT) whereto(LEFT|RIGHT) "
    "timeout:d [amount{limit(COUNT count:i|EXACTLY exactly:i) mode(OBO|"
    "BULK)}]")
SYNTAX("blmpop", "timeout:d numkeys:i key:k* where(LEFT|RIGHT) [COUNT count:i]")
SYNTAX("blpop", "key:k* timeout:d")
SYNTAX("brpop", "key:k* timeout:d")
SYNTAX("brpoplpush", "source:k destination:k1 timeout:d")
SYNTAX("bzmpop", "timeout:d numkeys:i key:k* where(MIN|MAX) [COUNT count:i]")
SYNTAX("bzpopmax", "key:k* timeout:d")
SYNTAX("bzpopmin", "key:k* timeout:d")
SYNTAX("cl.throttle", "key:k max-burst:i count:i period:i [quantity:i]")
SYNTAX("client|caching", "mode(YES|NO)")
SYNTAX("client|kill",
    "filter(old-format~ip:port|new-format([ID client-id:i]|[TYPE "
    "client-type(NORMAL|MASTER|SLAVE|REPLICA|PUBSUB)]|[USER username]|[ADDR "
    "addr~ip:port]|[LADDR laddr~ip:port]|[SKIPME skipme(YES|NO)]|[MAXAGE "
    "maxage:i])*)")
SYNTAX("client|list",
    "[TYPE client-type(NORMAL|MASTER|REPLICA|PUBSUB)] [ID client-id:i*]")
SYNTAX("client|no-evict", "enabled(ON|OFF)")
SYNTAX("client|no-touch", "enabled(ON|OFF)")
SYNTAX("client|pause", "timeout:i [mode(WRITE|ALL)]")
SYNTAX("client|reply", "action(ON|OFF|SKIP)")
SYNTAX("client|setinfo", "attr(LIB-NAME libname|LIB-VER libver)")
SYNTAX("client|setname", "connection-name")
SYNTAX("client|tracking",
    "status(ON|OFF) [REDIRECT client-id:i] [PREFIX prefix+] [BCAST] [OPTIN] "
    "[OPTOUT] [NOLOOP]")
SYNTAX("client|unblock", "client-id:i [unblock-type(TIMEOUT|ERROR)]")
SYNTAX("command|docs", "[command-name*]")
SYNTAX("command|getkeys", "command [arg*]")
SYNTAX("command|getkeysandflags", "command [arg*]")
SYNTAX("command|info", "[command-name*]")
SYNTAX("command|list",
    "[FILTERBY filterby(MODULE module-name|ACLCAT category|PATTERN "
    "pattern:p)]")
SYNTAX("config|get", "parameter*")
SYNTAX("config|set", "data{parameter value}*")
SYNTAX("copy", "source:k destination:k1 [DB destination-db:i] [REPLACE]")
SYNTAX("decr", "key:k")
SYNTAX("decrby", "key:k decrement:i")
SYNTAX("del", "key:k*")
SYNTAX("delex",
    "key:k [condition(IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|"
    "IFDNE ifdne-digest)]")
SYNTAX("delifeq", "key:k value")
SYNTAX("digest", "key:k")
SYNTAX("dump", "key:k")
SYNTAX("echo", "message")
SYNTAX("eval", "script numkeys:i [key:k*] [arg*]")
SYNTAX("eval_ro", "script numkeys:i [key:k*] [arg*]")
SYNTAX("evalsha", "sha1 numkeys:i [key:k*] [arg*]")
SYNTAX("evalsha_ro", "sha1 numkeys:i [key:k*] [arg*]")
SYNTAX("exists", "key:k*")
SYNTAX("expire", "key:k seconds:i [condition(NX|XX|GT|LT)]")
SYNTAX("expireat", "key:k unix-time-seconds:t [condition(NX|XX|GT|LT)]")
SYNTAX("expiretime", "key:k")
SYNTAX("failover",
    "[TO target{host port:i [FORCE]}] [ABORT] [TIMEOUT milliseconds:i]")
SYNTAX("fcall", "function numkeys:i [key:k*] [arg*]")
SYNTAX("fcall_ro", "function numkeys:i [key:k*] [arg*]")
SYNTAX("flushall", "[flush-type(ASYNC|SYNC)]")
SYNTAX("flushdb", "[flush-type(ASYNC|SYNC)]")
SYNTAX("function|delete", "library-name")
SYNTAX("function|flush", "[flush-type(ASYNC|SYNC)]")
SYNTAX("function|list", "[LIBRARYNAME library-name-pattern] [WITHCODE]")
SYNTAX("function|load", "[REPLACE] function-code")
SYNTAX("function|restore", "serialized-value [policy(FLUSH|APPEND|REPLACE)]")
SYNTAX("geoadd",
    "key:k [condition(NX|XX)] [change=CH] data{longitude:d latitude:d "
    "member}*")
SYNTAX("geodist", "key:k member1 member2 [unit(M|KM|FT|MI)]")
SYNTAX("geohash", "key:k [member*]")
SYNTAX("geopos", "key:k [member*]")
SYNTAX("georadius",
    "key:k longitude:d latitude:d radius:d unit(M|KM|FT|MI) [WITHCOORD] "
    "[WITHDIST] [WITHHASH] [count-block{COUNT count:i [ANY]}] [order(ASC|"
    "DESC)] [store(STORE storekey:k1~key|STOREDIST storedistkey:k2~key)]")
SYNTAX("georadius_ro",
    "key:k longitude:d latitude:d radius:d unit(M|KM|FT|MI) [WITHCOORD] "
    "[WITHDIST] [WITHHASH] [count-block{COUNT count:i [ANY]}] [order(ASC|"
    "DESC)]")
SYNTAX("georadiusbymember",
    "key:k member radius:d unit(M|KM|FT|MI) [WITHCOORD] [WITHDIST] "
    "[WITHHASH] [count-block{COUNT count:i [ANY]}] [order(ASC|DESC)] "
    "[store(STORE storekey:k1~key|STOREDIST storedistkey:k2~key)]")
SYNTAX("georadiusbymember_ro",
    "key:k member radius:d unit(M|KM|FT|MI) [WITHCOORD] [WITHDIST] "
    "[WITHHASH] [count-block{COUNT count:i [ANY]}] [order(ASC|DESC)]")
SYNTAX("geosearch",
    "key:k [from(FROMMEMBER member|FROMLONLAT fromlonlat{longitude:d "
    "latitude:d})] by(circle{BYRADIUS radius:d unit(M|KM|FT|MI)}|box{BYBOX "
    "width:d height:d unit(M|KM|FT|MI)}|polygon{BYPOLYGON num-vertices:i "
    "vertices{longitude:d latitude:d}*}) [order(ASC|DESC)] "
    "[count-block{COUNT count:i [ANY]}] [WITHCOORD] [WITHDIST] [WITHHASH]")
SYNTAX("geosearchstore",
    "destination:k source:k1 [from(FROMMEMBER member|FROMLONLAT "
    "fromlonlat{longitude:d latitude:d})] by(circle{BYRADIUS radius:d unit(M|"
    "KM|FT|MI)}|box{BYBOX width:d height:d unit(M|KM|FT|MI)}|"
    "polygon{BYPOLYGON num-vertices:i vertices{longitude:d latitude:d}*}) "
    "[order(ASC|DESC)] [count-block{COUNT count:i [ANY]}] [STOREDIST]")
SYNTAX("get", "key:k")
SYNTAX("getbit", "key:k offset:i")
SYNTAX("getdel", "key:k")
SYNTAX("getex",
    "key:k [expiration(EX seconds:i|PX milliseconds:i|EXAT "
    "unix-time-seconds:t|PXAT unix-time-milliseconds:t|PERSIST)]")
SYNTAX("getrange", "key:k start:i end:i")
SYNTAX("getset", "key:k value")
SYNTAX("hdel", "key:k field*")
SYNTAX("hello",
    "[arguments{protover:i [AUTH auth{username password}] [SETNAME "
    "clientname]}]")
SYNTAX("hexists", "key:k field")
SYNTAX("hexpire",
    "key:k seconds:i [condition(NX|XX|GT|LT)] FIELDS fields{numfields:i "
    "field*}")
SYNTAX("hexpireat",
    "key:k unix-time-seconds:t [condition(NX|XX|GT|LT)] FIELDS "
    "fields{numfields:i field*}")
SYNTAX("hexpiretime", "key:k FIELDS fields{numfields:i field*}")
SYNTAX("hget", "key:k field")
SYNTAX("hgetall", "key:k")
SYNTAX("hgetdel", "key:k FIELDS fields{numfields:i field*}")
SYNTAX("hgetex",
    "key:k [expiration(EX seconds:i|PX milliseconds:i|EXAT "
    "unix-time-seconds:t|PXAT unix-time-milliseconds:t|PERSIST)] FIELDS "
    "fields{numfields:i field*}")
SYNTAX("hincrby", "key:k field increment:i")
SYNTAX("hincrbyfloat", "key:k field increment:d")
SYNTAX("hkeys", "key:k")
SYNTAX("hlen", "key:k")
SYNTAX("hmget", "key:k field*")
SYNTAX("hmset", "key:k data{field value}*")
SYNTAX("hpersist", "key:k FIELDS fields{numfields:i field*}")
SYNTAX("hpexpire",
    "key:k milliseconds:i [condition(NX|XX|GT|LT)] FIELDS fields{numfields:i "
    "field*}")
SYNTAX("hpexpireat",
    "key:k unix-time-milliseconds:t [condition(NX|XX|GT|LT)] FIELDS "
    "fields{numfields:i field*}")
SYNTAX("hpexpiretime", "key:k FIELDS fields{numfields:i field*}")
SYNTAX("hpttl", "key:k FIELDS fields{numfields:i field*}")
SYNTAX("hrandfield", "key:k [options{count:i [WITHVALUES]}]")
SYNTAX("hscan", "key:k cursor:i [MATCH pattern:p] [COUNT count:i] [NOVALUES]")
SYNTAX("hset", "key:k data{field value}*")
SYNTAX("hsetex",
    "key:k [condition(FNX|FXX)] [expiration(EX seconds:i|PX milliseconds:i|"
    "EXAT unix-time-seconds:t|PXAT unix-time-milliseconds:t|KEEPTTL)] FIELDS "
    "fields{numfields:i data{field value}*}")
SYNTAX("hsetnx", "key:k field value")
SYNTAX("hstrlen", "key:k field")
SYNTAX("httl", "key:k FIELDS fields{numfields:i field*}")
SYNTAX("hvals", "key:k")
SYNTAX("incr", "key:k")
SYNTAX("incrby", "key:k increment:i")
SYNTAX("incrbyfloat", "key:k increment:d")
SYNTAX("increx",
    "key:k [increment(BYFLOAT float:d|BYINT integer:i)] [LBOUND lowerbound] "
    "[UBOUND upperbound] [SATURATE] [expiration(EX seconds:i|PX "
    "milliseconds:i|EXAT unix-time-seconds:t|PXAT unix-time-milliseconds:t|"
    "PERSIST)] [ENX] [condition(NX|XX)]")
SYNTAX("info", "[section*]")
SYNTAX("json.arrappend", "key:k path value*")
SYNTAX("json.arrindex", "key:k path value [range{start:i [stop:i]}]")
SYNTAX("json.arrinsert", "key:k path index:i value*")
SYNTAX("json.arrlen", "key:k [path]")
SYNTAX("json.arrpop",
    "key:k [FORMAT format(STRINGS|EXPAND1|EXPAND)] "
    "[path-index{path [index:i]}]")
SYNTAX("json.arrtrim", "key:k path start:i stop:i")
SYNTAX("json.clear", "key:k [path]")
SYNTAX("json.debug|depth", "key:k [path]")
SYNTAX("json.debug|fields", "key:k [path]")
SYNTAX("json.debug|memory", "key:k [path]")
SYNTAX("json.del", "key:k [path]")
SYNTAX("json.forget", "key:k [path]")
SYNTAX("json.get",
    "key:k [INDENT indent] [NEWLINE newline] [SPACE space] "
    "[FORMAT format(STRING|EXPAND1|EXPAND)] [path*]")
SYNTAX("json.merge", "key:k path value")
SYNTAX("json.mget", "key:k* path")
SYNTAX("json.mset", "triplet{key:k path value}*")
SYNTAX("json.numincrby", "key:k path value:d")
SYNTAX("json.nummultby", "key:k path value:d")
SYNTAX("json.objkeys", "key:k [path]")
SYNTAX("json.objlen", "key:k [path]")
SYNTAX("json.resp", "key:k [path]")
SYNTAX("json.set",
    "key:k path value [condition(NX|XX)] [expiration(EX seconds:i|PX "
    "milliseconds:i|EXAT unix-time-seconds:t|PXAT "
    "unix-time-milliseconds:t|KEEPTTL)]")
SYNTAX("json.strappend", "key:k [path] value")
SYNTAX("json.strlen", "key:k [path]")
SYNTAX("json.toggle", "key:k path")
SYNTAX("json.type", "key:k [path]")
SYNTAX("keys", "pattern:p")
SYNTAX("keyspace.sync", "[token [milliseconds:i]]")
SYNTAX("latency|graph", "event")
SYNTAX("latency|histogram", "[command*]")
SYNTAX("latency|history", "event")
SYNTAX("latency|reset", "[event*]")
SYNTAX("lcs",
    "key1:k key2:k [LEN] [IDX] [MINMATCHLEN min-match-len:i] [WITHMATCHLEN]")
SYNTAX("lindex", "key:k index:i")
SYNTAX("linsert", "key:k where(BEFORE|AFTER) pivot element")
SYNTAX("llen", "key:k")
SYNTAX("lmove",
    "source:k destination:k1 wherefrom(LEFT|RIGHT) whereto(LEFT|RIGHT)")
SYNTAX("lmovem",
    "source:k destination:k1 wherefrom(LEFT|RIGHT) whereto(LEFT|RIGHT) "
    "[amount{limit(COUNT count:i|EXACTLY exactly:i) mode(OBO|BULK)}]")
SYNTAX("lmpop", "numkeys:i key:k* where(LEFT|RIGHT) [COUNT count:i]")
SYNTAX("lolwut", "[VERSION version:i]")
SYNTAX("lpop", "key:k [count:i]")
SYNTAX("lpos",
    "key:k element [RANK rank:i] [COUNT num-matches:i] [MAXLEN len:i]")
SYNTAX("lpush", "key:k element*")
SYNTAX("lpushx", "key:k element*")
SYNTAX("lrange", "key:k start:i stop:i")
SYNTAX("lrem", "key:k count:i element")
SYNTAX("lset", "key:k index:i element")
SYNTAX("ltrim", "key:k start:i stop:i")
SYNTAX("memory|usage", "key:k [SAMPLES count:i]")
SYNTAX("mget", "key:k*")
SYNTAX("migrate",
    "host port:i key-selector(key:k|empty-string=\"\") destination-db:i "
    "timeout:i [COPY] [REPLACE] [authentication(AUTH auth~password|AUTH2 "
    "auth2{username password})] [KEYS keys:k1~key*]")
SYNTAX("move", "key:k db:i")
SYNTAX("mset", "data{key:k value}*")
SYNTAX("msetex",
    "numkeys:i data{key:k value}* [condition(NX|XX)] [expiration(EX "
    "seconds:i|PX milliseconds:i|EXAT unix-time-seconds:t|PXAT "
    "unix-time-milliseconds:t|KEEPTTL)]")
SYNTAX("msetnx", "data{key:k value}*")
SYNTAX("object|encoding", "key:k")
SYNTAX("object|freq", "key:k")
SYNTAX("object|idletime", "key:k")
SYNTAX("object|refcount", "key:k")
SYNTAX("persist", "key:k")
SYNTAX("pexpire", "key:k milliseconds:i [condition(NX|XX|GT|LT)]")
SYNTAX("pexpireat", "key:k unix-time-milliseconds:t [condition(NX|XX|GT|LT)]")
SYNTAX("pexpiretime", "key:k")
SYNTAX("pfadd", "key:k [element*]")
SYNTAX("pfcount", "key:k*")
SYNTAX("pfmerge", "destkey:k [sourcekey:k1*]")
SYNTAX("ping", "[message]")
SYNTAX("psetex", "key:k milliseconds:i value")
SYNTAX("psubscribe", "pattern:p*")
SYNTAX("psync", "replicationid offset:i")
SYNTAX("pttl", "key:k")
SYNTAX("publish", "channel message")
SYNTAX("pubsub|channels", "[pattern:p]")
SYNTAX("pubsub|numsub", "[channel*]")
SYNTAX("pubsub|shardchannels", "[pattern:p]")
SYNTAX("pubsub|shardnumsub", "[shardchannel*]")
SYNTAX("punsubscribe", "[pattern:p*]")
SYNTAX("rename", "key:k newkey:k1")
SYNTAX("renamenx", "key:k newkey:k1")
SYNTAX("replicaof",
    "args(host-port{host port:i}|no-one{NO ONE})")
SYNTAX("restore",
    "key:k ttl:i serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:i] "
    "[FREQ frequency:i]")
SYNTAX("rpop", "key:k [count:i]")
SYNTAX("rpoplpush", "source:k destination:k1")
SYNTAX("rpush", "key:k element*")
SYNTAX("rpushx", "key:k element*")
SYNTAX("sadd", "key:k member*")
SYNTAX("scan", "cursor:i [MATCH pattern:p] [COUNT count:i] [TYPE type]")
SYNTAX("scard", "key:k")
SYNTAX("script|exists", "sha1*")
SYNTAX("script|flush", "[flush-type(ASYNC|SYNC)]")
SYNTAX("script|load", "script")
SYNTAX("sdiff", "key:k*")
SYNTAX("sdiffcard", "numkeys:i key:k* [LIMIT limit:i]")
SYNTAX("sdiffstore", "destination:k key:k1*")
SYNTAX("select", "index:i")
SYNTAX("set",
    "key:k value [condition(NX|XX|IFEQ ifeq-value|IFNE ifne-value|IFDEQ "
    "ifdeq-digest|IFDNE ifdne-digest)] [GET] [expiration(EX seconds:i|PX "
    "milliseconds:i|EXAT unix-time-seconds:t|PXAT unix-time-milliseconds:t|"
    "KEEPTTL)]")
SYNTAX("setbit", "key:k offset:i value:i")
SYNTAX("setex", "key:k seconds:i value")
SYNTAX("setnx", "key:k value")
SYNTAX("setrange", "key:k offset:i value")
SYNTAX("sinter", "key:k*")
SYNTAX("sintercard", "numkeys:i key:k* [LIMIT limit:i]")
SYNTAX("sinterstore", "destination:k key:k1*")
SYNTAX("sismember", "key:k member")
SYNTAX("slaveof",
    "args(host-port{host port:i}|no-one{NO ONE})")
SYNTAX("slowlog|get", "[count:i]")
SYNTAX("smembers", "key:k")
SYNTAX("smismember", "key:k member*")
SYNTAX("smove", "source:k destination:k1 member")
SYNTAX("sort",
    "key:k [BY by-pattern:p1~pattern] [LIMIT limit{offset:i count:i}] [GET "
    "get-pattern:p1~pattern+] [order(ASC|DESC)] [sorting=ALPHA] [STORE "
    "destination:k2]")
SYNTAX("sort_ro",
    "key:k [BY by-pattern:p1~pattern] [LIMIT limit{offset:i count:i}] [GET "
    "get-pattern:p1~pattern+] [order(ASC|DESC)] [sorting=ALPHA]")
SYNTAX("spop", "key:k [count:i]")
SYNTAX("spublish", "shardchannel message")
SYNTAX("srandmember", "key:k [count:i]")
SYNTAX("srem", "key:k member*")
SYNTAX("sscan", "key:k cursor:i [MATCH pattern:p] [COUNT count:i]")
SYNTAX("ssubscribe", "shardchannel*")
SYNTAX("strlen", "key:k")
SYNTAX("subscribe", "channel*")
SYNTAX("substr", "key:k start:i end:i")
SYNTAX("sunion", "key:k*")
SYNTAX("sunioncard", "numkeys:i key:k* [APPROX] [LIMIT limit:i]")
SYNTAX("sunionstore", "destination:k key:k1*")
SYNTAX("sunsubscribe", "[shardchannel*]")
SYNTAX("swapdb", "index1:i index2:i")
SYNTAX("touch", "key:k*")
SYNTAX("ttl", "key:k")
SYNTAX("type", "key:k")
SYNTAX("unlink", "key:k*")
SYNTAX("unsubscribe", "[channel*]")
SYNTAX("wait", "numreplicas:i timeout:i")
SYNTAX("waitaof", "numlocal:i numreplicas:i timeout:i")
SYNTAX("watch", "key:k*")
SYNTAX("xack", "key:k group id*")
SYNTAX("xackdel",
    "key:k group [condition(KEEPREF|DELREF|ACKED)] IDS ids{numids:i id*}")
SYNTAX("xadd",
    "key:k [NOMKSTREAM] [condition(KEEPREF|DELREF|ACKED)] "
    "[trim{strategy(MAXLEN|MINID) [operator(equal==|approximately=~)] "
    "threshold [LIMIT count:i]}] id-selector(auto-id=*|id) data{field value}*")
SYNTAX("xautoclaim",
    "key:k group consumer min-idle-time start [COUNT count:i] [JUSTID]")
SYNTAX("xclaim",
    "key:k group consumer min-idle-time id* [IDLE ms:i] [TIME "
    "unix-time-milliseconds:t] [RETRYCOUNT count:i] [FORCE] [JUSTID] [LASTID "
    "lastid]")
SYNTAX("xdel", "key:k id*")
SYNTAX("xdelex",
    "key:k [condition(KEEPREF|DELREF|ACKED)] IDS ids{numids:i id*}")
SYNTAX("xgroup|create",
    "key:k group id-selector(id|new-id=$) [MKSTREAM] [ENTRIESREAD "
    "entriesread:i~entries-read]")
SYNTAX("xgroup|createconsumer", "key:k group consumer")
SYNTAX("xgroup|delconsumer", "key:k group consumer")
SYNTAX("xgroup|destroy", "key:k group")
SYNTAX("xgroup|setid",
    "key:k group id-selector(id|new-id=$) [ENTRIESREAD "
    "entriesread:i~entries-read]")
SYNTAX("xinfo|consumers", "key:k group")
SYNTAX("xinfo|groups", "key:k")
SYNTAX("xinfo|stream", "key:k [full-block{FULL [COUNT count:i]}]")
SYNTAX("xlen", "key:k")
SYNTAX("xpending",
    "key:k group [filters{[IDLE min-idle-time:i] start end count:i "
    "[consumer]}]")
SYNTAX("xrange", "key:k start end [COUNT count:i]")
SYNTAX("xread",
    "[COUNT count:i] [BLOCK milliseconds:i] STREAMS streams{key:k* id*}")
SYNTAX("xreadgroup",
    "GROUP group-block{group consumer} [COUNT count:i] [BLOCK "
    "milliseconds:i] [NOACK] STREAMS streams{key:k* id*}")
SYNTAX("xrevrange", "key:k end start [COUNT count:i]")
SYNTAX("xsetid",
    "key:k last-id [ENTRIESADDED entries-added:i] [MAXDELETEDID "
    "max-deleted-id]")
SYNTAX("xtrim",
    "key:k trim{strategy(MAXLEN|MINID) [operator(equal==|approximately=~)] "
    "threshold [LIMIT count:i] [condition(KEEPREF|DELREF|ACKED)]}")
SYNTAX("zadd",
    "key:k [condition(NX|XX)] [comparison(GT|LT)] [change=CH] "
    "[increment=INCR] data{score:d member}*")
SYNTAX("zcard", "key:k")
SYNTAX("zcount", "key:k min:d max:d")
SYNTAX("zdiff", "numkeys:i key:k* [WITHSCORES]")
SYNTAX("zdiffstore", "destination:k numkeys:i key:k1*")
SYNTAX("zincrby", "key:k increment:i member")
SYNTAX("zinter",
    "numkeys:i key:k* [WEIGHTS weight:i*] [AGGREGATE aggregate(SUM|MIN|MAX|"
    "COUNT)] [WITHSCORES]")
SYNTAX("zintercard", "numkeys:i key:k* [LIMIT limit:i]")
SYNTAX("zinterstore",
    "destination:k numkeys:i key:k1* [WEIGHTS weight:i*] [AGGREGATE "
    "aggregate(SUM|MIN|MAX|COUNT)]")
SYNTAX("zlexcount", "key:k min max")
SYNTAX("zmpop", "numkeys:i key:k* where(MIN|MAX) [COUNT count:i]")
SYNTAX("zmscore", "key:k member*")
SYNTAX("zpopmax", "key:k [count:i]")
SYNTAX("zpopmin", "key:k [count:i]")
SYNTAX("zrandmember", "key:k [options{count:i [WITHSCORES]}]")
SYNTAX("zrange",
    "key:k start stop [sortby(BYSCORE|BYLEX)] [REV] [LIMIT limit{offset:i "
    "count:i}] [WITHSCORES]")
SYNTAX("zrangebylex", "key:k min max [LIMIT limit{offset:i count:i}]")
SYNTAX("zrangebyscore",
    "key:k min:d max:d [WITHSCORES] [LIMIT limit{offset:i count:i}]")
SYNTAX("zrangestore",
    "dst:k src:k1 min max [sortby(BYSCORE|BYLEX)] [REV] [LIMIT "
    "limit{offset:i count:i}]")
SYNTAX("zrank", "key:k member [WITHSCORE]")
SYNTAX("zrem", "key:k member*")
SYNTAX("zremrangebylex", "key:k min max")
SYNTAX("zremrangebyrank", "key:k start:i stop:i")
SYNTAX("zremrangebyscore", "key:k min:d max:d")
SYNTAX("zrevrange", "key:k start:i stop:i [WITHSCORES]")
SYNTAX("zrevrangebylex", "key:k max min [LIMIT limit{offset:i count:i}]")
SYNTAX("zrevrangebyscore",
    "key:k max:d min:d [WITHSCORES] [LIMIT limit{offset:i count:i}]")
SYNTAX("zrevrank", "key:k member [WITHSCORE]")
SYNTAX("zscan", "key:k cursor:i [MATCH pattern:p] [COUNT count:i]")
SYNTAX("zscore", "key:k member")
SYNTAX("zunion",
    "numkeys:i key:k* [WEIGHTS weight:i*] [AGGREGATE aggregate(SUM|MIN|MAX|"
    "COUNT)] [WITHSCORES]")
SYNTAX("zunionstore",
    "destination:k numkeys:i key:k1* [WEIGHTS weight:i*] [AGGREGATE "
    "aggregate(SUM|MIN|MAX|COUNT)]")
