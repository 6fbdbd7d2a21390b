// redlock over ioredis against the module: node redlock.mjs PORT TOKEN
// Prints TAP.

import { Redis } from "ioredis";
import redlock from "redlock";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const Redlock = redlock.default ?? redlock;
const [port, token] = process.argv.slice(2);
const options = { port: Number(port), host: "127.0.0.1", password: token };
const redis = new Redis(options);
const other = new Redis(options);
const mine = new Redlock([redis], { retryCount: 0 });
const theirs = new Redlock([other], { retryCount: 0 });
const patient = new Redlock([other], { retryCount: 200, retryDelay: 20,
                                       retryJitter: 5 });

await redis.flushall();

await test("one has the lock, the other does not", async () => {
    const lock = await mine.acquire(["a"], 30_000);
    assert.equal(await redis.get("a"), lock.value);
    assert.ok(await redis.pttl("a") > 10_000);
    await assert.rejects(theirs.acquire(["a"], 1000));
    await lock.release();
    assert.equal(await redis.exists("a"), 0);
    await (await theirs.acquire(["a"], 1000)).release();
});

await test("several at once, or none", async () => {
    const lock = await mine.acquire(["b", "c", "d"], 30_000);
    await assert.rejects(theirs.acquire(["x", "c"], 1000));
    assert.equal(await redis.exists("x"), 0);
    await lock.release();
    assert.equal(await redis.exists("b", "c", "d"), 0);
});

await test("a lock is extended", async () => {
    const lock = await (await mine.acquire(["e"], 1000)).extend(30_000);
    assert.ok(await redis.pttl("e") > 10_000);
    await lock.release();
    await assert.rejects(lock.extend(1000));
});

await test("another's lock is not released", async () => {
    const lock = await mine.acquire(["f"], 30_000);
    await redis.set("f", "theirs");
    await assert.rejects(lock.release());
    assert.equal(await redis.get("f"), "theirs");
});

await test("the lock of one who is gone ends", async () => {
    await mine.acquire(["g"], 200);
    await (await patient.acquire(["g"], 1000)).release();
});

await test("using() is alone", async () => {
    const clients = [redis, other].map((c) =>
        new Redlock([c], { retryCount: 1000, retryDelay: 5, retryJitter: 5 }));
    let inside = 0;
    let most = 0;

    await redis.set("n", 0);
    await Promise.all([...Array(20).keys()].map((i) =>
        clients[i % 2].using(["h"], 20_000, async () => {
            inside++;
            most = Math.max(most, inside);
            const n = Number(await redis.get("n"));
            await new Promise((resolve) => setTimeout(resolve, 2));
            await redis.set("n", n + 1);
            inside--;
        })));

    assert.equal(most, 1);
    assert.equal(await redis.get("n"), "20");
});

await test("using() extends by itself", async () => {
    await mine.using(["i"], 700, { automaticExtensionThreshold: 400 },
                     async (signal) => {
        await new Promise((resolve) => setTimeout(resolve, 1500));
        assert.equal(signal.aborted, false);
        assert.equal(await redis.exists("i"), 1);
    });
    assert.equal(await redis.exists("i"), 0);
});

redis.disconnect();
other.disconnect();
done();
