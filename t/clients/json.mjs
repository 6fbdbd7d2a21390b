// JSON documents by @upstash/redis, npm's redis and redis-om against the module,
// random documents beside JSON.parse, and random paths beside json-p3, which is
// an implementation of RFC 9535: node json.mjs REST_PORT RESP_PORT TOKEN SEED.
// Prints TAP.

import { Redis as Upstash } from "@upstash/redis";
import { createClient } from "redis";
import { Repository, Schema } from "redis-om";
import { jsonpath } from "json-p3";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const [rest, port, token, seed] = process.argv.slice(2);
const upstash = new Upstash({ url: `http://127.0.0.1:${rest}`, token,
                              enableTelemetry: false });
const redis = await createClient({ password: token,
                                   url: `redis://127.0.0.1:${port}` })
    .connect();
const three = await createClient({ RESP: 3, password: token,
                                   url: `redis://127.0.0.1:${port}` })
    .connect();


// --- @upstash/redis ---

await test("upstash: set and get", async () => {
    assert.equal(await upstash.json.set("u", "$", { a: 1, n: { a: [1, 2] } }),
                 "OK");
    assert.deepEqual(await upstash.json.get("u"), { a: 1, n: { a: [1, 2] } });
    assert.deepEqual(await upstash.json.get("u", "$"),
                     [{ a: 1, n: { a: [1, 2] } }]);
    assert.deepEqual(await upstash.json.get("u", "$..a"), [[1, 2], 1]);
    assert.deepEqual(await upstash.json.get("u", "$.a", "$.n"),
                     { "$.a": [1], "$.n": [{ a: [1, 2] }] });
    assert.equal(await upstash.json.get("none"), null);
    assert.equal(await upstash.json.set("u", "$", {}, { nx: true }), null);
    assert.equal(await upstash.json.set("none", "$", {}, { xx: true }), null);
    await assert.rejects(upstash.json.set("u", "$.none.x", 1));
    assert.equal(await upstash.type("u"), "json");
});

await test("upstash: mset, mget, merge", async () => {
    assert.equal(await upstash.json.mset(
        { key: "m1", path: "$", value: { a: 1 } },
        { key: "m2", path: "$", value: { a: "x" } }), "OK");
    assert.deepEqual(await upstash.json.mget(["m1", "m2", "none"], "$.a"),
                     [[1], ["x"], null]);
    assert.equal(await upstash.json.merge("m1", "$", { b: 2, a: null }), "OK");
    assert.deepEqual(await upstash.json.get("m1"), { b: 2 });
});

await test("upstash: arrays", async () => {
    await upstash.json.set("ua", "$", { a: [1, 2], b: "x" });
    assert.deepEqual(await upstash.json.arrappend("ua", "$.a", 3, '"s"'), [4]);
    assert.deepEqual(await upstash.json.arrinsert("ua", "$.a", 0, '"f"'), [5]);
    assert.deepEqual(await upstash.json.arrindex("ua", "$.a", 3), [3]);
    assert.deepEqual(await upstash.json.arrlen("ua", "$.*"), [5, null]);
    assert.deepEqual(await upstash.json.arrpop("ua", "$.a"), ["s"]);
    assert.deepEqual(await upstash.json.arrpop("ua", "$.a", 0), ["f"]);
    assert.deepEqual(await upstash.json.arrtrim("ua", "$.a", 1, 1), [1]);
    assert.deepEqual(await upstash.json.get("ua", "$.a"), [[2]]);
});

await test("upstash: numbers, strings, objects", async () => {
    await upstash.json.set("un", "$", { i: 1, s: "a", t: true, o: { x: 1 } });
    assert.deepEqual(await upstash.json.numincrby("un", "$.i", 2), [3]);
    assert.deepEqual(await upstash.json.nummultby("un", "$.i", 2), [6]);
    assert.deepEqual(await upstash.json.strappend("un", "$.s", '"b"'), [2]);
    assert.deepEqual(await upstash.json.strlen("un", "$.s"), [2]);
    assert.deepEqual(await upstash.json.toggle("un", "$.t"), [0]);
    assert.deepEqual(await upstash.json.objkeys("un", "$.o"), [["x"]]);
    assert.deepEqual(await upstash.json.objlen("un", "$"), [4]);
    assert.deepEqual(await upstash.json.type("un", "$.*"),
                     ["integer", "string", "boolean", "object"]);
    assert.deepEqual(await upstash.json.resp("un", "$.o"), [["{", "x", 1]]);
    assert.equal(await upstash.json.clear("un", "$.o"), 1);
    assert.equal(await upstash.json.del("un", "$.s"), 1);
    assert.equal(await upstash.json.forget("un", "$.t"), 1);
    assert.deepEqual(await upstash.json.get("un"), { i: 6, o: {} });
});


// --- npm's redis ---

await test("redis: all of client.json", async () => {
    const doc = { a: 1, b: [1, "x", null], c: { d: "str", t: false } };

    assert.equal(await redis.json.set("r", "$", doc), "OK");
    assert.deepEqual(await redis.json.get("r"), doc);
    assert.deepEqual(await redis.json.get("r", { path: "$.b[*]" }),
                     [1, "x", null]);
    assert.deepEqual(await redis.json.type("r", { path: "$.a" }), ["integer"]);
    assert.deepEqual(await redis.json.numIncrBy("r", "$.a", 2), [3]);
    assert.deepEqual(await redis.json.numMultBy("r", "$.a", 2), [6]);
    assert.deepEqual(await redis.json.arrAppend("r", "$.b", { n: 1 }), [4]);
    assert.deepEqual(await redis.json.arrIndex("r", "$.b", "x"), [1]);
    assert.deepEqual(await redis.json.arrInsert("r", "$.b", 0, "first"), [5]);
    assert.deepEqual(await redis.json.arrLen("r", { path: "$.b" }), [5]);
    assert.deepEqual(await redis.json.arrPop("r", { path: "$.b", index: -1 }),
                     [{ n: 1 }]);
    assert.deepEqual(await redis.json.arrTrim("r", "$.b", 0, 1), [2]);
    assert.deepEqual(await redis.json.strAppend("r", "ing", { path: "$.c.d" }),
                     [6]);
    assert.deepEqual(await redis.json.strLen("r", { path: "$.c.d" }), [6]);
    assert.deepEqual(await redis.json.toggle("r", "$.c.t"), [1]);
    assert.deepEqual(await redis.json.objKeys("r", { path: "$" }),
                     [["a", "b", "c"]]);
    assert.deepEqual(await redis.json.objLen("r", { path: "$" }), [3]);
    assert.equal(await redis.json.merge("r", "$", { a: null }), "OK");
    assert.deepEqual(await redis.json.get("r"),
                     { c: { d: "string", t: true }, b: ["first", 1] });
    assert.equal(await redis.json.clear("r", { path: "$.c" }), 1);
    assert.equal(await redis.json.del("r", { path: "$.c" }), 1);
    assert.equal(await redis.json.mSet([
        { key: "r1", path: "$", value: 1 },
        { key: "r2", path: "$", value: [2] }]), "OK");
    assert.deepEqual(await redis.json.mGet(["r1", "r2", "none"], "$"),
                     [[1], [[2]], null]);
    assert.equal(typeof await redis.json.debugMemory("r"), "number");
    assert.equal(await redis.json.forget("r"), 1);
});

await test("redis, RESP3", async () => {
    await three.json.set("t", "$", { a: 1.5, b: [1, { c: 2 }] });
    assert.deepEqual(await three.json.get("t"), { a: 1.5, b: [1, { c: 2 }] });
    assert.deepEqual(await three.json.numIncrBy("t", "$..*", 1),
                     [2.5, null, 2, null, 3]);
    assert.deepEqual(await three.json.type("t", { path: "$.*" }),
                     ["number", "array"]);
    assert.deepEqual(await three.json.arrPop("t", { path: "$.b" }),
                     [{ c: 3 }]);
});


// --- redis-om, without its search ---

await test("redis-om: entities", async () => {
    const schema = new Schema("album", {
        artist: { type: "string" },
        year: { type: "number" },
        genres: { type: "string[]" },
        live: { type: "boolean" },
        at: { type: "date" },
    }, { dataStructure: "JSON" });
    const albums = new Repository(schema, redis);
    const at = new Date("2020-01-02T03:04:05Z");

    await albums.save("01", { artist: "Ada", year: 1843, live: true, at,
                              genres: ["notes", "engines"] });

    const album = await albums.fetch("01");

    assert.equal(album.artist, "Ada");
    assert.equal(album.at.getTime(), at.getTime());
    assert.deepEqual(album.genres, ["notes", "engines"]);
    album.year = 1844;
    await albums.save(album);
    assert.equal((await albums.fetch("01")).year, 1844);
    await albums.expire("01", 100);
    assert.ok(await redis.ttl("album:01") > 90);
    await albums.remove("01");
    assert.equal(await redis.exists("album:01"), 0);
});


// --- at random ---

let state = Number(seed) || 1;

function rnd(n) {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor(state / 65536) % n;
}

const TEXTS = ["", "x", "é€😀", "\"\\/\b\f\n\r\t", "\u0000\u001f", "long ".repeat(90)];
const NAMES = ["a", "b", "c", "k'", "k\"", "é", "a b", ""];

function value(depth) {
    switch (rnd(depth ? 10 : 6)) {
    case 0: return null;
    case 1: return rnd(2) === 1;
    case 2: return rnd(2000) - 1000;
    case 3: return (rnd(2000000) - 1000000) / [8, 10, 1000, 3, 7][rnd(5)]
                   * 10 ** (rnd(40) - 20);
    case 4: return Number.MAX_SAFE_INTEGER - rnd(1000);
    case 5: return TEXTS[rnd(TEXTS.length)];
    case 6: case 7: {
        const n = rnd(10) ? rnd(5) : rnd(90);
        return Array.from({ length: n }, () => value(depth - 1));
    }
    default: {
        const o = {};
        const n = rnd(10) ? rnd(5) : rnd(90);
        for (let i = 0; i < n; i++) {
            o[i < 5 ? NAMES[rnd(NAMES.length)] : `m${i}`] = value(depth - 1);
        }
        return o;
    }
    }
}

const show = () => `seed ${seed}`;

await test("values beside JSON.parse", async () => {
    for (let i = 0; i < 400; i++) {
        const v = value(rnd(5));
        const text = JSON.stringify(v, null, rnd(2) ? 1 : undefined);

        await redis.sendCommand(["JSON.SET", "v", "$", text]);
        const got = await redis.sendCommand(["JSON.GET", "v"]);
        assert.deepEqual(JSON.parse(got), JSON.parse(text), show());
    }
});

function selector() {
    const name = NAMES[rnd(5)];

    switch (rnd(9)) {
    case 0: case 1: return `[${JSON.stringify(name)}]`;
    case 2: return `.${NAMES[rnd(3)]}`;
    case 3: return "[*]";
    case 4: return `[${rnd(3)}]`;
    case 5: return `[${rnd(2) ? rnd(4) : ""}:${rnd(2) ? rnd(6) - 2 : ""}`
                   + `${rnd(2) ? ":" + (rnd(3) + 1) : ""}]`;
    case 6: return `..${NAMES[rnd(3)]}`;
    case 7: return "[\"a\",\"b\"]";
    default: {
        const op = ["==", "<", ">", "<=", ">="][rnd(5)];
        const to = [rnd(500) - 250, "'x'", `$["a"]`][rnd(2)];
        const one = `@.${NAMES[rnd(3)]}${op}${to}`;
        return [`[?${one}]`, `[?@.${NAMES[rnd(3)]}]`,
                `[?(${one} && @["b"])]`, `[?(${one} || @.c)]`][rnd(4)];
    }
    }
}

await test("paths beside json-p3", async () => {
    let some = 0;

    for (let i = 0; i < 150; i++) {
        const v = [value(4), { a: value(3), b: value(3), c: value(2) }][rnd(2)];

        if (v === null || typeof v !== "object") {
            continue;
        }

        await redis.json.set("p", "$", v);

        for (let k = 0; k < 12; k++) {
            const path = "$" + Array.from({ length: 1 + rnd(3) }, selector)
                .join("");
            const got = await redis.sendCommand(["JSON.GET", "p", path]);
            const want = jsonpath.query(path, v).values();

            assert.deepEqual(JSON.parse(got), JSON.parse(JSON.stringify(want)),
                             `${path}, ${show()}: ${JSON.stringify(v)}`);
            some += want.length > 0;
        }
    }

    assert.ok(some > 100, "some paths lead anywhere");
});


await redis.close();
await three.close();
done();
