// @upstash/ratelimit against the module: node ratelimit.mjs URL TOKEN
// Prints TAP.

import { IpDenyList, Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const [url, token] = process.argv.slice(2);
const redis = new Redis({ url, token, enableTelemetry: false });

await redis.flushall();
await redis.scriptFlush();

// a day, so that no window ends while a test runs
const DAY = 24 * 3600 * 1000;

function limiter(prefix, algorithm, more = {}) {
    return new Ratelimit({ redis, prefix, limiter: algorithm, timeout: 0,
                           ephemeralCache: false, enableTelemetry: false,
                           ...more });
}

async function take(l, id, n, req) {
    const replies = [];

    for (let i = 0; i < n; i++) {
        replies.push(await l.limit(id, req));
    }

    return replies;
}

const successes = (replies) => replies.map((r) => r.success);
const remaining = (replies) => replies.map((r) => r.remaining);


for (const [name, algorithm] of [
    ["fixedWindow", Ratelimit.fixedWindow(5, "1 d")],
    ["slidingWindow", Ratelimit.slidingWindow(5, "1 d")],
    ["tokenBucket", Ratelimit.tokenBucket(5, "1 d", 5)],
]) {
    const l = limiter(name, algorithm);

    await test(`${name}: five pass, the sixth does not`, async () => {
        const replies = await take(l, "ada", 7);
        assert.deepEqual(successes(replies),
                         [true, true, true, true, true, false, false]);
        assert.deepEqual(remaining(replies), [4, 3, 2, 1, 0, 0, 0]);

        for (const r of replies) {
            assert.equal(r.limit, 5);
            assert.ok(r.reset > Date.now() && r.reset <= Date.now() + 2 * DAY);
        }
    });

    await test(`${name}: others are not concerned`, async () => {
        assert.deepEqual(successes(await take(l, "bob", 2)), [true, true]);
    });

    await test(`${name}: getRemaining`, async () => {
        const left = await l.getRemaining("bob");
        assert.equal(left.remaining, 3);
        assert.equal(left.limit, 5);
        assert.ok(left.reset > Date.now());
        assert.equal((await l.getRemaining("ada")).remaining, 0);
        assert.equal((await l.getRemaining("nobody")).remaining, 5);
    });

    await test(`${name}: resetUsedTokens`, async () => {
        await l.resetUsedTokens("ada");
        assert.equal((await l.getRemaining("ada")).remaining, 5);
        assert.equal((await l.limit("ada")).success, true);
        assert.equal((await l.getRemaining("bob")).remaining, 3);
    });

    await test(`${name}: more than one at a time`, async () => {
        const r = await l.limit("carol", { rate: 3 });
        assert.deepEqual([r.success, r.remaining], [true, 2]);
        assert.equal((await l.limit("carol", { rate: 2 })).success, true);
        assert.equal((await l.limit("carol")).success, false);
    });

    await test(`${name}: some are given back`, async () => {
        await l.limit("dan", { rate: 4 });
        await l.limit("dan", { rate: -3 });
        assert.equal((await l.getRemaining("dan")).remaining, 4);
    });

    await test(`${name}: fifty at the same time, of whom five pass`, async () => {
        const replies = await Promise.all(
            [...Array(50).keys()].map(() => l.limit("crowd")));
        assert.equal(successes(replies).filter(Boolean).length, 5);
    });

    await test(`${name}: an ephemeral cache`, async () => {
        const cache = new Map();
        const cached = limiter(`${name}-cached`, algorithm,
                               { ephemeralCache: cache });
        await take(cached, "eve", 6);
        const r = await cached.limit("eve");
        assert.equal(r.success, false);
        assert.equal(r.reason, "cacheBlock");
        assert.equal(cache.size, 1);
        await cached.resetUsedTokens("eve");
        assert.equal((await cached.limit("eve")).success, true);
    });

    await test(`${name}: dynamic limits`, async () => {
        const dynamic = limiter(`${name}-dynamic`, algorithm,
                                { dynamicLimits: true });
        assert.equal((await dynamic.limit("fay")).limit, 5);
        assert.equal((await dynamic.getDynamicLimit()).dynamicLimit, null);

        await dynamic.setDynamicLimit({ limit: 2 });
        assert.equal((await dynamic.getDynamicLimit()).dynamicLimit, 2);
        assert.equal((await dynamic.getRemaining("new")).remaining, 2);
        const replies = await take(dynamic, "new", 3);
        assert.deepEqual(successes(replies), [true, true, false]);
        assert.deepEqual(replies.map((r) => r.limit), [2, 2, 2]);

        await dynamic.setDynamicLimit({ limit: false });
        assert.equal((await dynamic.getDynamicLimit()).dynamicLimit, null);
        assert.equal((await dynamic.getRemaining("newer")).remaining, 5);
    });
}

await test("cachedFixedWindow", async () => {
    const l = limiter("cachedFixedWindow",
                      Ratelimit.cachedFixedWindow(5, "1 d"),
                      { ephemeralCache: new Map() });
    const replies = await take(l, "ada", 7);
    await Promise.all(replies.map((r) => r.pending));
    assert.deepEqual(successes(replies),
                     [true, true, true, true, true, false, false]);
    assert.equal((await l.getRemaining("ada")).remaining, 0);
    await l.resetUsedTokens("ada");
    assert.equal((await l.getRemaining("ada")).remaining, 5);
});

await test("the window slides", async () => {
    // what was used in the last window counts in part
    const l = limiter("slide", Ratelimit.slidingWindow(1000, "1 d"));
    const before = Math.floor(Date.now() / DAY) - 1;
    const share = 1 - (Date.now() % DAY) / DAY;
    await redis.set(`slide:ada:${before}`, 800);
    const r = await l.limit("ada");
    const want = 1000 - 1 - Math.floor(share * 800);
    assert.ok(Math.abs(r.remaining - want) <= 1, `${r.remaining}, not ${want}`);
});

await test("blockUntilReady waits until it may pass", async () => {
    const l = limiter("wait", Ratelimit.tokenBucket(1, "300 ms", 1));
    assert.equal((await l.limit("ada")).success, true);
    assert.equal((await l.blockUntilReady("ada", 20_000)).success, true);
});

await test("... or until its time is over", async () => {
    const l = limiter("wait-long", Ratelimit.fixedWindow(1, "1 d"));
    assert.equal((await l.limit("ada")).success, true);
    assert.equal((await l.blockUntilReady("ada", 300)).success, false);
});

await test("a bucket fills again", async () => {
    const l = limiter("refill", Ratelimit.tokenBucket(2, "100 ms", 4));
    await l.limit("ada", { rate: 4 });
    await new Promise((resolve) => setTimeout(resolve, 450));
    const { success, remaining } = await l.limit("ada");
    assert.deepEqual([success, remaining], [true, 3]);
});

await test("keys have an end", async () => {
    for (const key of await redis.keys("fixedWindow:bob:*")) {
        assert.ok(await redis.pttl(key) > 0);
    }

    assert.ok(await redis.pttl("tokenBucket:bob") > 0);
});

await test("it goes on when the scripts were flushed", async () => {
    const l = limiter("flush", Ratelimit.slidingWindow(3, "1 d"));
    assert.equal((await l.limit("ada")).remaining, 2);
    await redis.scriptFlush();
    assert.equal((await l.limit("ada")).remaining, 1);
});

await test("analytics", async () => {
    const l = limiter("analytics", Ratelimit.fixedWindow(5, "1 d"),
                      { analytics: true });
    const { pending } = await l.limit("ada");
    await pending;
    assert.ok((await redis.keys("analytics:events:*")).length > 0);
});

await test("deny lists", async () => {
    // the other list would be fetched from elsewhere
    await IpDenyList.disableIpDenyList(redis, "deny");
    const l = limiter("deny", Ratelimit.fixedWindow(5, "1 d"),
                      { enableProtection: true });
    assert.equal((await l.limit("ada", { ip: "10.0.0.1" })).success, true);
    await redis.sadd("deny:denyList:all", "10.0.0.2");
    const r = await l.limit("ada", { ip: "10.0.0.2" });
    await r.pending;
    assert.deepEqual([r.success, r.reason], [false, "denyList"]);
});

done();
