// npm's redis against the module, over RESP2 and RESP3:
// node node_redis.mjs PORT TOKEN READONLY
// Prints TAP.

import { createClient } from "redis";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const [port, token, readonly] = process.argv.slice(2);


async function connect(RESP, password = token) {
    const client = createClient({
        url: `redis://127.0.0.1:${port}`, password, RESP,
    });

    client.on("error", () => {});
    return client.connect();
}


for (const RESP of [2, 3]) {
    const redis = await connect(RESP);
    const is = (name, code) => test(`RESP${RESP}: ${name}`, code);

    await redis.flushAll();

    await is("strings", async () => {
        assert.equal(await redis.set("s", "grüße", { EX: 100 }), "OK");
        assert.equal(await redis.get("s"), "grüße");
        assert.equal(await redis.get("none"), null);
        assert.deepEqual(await redis.mGet(["s", "none"]), ["grüße", null]);
        assert.equal(await redis.incrByFloat("f", 1.5), "1.5");
    });

    await is("hashes, lists, sets and sorted sets", async () => {
        await redis.hSet("h", { name: "Ada", age: 36 });
        assert.deepEqual({ ...await redis.hGetAll("h") },
                         { name: "Ada", age: "36" });
        await redis.rPush("l", ["a", "b", "c"]);
        assert.deepEqual(await redis.lRange("l", 0, -1), ["a", "b", "c"]);
        await redis.sAdd("set", ["x", "y"]);
        assert.deepEqual((await redis.sMembers("set")).sort(), ["x", "y"]);
        await redis.zAdd("z", [{ score: 1.5, value: "one" },
                               { score: 2, value: "two" }]);
        assert.deepEqual(await redis.zRangeWithScores("z", 0, -1),
                         [{ value: "one", score: 1.5 },
                          { value: "two", score: 2 }]);
        assert.equal(await redis.zScore("z", "two"), 2);
    });

    await is("commands without waiting", async () => {
        const all = [];

        for (let i = 0; i < 5000; i++) {
            all.push(redis.incr("parallel"));
        }

        assert.deepEqual(await Promise.all(all), all.map((_, i) => i + 1));
    });

    await is("transactions", async () => {
        assert.deepEqual(await redis.multi().set("t", "1").incr("t").exec(),
                         ["OK", 2]);
        const other = await connect(RESP);
        await redis.watch("t");
        await other.set("t", "9");
        await assert.rejects(redis.multi().set("t", "3").exec(),
                             { name: /WatchError|Error/ });
        assert.equal(await other.get("t"), "9");
        await other.close();
    });

    await is("a scan", async () => {
        const all = [];

        for (let i = 0; i < 300; i++) {
            all.push(redis.set(`scan${i}`, "v"));
        }

        await Promise.all(all);

        const seen = new Set();

        for await (const keys of redis.scanIterator({ MATCH: "scan*" })) {
            keys.forEach((k) => seen.add(k));
        }

        assert.equal(seen.size, 300);
    });

    await is("a read-only token, and a wrong one", async () => {
        const reader = await connect(RESP, readonly);
        assert.equal(await reader.get("s"), "grüße");
        await assert.rejects(reader.set("s", "x"), /NOPERM/);
        await reader.close();
        await assert.rejects(createClient({
            url: `redis://127.0.0.1:${port}`, password: "wrong", RESP,
            socket: { reconnectStrategy: false },
        }).on("error", () => {}).connect(), /WRONGPASS/);
    });

    await redis.close();
}

done();
