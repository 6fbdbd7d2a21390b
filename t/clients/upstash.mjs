// @upstash/redis against the module: node upstash.mjs URL TOKEN
// Prints TAP.

import { Redis } from "@upstash/redis";
import assert from "node:assert/strict";

const [url, token] = process.argv.slice(2);
const common = { url, token, enableTelemetry: false };
const redis = new Redis(common);
const manual = new Redis({ ...common, enableAutoPipelining: false });
const raw = new Redis({ ...common, responseEncoding: false,
                        automaticDeserialization: false });

let count = 0;
let failed = 0;


async function test(name, code) {
    count++;

    try {
        await code();
        console.log(`ok ${count} - ${name}`);
    } catch (e) {
        failed++;
        console.log(`not ok ${count} - ${name}`);
        console.log(String(e.stack).replace(/^/gm, "# "));
    }
}


await redis.flushall();

await test("set and get of a string", async () => {
    assert.equal(await redis.set("s", "hello"), "OK");
    assert.equal(await redis.get("s"), "hello");
    assert.equal(await redis.get("none"), null);
});

await test("set and get of what is not ASCII", async () => {
    for (const v of ["grüße", "日本語", "😀", "\u0000\u0001\"\\\n", ""]) {
        await redis.set("u", v);
        assert.equal(await redis.get("u"), v);
        assert.equal(await raw.get("u"), v);
    }
});

await test("set and get of an object", async () => {
    const user = { name: "Ada", tags: ["a", "b"], nested: { n: 1.5 } };
    await redis.set("o", user);
    assert.deepEqual(await redis.get("o"), user);
    assert.equal(await raw.get("o"), JSON.stringify(user));
});

await test("set with options", async () => {
    assert.equal(await redis.set("opt", "1", { ex: 100 }), "OK");
    const ttl = await redis.ttl("opt");
    assert.ok(ttl > 0 && ttl <= 100);
    assert.equal(await redis.set("opt", "2", { nx: true }), null);
    assert.equal(await redis.set("opt", "2", { xx: true, keepTtl: true }),
                 "OK");
    assert.ok(await redis.ttl("opt") > 0);
    assert.equal(await redis.set("opt", "3", { get: true }), 2);
    assert.equal(await redis.set("opt", "4", { px: 100000 }), "OK");
    assert.ok(await redis.pttl("opt") > 1000);
});

await test("mset and mget", async () => {
    assert.equal(await redis.mset({ a: 1, b: "two", c: { three: 3 } }), "OK");
    assert.deepEqual(await redis.mget("a", "b", "c", "none"),
                     [1, "two", { three: 3 }, null]);
    assert.equal(await redis.msetnx({ a: 5, z: 6 }), 0);
    assert.equal(await redis.exists("z"), 0);
});

await test("counters", async () => {
    assert.equal(await redis.incr("n"), 1);
    assert.equal(await redis.incrby("n", 41), 42);
    assert.equal(await redis.decr("n"), 41);
    assert.equal(await redis.decrby("n", 1), 40);
    assert.equal(await redis.incrbyfloat("n", 0.5), 40.5);
});

await test("expire, ttl and persist", async () => {
    await redis.set("e", "v");
    assert.equal(await redis.ttl("e"), -1);
    assert.equal(await redis.expire("e", 100), 1);
    assert.ok(await redis.ttl("e") > 0);
    assert.equal(await redis.persist("e"), 1);
    assert.equal(await redis.ttl("e"), -1);
    assert.equal(await redis.expireat("e", 4000000000), 1);
    assert.equal(await redis.pexpire("e", 0), 1);
    assert.equal(await redis.exists("e"), 0);
    assert.equal(await redis.ttl("e"), -2);
});

await test("strings", async () => {
    await redis.set("str", "hello");
    assert.equal(await redis.append("str", " world"), 11);
    assert.equal(await redis.strlen("str"), 11);
    assert.equal(await redis.getrange("str", 0, 4), "hello");
    assert.equal(await redis.setrange("str", 6, "redis"), 11);
    assert.equal(await redis.getset("str", "new"), "hello redis");
    assert.equal(await redis.getdel("str"), "new");
    assert.equal(await redis.get("str"), null);
    assert.equal(await redis.setnx("str", "x"), 1);
    assert.equal(await redis.setex("str", 100, "y"), "OK");
    assert.equal(await redis.psetex("str", 100000, "z"), "OK");
    assert.equal(await redis.getex("str", { persist: true }), "z");
});

await test("bits", async () => {
    assert.equal(await redis.setbit("bits", 7, 1), 0);
    assert.equal(await redis.getbit("bits", 7), 1);
    assert.equal(await redis.bitcount("bits", 0, -1), 1);
    assert.equal(await redis.bitpos("bits", 1), 7);
    assert.equal(await redis.bitop("or", "bits2", "bits", "bits"), 1);
    assert.deepEqual(
        await manual.bitfield("bf").set("u8", "#0", 255).incrby("u8", "#0", 1)
            .get("u8", 0).exec(),
        [0, 0, 0]);
});

await test("keys", async () => {
    await redis.set("from", "v");
    assert.equal(await redis.rename("from", "to"), "OK");
    assert.equal(await redis.copy("to", "copy"), "COPIED");
    assert.equal(await redis.renamenx("to", "copy"), 0);
    assert.equal(await redis.type("copy"), "string");
    assert.equal(await redis.touch("to", "copy"), 2);
    assert.equal(await redis.exists("to", "copy", "none"), 2);
    assert.equal(await redis.del("to", "copy"), 2);
    assert.equal(await redis.unlink("to"), 0);
    assert.ok(await redis.dbsize() > 0);
    assert.equal(typeof await redis.randomkey(), "string");
});

await test("scan and keys", async () => {
    const want = new Set();

    for (let i = 0; i < 500; i++) {
        want.add(`scan:${i}`);
    }

    await redis.mset(Object.fromEntries([...want].map((k) => [k, "v"])));

    const got = new Set();
    let cursor = "0";

    do {
        const [next, keys] = await redis.scan(cursor, { match: "scan:*",
                                                        count: 50 });
        keys.forEach((k) => got.add(k));
        cursor = next;
    } while (cursor !== "0");

    assert.deepEqual(got, want);
    assert.deepEqual((await redis.keys("scan:1?")).sort(),
                     [...Array(10).keys()].map((i) => `scan:1${i}`));
});

await test("a pipeline", async () => {
    const p = redis.pipeline();
    p.set("p1", "v").incr("p2").get("p1").mget("p1", "none").del("p1");
    assert.deepEqual(await p.exec(), ["OK", 1, "v", ["v", null], 1]);
});

await test("a pipeline that keeps errors", async () => {
    const p = redis.pipeline();
    p.set("text", "abc");
    p.incr("text");
    p.get("text");
    const r = await p.exec({ keepErrors: true });
    assert.equal(r[0].result, "OK");
    assert.match(r[1].error, /not an integer/);
    assert.equal(r[2].result, "abc");
});

await test("a transaction", async () => {
    await redis.set("m1", 1);
    assert.deepEqual(
        await redis.multi().incr("m1").set("m2", { a: [1, "ü"] }).get("m2")
            .mget("m1", "none").del("m2").exec(),
        [2, "OK", { a: [1, "ü"] }, [2, null], 1]);

    const p = redis.multi();
    for (let i = 0; i < 1000; i++) {
        p.incr("m1");
    }
    assert.equal((await p.exec()).at(-1), 1002);
});

await test("a transaction with an error of one command", async () => {
    await redis.set("text", "abc");
    await assert.rejects(
        redis.multi().set("m3", "v").incr("text").set("m4", "v").exec(),
        /not an integer/);
    assert.deepEqual(await redis.mget("m3", "m4"), ["v", "v"]);

    const r = await redis.multi().incr("text").get("m3")
        .exec({ keepErrors: true });
    assert.match(r[0].error, /not an integer/);
    assert.equal(r[1].result, "v");
});

await test("a transaction that is discarded", async () => {
    await assert.rejects(redis.multi().set("m5", "v").del().exec(),
                         /EXECABORT Transaction discarded/);
    assert.equal(await redis.exists("m5"), 0);
});

await test("auto-pipelining", async () => {
    await Promise.all([...Array(200).keys()].map((i) =>
        redis.set(`auto:${i}`, i)));
    const got = await Promise.all([...Array(200).keys()].map((i) =>
        redis.get(`auto:${i}`)));
    assert.deepEqual(got, [...Array(200).keys()]);
});

await test("without auto-pipelining", async () => {
    await Promise.all([...Array(50).keys()].map((i) =>
        manual.set(`manual:${i}`, `v${i}`)));
    const got = await Promise.all([...Array(50).keys()].map((i) =>
        manual.get(`manual:${i}`)));
    assert.deepEqual(got, [...Array(50).keys()].map((i) => `v${i}`));
});

await test("errors", async () => {
    await redis.set("text", "abc");
    await assert.rejects(manual.incr("text"), /not an integer/);
    await assert.rejects(redis.incr("text"), /not an integer/);
    await assert.rejects(new Redis({ ...common, token: "wrong", retry: false })
        .get("s"), /WRONGPASS/);
});

await test("ping, echo and time", async () => {
    assert.equal(await redis.ping(), "PONG");
    assert.equal(await redis.echo("hello"), "hello");
    const [seconds] = await redis.time();
    assert.ok(Math.abs(seconds - Date.now() / 1000) < 60);
});

await test("a large value", async () => {
    const v = "ü".repeat(200000);
    await redis.set("large", v);
    assert.equal(await redis.get("large"), v);
});

console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
