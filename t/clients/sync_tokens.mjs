// @upstash/redis at two edges of one store: node sync_tokens.mjs NEAR FAR TOKEN
// What one client has written another one reads, to which the token is handed;
// the far edge's network delays.  Prints TAP.

import { Redis } from "@upstash/redis";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const [first, second, token] = process.argv.slice(2);
const common = { token, enableTelemetry: false };
const form = /^[0-9a-f]{40}:\d+$/;

const pair = (options) => [new Redis({ ...common, url: first, ...options }),
                           new Redis({ ...common, url: second, ...options })];

function hand(from, to) {
    assert.match(from.readYourWritesSyncToken, form);
    to.readYourWritesSyncToken = from.readYourWritesSyncToken;
}

await test("a client has a token from its first reply on", async () => {
    const [a] = pair();

    assert.equal(a.readYourWritesSyncToken, "");
    await a.set("key", "value");
    assert.match(a.readYourWritesSyncToken, form);
});

await test("the token moves with what is written", async () => {
    const [a] = pair();

    await a.set("key", "one");
    const before = a.readYourWritesSyncToken;
    await a.set("key", "two");
    assert.notEqual(a.readYourWritesSyncToken, before);
});

for (const turned of [false, true]) {
    const where = turned ? "from the far edge" : "from the near edge";
    const edges = () => turned ? pair().reverse() : pair();

    await test(`${where}: single commands`, async () => {
        const [a, b] = edges();

        for (let i = 0; i < 5; i++) {
            await a.set("single", i);
            hand(a, b);
            assert.equal(await b.get("single"), i);
        }
    });

    await test(`${where}: a pipeline`, async () => {
        const [a, b] = edges();

        for (let i = 0; i < 4; i++) {
            await a.pipeline().set("piped", i).rpush("list", i).exec();
            hand(a, b);
            assert.deepEqual(await b.pipeline().get("piped")
                                    .lindex("list", -1).exec(), [i, i]);
        }
    });

    await test(`${where}: a transaction`, async () => {
        const [a, b] = edges();

        for (let i = 0; i < 4; i++) {
            await a.multi().set("one", i).hset("two", { i }).exec();
            hand(a, b);
            assert.deepEqual(await b.multi().get("one").hgetall("two").exec(),
                             [i, { i }]);
        }
    });

    await test(`${where}: many clients at once`, async () => {
        await Promise.all([...Array(10).keys()].map(async (i) => {
            const [a, b] = edges();

            await a.set(`many:${i}`, i);
            hand(a, b);
            assert.equal(await b.get(`many:${i}`), i);
        }));
    });

    await test(`${where}: a script`, async () => {
        const [a, b] = edges();

        await a.eval("redis.call('set', KEYS[1], ARGV[1])", ["script"],
                     ["by a script"]);
        hand(a, b);
        assert.equal(await b.get("script"), "by a script");
    });
}

await test("to and fro", async () => {
    const [a, b] = pair();

    await a.set("fro", 0);

    for (let i = 0; i < 10; i++) {
        const [x, y] = i % 2 ? [b, a] : [a, b];
        hand(x, y);
        assert.equal(await y.incr("fro"), i + 1);
        assert.equal(await y.get("fro"), i + 1);
    }
});

await test("readYourWrites off: no token is kept", async () => {
    const [a] = pair({ readYourWrites: false });

    await a.set("off", 1);
    assert.equal(a.readYourWritesSyncToken, "");
    assert.equal(await a.get("off"), 1);
});

done();
