// ioredis against the module: node ioredis.mjs PORT TOKEN READONLY
// Prints TAP.

import { Redis } from "ioredis";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const [port, token, readonly] = process.argv.slice(2);
const options = { port: Number(port), host: "127.0.0.1", password: token };
const redis = new Redis(options);
const other = new Redis({ ...options, connectionName: "other" });

await redis.flushall();

await test("it is ready", async () => {
    assert.equal(await redis.ping(), "PONG");
    assert.match(await redis.info(), /redis_version:7/);
    assert.equal(await other.client("GETNAME"), "other");
});

await test("strings and bytes", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    assert.equal(await redis.set("s", "grüße", "EX", 100), "OK");
    assert.equal(await redis.get("s"), "grüße");
    assert.ok(await redis.ttl("s") > 0);
    await redis.set("b", bytes);
    assert.deepEqual(await redis.getBuffer("b"), bytes);
    assert.equal(await redis.get("none"), null);
    assert.equal(await redis.incrby("n", 41), 41);
});

await test("a value of 8 MB", async () => {
    const value = "large value ".repeat(700_000);
    await redis.set("large", value);
    assert.ok(await redis.get("large") === value);
});

await test("hashes, lists, sets and sorted sets", async () => {
    await redis.hset("h", { name: "Ada", age: "36" });
    assert.deepEqual(await redis.hgetall("h"), { name: "Ada", age: "36" });
    await redis.rpush("l", "a", "b", "c");
    assert.deepEqual(await redis.lrange("l", 0, -1), ["a", "b", "c"]);
    assert.equal(await redis.sadd("set", "x", "y", "x"), 2);
    assert.deepEqual((await redis.smembers("set")).sort(), ["x", "y"]);
    await redis.zadd("z", 1.5, "one", 2, "two");
    assert.deepEqual(await redis.zrange("z", 0, -1, "WITHSCORES"),
                     ["one", "1.5", "two", "2"]);
});

await test("a pipeline of 20,000", async () => {
    const pipeline = redis.pipeline();

    for (let i = 0; i < 20_000; i++) {
        pipeline.set(`p${i}`, i);
    }

    const replies = await pipeline.exec();
    assert.equal(replies.length, 20_000);
    assert.ok(replies.every(([error, v]) => error === null && v === "OK"));
    assert.equal(await redis.get("p19999"), "19999");
});

await test("commands without waiting", async () => {
    const all = [];

    for (let i = 0; i < 5000; i++) {
        all.push(redis.incr("parallel"));
    }

    assert.deepEqual(await Promise.all(all), all.map((_, i) => i + 1));
});

await test("transactions", async () => {
    assert.deepEqual(await redis.multi().set("t", 1).incr("t").exec(),
                     [[null, "OK"], [null, 2]]);

    await redis.watch("t");
    await other.set("t", 9);
    assert.equal(await redis.multi().set("t", 3).exec(), null);
    assert.equal(await redis.get("t"), "9");
});

await test("a scan", async () => {
    const seen = new Set();

    for await (const keys of redis.scanStream({ match: "p1*", count: 500 })) {
        keys.forEach((k) => seen.add(k));
    }

    assert.equal(seen.size, 11111);
});

await test("errors", async () => {
    await assert.rejects(redis.incr("s"), /ERR value is not an integer/);
    await assert.rejects(redis.call("NOSUCH"), /ERR unknown command 'NOSUCH'/);
});

await test("a read-only token", async () => {
    const reader = new Redis({ ...options, password: readonly });
    assert.equal(await reader.get("n"), "41");
    await assert.rejects(reader.set("n", 1), /^ReplyError: NOPERM/);
    await reader.quit();
});

await test("it connects again when it was cut off", async () => {
    const id = await other.client("ID");
    await redis.client("KILL", "ID", id);
    assert.equal(await other.ping(), "PONG");
});

redis.disconnect();
await other.quit();
done();
