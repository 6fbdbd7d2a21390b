// keyv with @keyv/redis: node keyv.mjs PORT TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import { Keyv } from "keyv";
import KeyvRedis from "@keyv/redis";
import { restart, test, until, done } from "./tap.mjs";

const [port, token] = process.argv.slice(2);
const url = `redis://:${token}@127.0.0.1:${port}`;


function make(namespace) {
    const keyv = new Keyv({ store: new KeyvRedis(url), namespace,
                            useKeyPrefix: false });
    keyv.on("error", () => {});
    return keyv;
}

const keyv = make("app");
await keyv.clear();

await test("values of any kind", async () => {
    for (const value of ["grüße", 1.5, true, null, [1, { a: 2 }],
                         { nested: { list: [] } }]) {
        assert.equal(await keyv.set("v", value), true);
        assert.deepEqual(await keyv.get("v"), value);
    }

    assert.equal(await keyv.get("none"), undefined);
    assert.equal(await keyv.has("v"), true);
    assert.equal(await keyv.delete("v"), true);
    assert.equal(await keyv.delete("v"), false);
    assert.equal(await keyv.has("v"), false);
});

await test("a value that ends", async () => {
    await keyv.set("brief", "x", 300);
    await keyv.set("long", "y", 60_000);
    assert.equal(await keyv.get("brief"), "x");
    await until(async () => await keyv.get("brief") === undefined);
    assert.equal(await keyv.get("long"), "y");
});

await test("many at once", async () => {
    await keyv.setMany([1, 2, 3].map((n) => ({ key: `m${n}`, value: n,
                                               ttl: 60_000 })));
    assert.deepEqual(await keyv.getMany(["m1", "none", "m3"]),
                     [1, undefined, 3]);
    assert.deepEqual(await keyv.hasMany(["m1", "none"]), [true, false]);
    assert.equal(await keyv.deleteMany(["m1", "m2"]), true);
    assert.equal(await keyv.get("m2"), undefined);
});

await test("namespaces", async () => {
    const other = make("other");

    for (let i = 0; i < 200; i++) {
        await other.set(`k${i}`, i);
    }

    const seen = new Map();

    for await (const [key, value] of other.iterator()) {
        seen.set(key, value);
    }

    assert.equal(seen.size, 200);
    assert.equal(seen.get("k7"), 7);
    await other.clear();
    assert.equal(await other.get("k7"), undefined);
    assert.equal(await keyv.get("long"), "y");
    await other.disconnect();
});

await test("it goes on when the server is started anew", async () => {
    await keyv.set("kept", "value");
    await restart();
    await until(async () =>
        await keyv.get("kept").catch(() => {}) === "value");
});

await keyv.disconnect();
done();
