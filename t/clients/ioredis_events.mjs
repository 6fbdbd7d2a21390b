// ioredis: its subscribers and blocking consumers against the module:
// node ioredis_events.mjs PORT TOKEN
// Prints TAP.
//
// An unsubscribe() without a name makes ioredis 6 fail on the reply, that of
// Redis, too: it is left out.

import { Redis } from "ioredis";
import assert from "node:assert/strict";
import { hears, onceEach, until } from "./listen.mjs";
import { test, done } from "./tap.mjs";

const [port, token] = process.argv.slice(2);
const open = [];


function client(options) {
    const c = new Redis({
        host: "127.0.0.1", port: Number(port), password: token,
        retryStrategy: () => 50, maxRetriesPerRequest: null, ...options,
    });

    c.on("error", () => {});
    open.push(c);
    return c;
}


// The worker of a client.
async function worker(client) {
    return Number((await client.info("server")).match(/process_id:(\d+)/)[1]);
}


for (const protocol of [2, 3]) {
    const is = (name, code) => test(`RESP${protocol}: ${name}`, code);
    const connect = (options) => client({ protocol, ...options });
    const redis = connect();

    await redis.flushall();

    // A subscriber to all kinds, and what it hears.
    async function listener(name) {
        const s = connect();
        const heard = [];
        const pid = await worker(s);

        s.on("message", (channel, text) => heard.push([channel, text]));
        s.on("pmessage", (pattern, channel, text) =>
            heard.push([pattern, channel, text]));
        s.on("smessage", (channel, text) =>
            heard.push(["shard", channel, text]));

        assert.equal(await s.subscribe(`${name}1`, `${name}2`), 2);
        assert.equal(await s.psubscribe(`${name}?x`), 3);
        assert.equal(await s.ssubscribe(`${name}shard`), 1);

        return { s, heard, pid };
    }

    async function tell(name) {
        assert.equal(await redis.publish(`${name}1`, "one"), 1);
        assert.equal(await redis.publish(`${name}2`, "grüße\r\n"), 1);
        assert.equal(await redis.publish(`${name}7x`, "pattern"), 1);
        assert.equal(await redis.spublish(`${name}shard`, "s"), 1);
    }

    const told = (name) => [[`${name}1`, "one"], [`${name}2`, "grüße\r\n"],
                            [`${name}?x`, `${name}7x`, "pattern"],
                            ["shard", `${name}shard`, "s"]];

    async function subscribed(name, n) {
        await until(`${n} subscribers`, async () => {
            const all = await Promise.all([
                redis.pubsub("NUMSUB", `${name}1`, `${name}2`),
                redis.pubsub("SHARDNUMSUB", `${name}shard`),
                redis.pubsub("NUMPAT"),
            ]);

            return String(all) ===
                `${name}1,${n},${name}2,${n},${name}shard,${n},${n}`;
        });
    }

    await is("a subscriber", async () => {
        const { s, heard } = await listener("a");

        await tell("a");
        await hears(heard, told("a"));
        assert.equal(await s.unsubscribe("a1"), 2);
        assert.equal(await redis.publish("a1", "nobody"), 0);
        await s.unsubscribe("a2");
        await s.punsubscribe("a?x");
        await s.sunsubscribe("ashard");
        assert.equal(await s.get("k"), null);
        assert.equal(heard.length, 4);
        s.disconnect();
    });

    await is("bytes that are no text", async () => {
        const s = connect();
        const bytes = Buffer.from([0, 255, 13, 10, 128]);
        const heard = [];

        s.on("messageBuffer", (channel, text) => heard.push([channel, text]));
        await s.subscribe(bytes);
        await redis.publish(bytes, bytes);
        await hears(heard, [[bytes, bytes]]);
        s.disconnect();
    });

    await is("it subscribes again when it was killed", async () => {
        const { s, heard } = await listener("b");
        const again = new Promise((r) => s.once("close", r));

        assert.equal(await redis.client("KILL", "TYPE", "pubsub"), 1);
        await again;
        await subscribed("b", 1);
        await tell("b");
        await hears(heard, told("b"));
        s.disconnect();
        await subscribed("b", 0);
    });

    await is("it subscribes again when its worker was killed", async () => {
        const { s, heard, pid } = await listener("c");
        const again = new Promise((r) => s.once("close", r));

        process.kill(pid, "SIGKILL");
        await again;
        await subscribed("c", 1);
        await tell("c");
        await hears(heard, told("c"));
        s.disconnect();
        await subscribed("c", 0);
    });

    for (const [command, push, pop] of [
        ["BLPOP", (i) => redis.rpush("queue", i),
         async (c) => (await c.blpop("empty", "queue", 0))[1]],
        ["BRPOP", (i) => redis.lpush("queue", i),
         async (c) => (await c.brpop("queue", 0))[1]],
        ["BLMOVE", (i) => redis.rpush("queue", i),
         (c) => c.blmove("queue", "done", "LEFT", "RIGHT", 0)],
        ["BLMPOP", (i) => redis.rpush("queue", i),
         async (c) => (await c.blmpop(0, 2, "empty", "queue", "LEFT"))[1][0]],
        ["BZPOPMIN", (i) => redis.zadd("zqueue", i, i),
         async (c) => (await c.bzpopmin("zqueue", 0))[1]],
    ]) {
        await is(`${command}: several consumers of a queue`, async () => {
            const n = 600;
            const lists = Array.from({ length: 6 }, () => []);

            await redis.flushall();

            const work = lists.map(async (list) => {
                const c = connect();

                for (;;) {
                    const v = await pop(c);

                    if (Number(v) > n) {
                        return c.disconnect();
                    }

                    list.push(v);
                }
            });

            await until("all wait", async () =>
                /blocked_clients:6\r/.test(await redis.info("clients")));

            for (let i = 1; i <= n; i++) {
                await push(i);
            }

            await until("all are taken", () => lists.flat().length === n);

            for (let i = 1; i <= lists.length; i++) {
                await push(n + i);
            }

            await Promise.all(work);
            onceEach(lists, n);
        });
    }

    await is("a consumer whose worker was killed asks again", async () => {
        const c = connect();
        const pid = await worker(c);
        const popped = c.blpop("late", 0);

        await until("it waits", async () =>
            /blocked_clients:1\r/.test(await redis.info("clients")));

        // before it has noticed, it is the one that waited who is counted
        const again = new Promise((r) => c.once("close", r));

        process.kill(pid, "SIGKILL");
        await again;
        await until("it waits again", async () =>
            /blocked_clients:1\r/.test(await redis.info("clients"))
            && c.status === "ready");
        await redis.rpush("late", "v");
        assert.deepEqual(await popped, ["late", "v"]);
        c.disconnect();
    });

    await is("a time-out, and many at once", async () => {
        const c = connect();

        assert.equal(await c.blpop("none", 0.05), null);
        assert.deepEqual(await c.pipeline().blpop("none", 0.01).set("k", "v")
                                .get("k").exec(),
                         [[null, null], [null, "OK"], [null, "v"]]);
        c.disconnect();
    });
}


open.forEach((c) => c.disconnect());
done();
