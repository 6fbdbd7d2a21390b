// Streams by @upstash/redis, ioredis and npm's redis against the module:
// node stream_commands.mjs REST_PORT RESP_PORT TOKEN.  Prints TAP.

import { Redis as Upstash } from "@upstash/redis";
import { Redis } from "ioredis";
import { createClient } from "redis";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const [rest, port, token] = process.argv.slice(2);
const upstash = new Upstash({ url: `http://127.0.0.1:${rest}`, token,
                              enableTelemetry: false });
const redis = new Redis({ port: Number(port), host: "127.0.0.1",
                          password: token });
const other = redis.duplicate();
const three = await createClient({ RESP: 3, password: token,
                                   url: `redis://127.0.0.1:${port}` })
    .connect();


// --- @upstash/redis ---

await test("upstash: xadd, xlen, xrange", async () => {
    assert.equal(await upstash.xadd("u", "1-1", { name: "Ada", age: 36 }),
                 "1-1");
    assert.match(await upstash.xadd("u", "*", { name: "Bob", tags: "[1,2]" }),
                 /^\d+-\d+$/);
    assert.equal(await upstash.xlen("u"), 2);

    const all = await upstash.xrange("u", "-", "+");
    assert.deepEqual(all["1-1"], { name: "Ada", age: 36 });
    assert.deepEqual(Object.values(all)[1], { name: "Bob", tags: [1, 2] });
    assert.deepEqual(Object.keys(await upstash.xrange("u", "-", "+", 1)),
                     ["1-1"]);
    assert.deepEqual(await upstash.xrange("none", "-", "+"), {});

    const back = await upstash.xrevrange("u", "+", "-", 1);
    assert.deepEqual(Object.values(back), [{ name: "Bob", tags: [1, 2] }]);
});

await test("upstash: xadd with options", async () => {
    assert.equal(await upstash.xadd("none", "*", { a: 1 },
                                    { nomkStream: true }), null);
    await upstash.xadd("t", "1-1", { a: 1 });
    await upstash.xadd("t", "2-1", { a: 1 }, {
        trim: { type: "MAXLEN", comparison: "=", threshold: 1 } });
    assert.equal(await upstash.xlen("t"), 1);
    await upstash.xadd("t", "3-1", { a: 1 }, {
        trim: { type: "minid", comparison: "~", threshold: "1-1", limit: 5 } });
    assert.equal(await upstash.xtrim("t", { strategy: "MAXLEN", threshold: 0,
                                            exactness: "=" }), 2);
    assert.equal(await upstash.xtrim("none", { strategy: "MINID",
                                               threshold: "5" }), 0);
});

await test("upstash: xread", async () => {
    await upstash.xadd("r1", "1-1", { a: 1 });
    await upstash.xadd("r2", "1-1", { b: 2 });
    assert.deepEqual(await upstash.xread("r1", "0-0"),
                     [["r1", [["1-1", ["a", 1]]]]]);
    assert.deepEqual(await upstash.xread(["r1", "r2"], ["0", "0"],
                                         { count: 1 }),
                     [["r1", [["1-1", ["a", 1]]]],
                      ["r2", [["1-1", ["b", 2]]]]]);
    assert.equal(await upstash.xread("r1", "$"), null);

    // a request that is held
    const held = upstash.xread("r1", "$", { blockMS: 10000 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await redis.xadd("r1", "2-1", "a", "2");
    assert.deepEqual(await held, [["r1", [["2-1", ["a", 2]]]]]);
});

await test("upstash: xdel, xdelex", async () => {
    await upstash.xadd("d", "1-1", { a: 1 });
    await upstash.xadd("d", "2-1", { a: 1 });
    await upstash.xadd("d", "3-1", { a: 1 });
    assert.equal(await upstash.xdel("d", ["1-1", "9-9"]), 1);
    assert.deepEqual(await upstash.xdelex("d", "KEEPREF", "2-1", "9-9"),
                     [1, -1]);
    assert.equal(await upstash.xlen("d"), 1);
    assert.equal(await upstash.type("d"), "stream");
});

await test("upstash: a pipeline and a transaction", async () => {
    const p = upstash.pipeline();
    p.xadd("p", "1-1", { a: 1 });
    p.xrange("p", "-", "+");
    assert.deepEqual(await p.exec(), ["1-1", { "1-1": { a: 1 } }]);

    const m = upstash.multi();
    m.xadd("p", "2-1", { a: 1 });
    m.xlen("p");
    assert.deepEqual(await m.exec(), ["2-1", 2]);
});


// --- ioredis ---

await test("ioredis: an entry and back", async () => {
    const bytes = Buffer.from([0, 255, 13, 10]);
    assert.equal(await redis.xadd("i", "1-1", "name", "Ada", "bytes", bytes),
                 "1-1");
    assert.deepEqual(await redis.xrangeBuffer("i", "-", "+"),
                     [[Buffer.from("1-1"), [Buffer.from("name"),
                       Buffer.from("Ada"), Buffer.from("bytes"), bytes]]]);
    assert.equal(await redis.xlen("i"), 1);
    assert.deepEqual(await redis.xrange("i", "(1-1", "+"), []);
    assert.equal(await redis.xread("STREAMS", "i", "$"), null);
    assert.equal(await redis.xtrim("i", "MAXLEN", "~", 1000), 0);
});

await test("ioredis: reads on, and waits", async () => {
    const ids = [];
    let last = "$";
    const reading = (async () => {
        while (ids.length < 100) {
            const [[, entries]] = await other.xread("BLOCK", 10000, "STREAMS",
                                                    "on", last);
            ids.push(...entries.map(([id]) => id));
            last = ids.at(-1);
        }
    })();

    await new Promise((resolve) => setTimeout(resolve, 100));

    const sent = [];

    for (let i = 0; i < 100; i++) {
        sent.push(await redis.xadd("on", "*", "i", i));
    }

    await reading;
    assert.deepEqual(ids, sent);
});

await test("ioredis: xinfo", async () => {
    const info = await redis.xinfo("STREAM", "i");
    assert.deepEqual(info.filter((_, i) => i % 2 === 0),
                     ["length", "radix-tree-keys", "radix-tree-nodes",
                      "last-generated-id", "max-deleted-entry-id",
                      "entries-added", "recorded-first-entry-id", "groups",
                      "first-entry", "last-entry"]);
    const full = await redis.xinfo("STREAM", "i", "FULL", "COUNT", 1);
    assert.equal(full[14], "entries");
    assert.equal(full[15].length, 1);
});


// --- npm's redis, with RESP3 ---

await test("redis: xAdd, xRange, xRead, xInfoStream", async () => {
    assert.equal(await three.xAdd("n", "1-1", { name: "Ada" }), "1-1");
    assert.match(await three.xAdd("n", "*", { name: "Bob" }, {
        TRIM: { strategy: "MAXLEN", strategyModifier: "~", threshold: 100 } }),
        /^\d+-\d+$/);

    const [entry] = await three.xRange("n", "-", "+", { COUNT: 1 });
    assert.equal(entry.id, "1-1");
    assert.equal(entry.message.name, "Ada");

    const read = await three.xRead({ key: "n", id: "1-1" }, { COUNT: 5 });
    assert.equal(read[0].name, "n");
    assert.equal(read[0].messages[0].message.name, "Bob");

    const info = await three.xInfoStream("n");
    assert.equal(info.length, 2);
    assert.equal(info["first-entry"].id, "1-1");
    assert.equal(await three.xLen("n"), 2);
    assert.equal(await three.xDel("n", "1-1"), 1);
});

redis.disconnect();
other.disconnect();
three.destroy();
done();
