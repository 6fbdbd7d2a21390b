// The calls of Upstash's browser of keys, @upstash/react-redis-browser, made as it
// makes them, with two clients of @upstash/redis: one that puts commands
// together into pipelines, and one that does not; both leave replies as texts:
// node upstash_browser.mjs URL TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import { Redis } from "@upstash/redis";
import { test, done } from "./tap.mjs";

const [url, token] = process.argv.slice(2);
const options = { url, token, automaticDeserialization: false,
                  keepAlive: false };
const redis = new Redis({ ...options, enableAutoPipelining: true });
const single = new Redis({ ...options, enableAutoPipelining: false });
const TYPES = ["string", "list", "hash", "set", "zset", "json", "stream",
               "search"];

await single.flushall();


// all keys of a type that match, page by page
async function scan(type, match = "*", count = 100) {
    const keys = [];
    let cursor = "0";
    let pages = 0;

    do {
        const [next, some] = await redis.scan(cursor, { count, match, type });
        keys.push(...some);
        cursor = next;
        assert.equal(typeof cursor, "string");
        assert.ok(++pages < 1000);
    } while (cursor !== "0");

    return keys;
}


await test("a key of each type is added", async () => {
    assert.equal(await redis.sadd("k:set", "value"), 1);
    assert.equal(await redis.zadd("k:zset", { member: "value", score: 0 }), 1);
    assert.equal(await redis.hset("k:hash", { field: "field",
                                              value: "value" }), 2);
    assert.equal(await redis.lpush("k:list", "value"), 1);
    assert.match(await redis.xadd("k:stream", "*", { foo: "bar" }),
                 /^\d+-\d+$/);
    assert.equal(await redis.set("k:string", "value"), "OK");
    assert.equal(await redis.json.set("k:json", "$", { foo: "bar" }), "OK");
});

await test("keys are listed by their types, all types at once", async () => {
    for (let i = 0; i < 300; i++) {
        redis.set(`more:${i}`, i);
    }

    await redis.ping();
    const all = await Promise.all(TYPES.map((type) => scan(type)));
    const by = Object.fromEntries(TYPES.map((type, i) => [type, all[i]]));

    assert.equal(new Set(by.string).size, 301);

    for (const type of TYPES.filter((t) => t !== "string" && t !== "search")) {
        assert.deepEqual(by[type], [`k:${type}`]);
    }

    assert.deepEqual(by.search, []);
    assert.deepEqual(await scan("string", "k:*"), ["k:string"]);
    assert.deepEqual(await scan("json", "k:j*", 800), ["k:json"]);
});

await test("the size of the database, types, sizes and TTLs", async () => {
    assert.equal(await redis.dbsize(), 307);

    for (const type of TYPES.slice(0, 7)) {
        const key = `k:${type}`;
        const [is, ttl, size] = await Promise.all([
            redis.type(key), redis.ttl(key),
            redis.exec(["MEMORY", "USAGE", key])]);
        assert.equal(is.toLowerCase().replace("rejson-rl", "json"), type);
        assert.equal(ttl, -1);
        assert.ok(size > 0);
    }

    assert.deepEqual(await Promise.all([
        redis.scard("k:set"), redis.zcard("k:zset"), redis.llen("k:list"),
        redis.hlen("k:hash"), redis.xlen("k:stream")]), [1, 1, 1, 2, 1]);
    assert.equal(await redis.type("none"), "none");
    assert.equal(await redis.exec(["MEMORY", "USAGE", "none"]), null);
});

await test("a TTL is set and taken away", async () => {
    assert.equal(await redis.expire("k:string", 1000), 1);
    assert.ok(await redis.ttl("k:string") > 990);
    assert.equal(await redis.persist("k:string"), 1);
    assert.equal(await redis.ttl("k:string"), -1);

    assert.deepEqual(await redis.hexpire("k:hash", "field", 1000), [1]);
    const ttls = await redis.httl("k:hash", ["field", "value", "none"]);
    assert.ok(ttls[0] > 990);
    assert.deepEqual(ttls.slice(1), [-1, -2]);
    assert.deepEqual(await redis.hpersist("k:hash", "field"), [1]);
});

await test("strings and documents are read and written as texts", async () => {
    assert.equal(await single.get("k:string"), "value");
    await redis.set("k:string", '{"a": 1}');
    assert.equal(await single.get("k:string"), '{"a": 1}');
    assert.deepEqual(JSON.parse(await single.json.get("k:json")),
                     { foo: "bar" });
    await redis.json.set("k:json", "$", JSON.parse('{"b":[1,{"c":null}]}'));
    assert.deepEqual(JSON.parse(await single.json.get("k:json")),
                     { b: [1, { c: null }] });
});

await test("elements are read page by page", async () => {
    const pipe = redis.pipeline();

    for (let i = 0; i < 120; i++) {
        pipe.sadd("p:set", `m${i}`);
        pipe.zadd("p:zset", { member: `m${i}`, score: i });
        pipe.hset("p:hash", { [`f${i}`]: `v${i}` });
        pipe.rpush("p:list", `e${i}`);
        pipe.xadd("p:stream", `${i + 1}-0`, { n: i });
    }

    await pipe.exec();

    const set = new Set();
    const hash = new Map();
    let cursor = "0";

    do {
        const [next, members] = await single.sscan("p:set", cursor,
                                                   { count: 50 });
        members.forEach((m) => set.add(m));
        cursor = next;
    } while (cursor !== "0");

    do {
        const [next, flat] = await single.hscan("p:hash", cursor,
                                                { count: 50 });
        for (let i = 0; i < flat.length; i += 2) hash.set(flat[i], flat[i + 1]);
        cursor = next;
    } while (cursor !== "0");

    assert.equal(set.size, 120);
    assert.equal(hash.size, 120);
    assert.equal(hash.get("f7"), "v7");

    const page = await single.zrange("p:zset", 50, 99, { withScores: true,
                                                         rev: true });
    assert.equal(page.length, 100);
    assert.deepEqual(page.slice(0, 2).map(String), ["m69", "69"]);

    const list = await single.lrange("p:list", 100, 149);
    assert.deepEqual([list.length, list[0]], [20, "e100"]);

    let last = "-";
    const ids = [];

    for (;;) {
        const some = await single.xrange("p:stream",
            last === "-" ? "-" : `(${last}`, "+", 51);
        ids.push(...some.map(([id, fields]) => `${id} ${fields.join(" ")}`));
        if (some.length < 50) break;
        last = some.at(-1)[0];
    }

    assert.equal(new Set(ids).size, 120);
    assert.equal(ids[119], "120-0 n 119");
});

await test("elements are changed", async () => {
    const edit = async (code) => {
        const pipe = redis.pipeline();
        code(pipe);
        return pipe.exec();
    };

    await edit((p) => { p.srem("k:set", "value"); p.sadd("k:set", "new"); });
    await edit((p) => { p.zrem("k:zset", "value");
                        p.zadd("k:zset", { member: "new", score: 2.5 }); });
    await edit((p) => { p.hdel("k:hash", "field");
                        p.hset("k:hash", { name: "text" }); });
    await edit((p) => p.lpush("k:list", "first"));
    await edit((p) => p.lset("k:list", 1, "second"));
    await edit((p) => { p.lset("k:list", 0, "__DELETED_1");
                        p.lrem("k:list", 0, "__DELETED_1"); });
    await edit((p) => p.xadd("k:stream", "*", { k: "v" }));

    assert.deepEqual(await single.smembers("k:set"), ["new"]);
    assert.equal(String(await single.zscore("k:zset", "new")), "2.5");
    assert.deepEqual(await single.lrange("k:list", 0, -1), ["second"]);
    assert.equal(await single.xlen("k:stream"), 2);
    await assert.rejects(edit((p) => p.lset("k:list", 9, "x")),
                         /index out of range/);
});

await test("keys are deleted, and found no more", async () => {
    const gone = await Promise.all(TYPES.slice(0, 7).map((t) =>
        redis.del(`k:${t}`)));
    assert.deepEqual(gone, Array(7).fill(1));
    assert.deepEqual(await scan("json"), []);
    assert.equal(await redis.type("k:json"), "none");
});

await test("its command line", async () => {
    assert.equal(await single.exec(["SET", "cli", "v"]), "OK");
    assert.equal(await single.exec(["get", "cli"]), "v");
    assert.deepEqual(await single.exec(["HGETALL", "none"]), []);
    await assert.rejects(single.exec(["INCR", "cli"]),
                         /value is not an integer/);
    await assert.rejects(single.exec(["NOSUCH"]), /unknown command/i);
    assert.deepEqual(await single.multi().incr("n").incr("n").exec(), [1, 2]);
});

await test("a wrong token", async () => {
    const wrong = new Redis({ ...options, token: "wrong", retry: false });
    await assert.rejects(wrong.dbsize(), /WRONGPASS/);
});

done();
