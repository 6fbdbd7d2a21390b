// rate-limiter-flexible over ioredis and npm's redis against the module:
// node limiter_flexible.mjs PORT TOKEN
// Prints TAP.

import { Redis } from "ioredis";
import { createClient } from "redis";
import flexible from "rate-limiter-flexible";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const { RateLimiterRedis, RateLimiterRedisNonAtomic, BurstyRateLimiter,
        RateLimiterQueue, RateLimiterUnion, RateLimiterRes } = flexible;
const [port, token] = process.argv.slice(2);
const ioredis = new Redis({ port: Number(port), host: "127.0.0.1",
                            password: token });
const node = createClient({ socket: { port: Number(port), host: "127.0.0.1" },
                            password: token });

await node.connect();
await ioredis.flushall();

for (const [name, client, more] of [
    ["ioredis", ioredis, {}],
    ["redis", node, { useRedisPackage: true }],
]) {
    const make = (prefix, o) => new RateLimiterRedis({
        storeClient: client, keyPrefix: `${name}-${prefix}`, points: 5,
        duration: 3600, ...more, ...o });
    const l = make("l");

    await test(`${name}: five pass, the sixth does not`, async () => {
        for (let left = 4; left >= 0; left--) {
            const r = await l.consume("ada");
            assert.equal(r.remainingPoints, left);
            assert.equal(r.isFirstInDuration, left === 4);
            assert.ok(r.msBeforeNext > 3_000_000 && r.msBeforeNext <= 3_600_000);
        }

        await assert.rejects(l.consume("ada"), (r) =>
            r instanceof RateLimiterRes && r.remainingPoints === 0
            && r.consumedPoints === 6 && r.msBeforeNext > 0);
    });

    await test(`${name}: get, penalty, reward, set and delete`, async () => {
        assert.equal(await l.get("none"), null);
        assert.equal((await l.penalty("bob", 2)).consumedPoints, 2);
        assert.equal((await l.reward("bob", 1)).consumedPoints, 1);
        assert.equal((await l.get("bob")).remainingPoints, 4);
        await l.set("bob", 3, 100);
        const r = await l.get("bob");
        assert.equal(r.consumedPoints, 3);
        assert.ok(r.msBeforeNext <= 100_000 && r.msBeforeNext > 10_000);
        assert.equal(await l.delete("bob"), true);
        assert.equal(await l.delete("bob"), false);
    });

    await test(`${name}: block`, async () => {
        await l.block("carol", 100);
        await assert.rejects(l.consume("carol"), (r) =>
            r.msBeforeNext > 10_000 && r.msBeforeNext <= 100_000);

        const blocking = make("blocking", { blockDuration: 1000, points: 1 });
        await blocking.consume("dan");
        await assert.rejects(blocking.consume("dan"), (r) =>
            r.msBeforeNext > 500_000 && r.msBeforeNext <= 1_000_000);
    });

    await test(`${name}: for ever`, async () => {
        const forever = make("forever", { duration: 0, points: 2 });
        await forever.consume("ada");
        await forever.consume("ada");
        await assert.rejects(forever.consume("ada"), (r) =>
            r.msBeforeNext === -1);
    });

    await test(`${name}: a hundred at once, of which five pass`, async () => {
        const all = await Promise.allSettled(
            [...Array(100).keys()].map(() => l.consume("crowd")));
        assert.equal(all.filter((r) => r.status === "fulfilled").length, 5);
        assert.equal((await l.get("crowd")).consumedPoints, 100);
    });

    await test(`${name}: a window ends`, async () => {
        const brief = make("brief", { duration: 1, points: 1 });
        await brief.consume("ada");
        const r = await brief.consume("ada").catch((e) => e);
        await new Promise((resolve) => setTimeout(resolve, r.msBeforeNext + 50));
        assert.equal((await brief.consume("ada")).remainingPoints, 0);
    });

    await test(`${name}: bursts, unions and queues`, async () => {
        const bursty = new BurstyRateLimiter(make("b1", { points: 1 }),
                                             make("b2", { points: 2 }));
        await bursty.consume("ada");
        await bursty.consume("ada");
        await bursty.consume("ada");
        await assert.rejects(bursty.consume("ada"));

        const union = new RateLimiterUnion(make("u1", { points: 1 }),
                                           make("u2", { points: 5 }));
        await union.consume("ada");
        await assert.rejects(union.consume("ada"));

        const queue = new RateLimiterQueue(make("q", { points: 3 }));
        assert.equal(await queue.removeTokens(2), 1);
        assert.equal(await queue.getTokensRemaining(), 1);
    });

    await test(`${name}: in memory, then blocked here`, async () => {
        const l = make("memory", { inMemoryBlockOnConsumed: 5 });
        await Promise.allSettled([...Array(6).keys()].map(() =>
            l.consume("ada")));
        await assert.rejects(l.consume("ada"));
        assert.equal((await l.get("ada")).consumedPoints, 6);
    });
}

await test("without a script", async () => {
    const l = new RateLimiterRedisNonAtomic({ storeClient: ioredis, points: 2,
                                              keyPrefix: "plain",
                                              duration: 3600 });
    await l.consume("ada");
    await l.consume("ada");
    await assert.rejects(l.consume("ada"), (r) => r.consumedPoints === 3);
});

ioredis.disconnect();
await node.close();
done();
