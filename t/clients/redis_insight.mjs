// What RedisInsight asks when a database is added and opened, and for its list of
// keys, over ioredis, which it uses: node redis_insight.mjs PORT TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import { Redis } from "ioredis-5";
import { test, done } from "./tap.mjs";

const [port, token] = process.argv.slice(2);
const redis = new Redis({ port: Number(port), host: "127.0.0.1",
                          password: token,
                          connectionName: "redisinsight-common-1" });

await redis.flushall();
await redis.script("FLUSH");
await redis.script("LOAD", "return 1");

// a text of lines, name:value, with # before each section
const sections = (text) => Object.fromEntries(text.split("# ").slice(1)
    .map((s) => s.split("\r\n")).map(([name, ...lines]) => [
        name.toLowerCase(), Object.fromEntries(lines.filter((l) => l)
            .map((l) => [l.slice(0, l.indexOf(":")),
                         l.slice(l.indexOf(":") + 1)]))]));


await test("a database is added", async () => {
    const info = sections(await redis.info());
    assert.match(info.server.redis_version, /^7\.\d+\.\d+$/);
    assert.equal(info.server.redis_mode, "standalone");
    assert.equal(info.replication.role, "master");
    assert.ok(Number(info.memory.used_memory) > 0);
    assert.equal(info.memory.number_of_cached_scripts, "1");
    assert.equal(info.memory.number_of_libraries, "0");
    assert.ok(Number(info.clients.connected_clients) > 0);
    assert.ok(Number(info.server.uptime_in_seconds) >= 0);
    assert.ok("keyspace_hits" in info.stats);
    assert.ok("total_commands_processed" in info.stats);

    assert.ok(Array.isArray(await redis.call("module", "list")));
    assert.deepEqual(await redis.call("command", "info", "ft.search",
                                      "ts.add"), [null, null]);
    assert.deepEqual(await redis.call("config", "get", "databases"),
                     ["databases", "2"]);

    // what it takes for neither a cluster nor a sentinel
    const cluster = await redis.call("cluster", "info").catch(() => "");
    assert.doesNotMatch(cluster, /cluster_state:ok/);
    await assert.rejects(redis.call("sentinel", "masters"), /ReplyError/);
});

await test("the list of clients, and its own name", async () => {
    const own = (await redis.client("LIST")).split("\n").filter(Boolean)
        .map((l) => Object.fromEntries(l.split(" ").map((f) => f.split("="))))
        .filter((c) => c.name === "redisinsight-common-1");
    assert.equal(own.length, 1);
    assert.equal(own[0].db, "0");
    assert.match(own[0].addr, /^127\.0\.0\.1:\d+$/);
});

await test("keys with types, TTLs and sizes", async () => {
    await redis.set("text", "x", "EX", 1000);
    await redis.hset("hash", "f", "v");
    await redis.rpush("list", 1, 2, 3);

    assert.equal(await redis.dbsize(), 3);
    assert.match(sections(await redis.info("keyspace")).keyspace.db0,
                 /^keys=3,expires=1\b/);

    const [cursor, keys] = await redis.scan("0", "MATCH", "*", "COUNT", 500);
    assert.equal(cursor, "0");
    assert.deepEqual(keys.sort(), ["hash", "list", "text"]);
    assert.deepEqual((await redis.scan("0", "MATCH", "*", "COUNT", 500,
                                       "TYPE", "hash"))[1], ["hash"]);

    for (const [command, want] of [
        [["type"], ["hash", "list", "string"]],
        [["ttl"], [-1, -1, (v) => v > 990]],
        [["memory", "usage"], Array(3).fill((v) => v > 0)],
    ]) {
        const pipeline = redis.pipeline();
        keys.forEach((key) => pipeline.call(...command, key,
            ...command.length > 1 ? ["samples", "0"] : []));
        const got = await pipeline.exec();
        got.forEach(([error, v], i) => {
            assert.equal(error, null);
            typeof want[i] === "function" ? assert.ok(want[i](v), String(v))
                                          : assert.equal(v, want[i]);
        });
    }
});

await test("its tools", async () => {
    assert.ok(Array.isArray(await redis.config("GET",
                                               "slowlog-log-slower-than")));
    assert.deepEqual(await redis.call("acl", "whoami"), "default");
    assert.ok((await redis.call("command")).length > 200);

    const monitor = await redis.monitor();
    const seen = new Promise((resolve) => monitor.on("monitor",
        (time, args) => args[0].toLowerCase() === "echo" && resolve(args)));
    await redis.echo("heard");
    assert.deepEqual((await seen)[1], "heard");
    monitor.disconnect();
});

redis.disconnect();
done();
