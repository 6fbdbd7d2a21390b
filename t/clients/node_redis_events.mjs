// npm's redis: its subscribers, blocking consumers and client-side cache against
// the module, over RESP2 and RESP3: node node_redis_events.mjs PORT TOKEN
// Prints TAP.

import { createClient } from "redis";
import assert from "node:assert/strict";
import { hears, onceEach, until } from "./listen.mjs";
import { test, done } from "./tap.mjs";

const [port, token] = process.argv.slice(2);
const open = [];


async function connect(options = {}) {
    const client = createClient({
        url: `redis://127.0.0.1:${port}`, password: token,
        socket: { reconnectStrategy: 50 }, ...options,
    });

    client.on("error", () => {});
    open.push(client);
    return client.connect();
}


// The worker of a client.
async function worker(client) {
    return Number((await client.info("server")).match(/process_id:(\d+)/)[1]);
}


for (const RESP of [2, 3]) {
    const is = (name, code) => test(`RESP${RESP}: ${name}`, code);
    const redis = await connect({ RESP });

    await redis.flushAll();

    // A subscriber to all kinds, and what it hears.
    async function listener(name) {
        const s = await connect({ RESP });
        const heard = [];
        const pid = await worker(s);
        const hear = (text, channel) => heard.push([channel, text]);

        await s.subscribe([`${name}1`, `${name}2`], hear);
        await s.pSubscribe(`${name}?x`, hear);
        await s.sSubscribe(`${name}shard`, hear);

        return { s, heard, pid };
    }

    async function tell(name) {
        assert.equal(await redis.publish(`${name}1`, "one"), 1);
        assert.equal(await redis.publish(`${name}2`, "grüße\r\n"), 1);
        assert.equal(await redis.publish(`${name}7x`, "pattern"), 1);
        assert.equal(await redis.sPublish(`${name}shard`, "s"), 1);
    }

    const told = (name) => [[`${name}1`, "one"], [`${name}2`, "grüße\r\n"],
                            [`${name}7x`, "pattern"], [`${name}shard`, "s"]];

    async function subscribed(name, n) {
        await until(`${n} subscribers`, async () => {
            const counts = await redis.pubSubNumSub([`${name}1`, `${name}2`]);
            const shards = await redis.pubSubShardNumSub([`${name}shard`]);

            return Object.values(counts).every((v) => Number(v) === n)
                && Number(shards[`${name}shard`]) === n
                && await redis.pubSubNumPat() === n;
        });
    }

    await is("a subscriber", async () => {
        const { s, heard } = await listener("a");

        await tell("a");
        await hears(heard, told("a"));
        await s.unsubscribe("a1");
        assert.equal(await redis.publish("a1", "nobody"), 0);
        await s.unsubscribe();
        await s.pUnsubscribe();
        await s.sUnsubscribe();
        assert.equal(await s.get("k"), null);
        assert.equal(heard.length, 4);
        s.destroy();
    });

    await is("it subscribes again when it was killed", async () => {
        const { s, heard } = await listener("b");
        const again = new Promise((r) => s.once("ready", r));

        assert.equal(await redis.clientKill({ filter: "TYPE", type: "pubsub" }),
                     1);
        await again;
        await subscribed("b", 1);
        await tell("b");
        await hears(heard, told("b"));
        s.destroy();
        await subscribed("b", 0);
    });

    await is("it subscribes again when its worker was killed", async () => {
        const { s, heard, pid } = await listener("c");
        const again = new Promise((r) => s.once("ready", r));

        process.kill(pid, "SIGKILL");
        await again;
        await until("another connection", () =>
            redis.ping().then(() => true, () => false));
        await subscribed("c", 1);
        await tell("c");
        await hears(heard, told("c"));
        s.destroy();
        await subscribed("c", 0);
    });

    await is("keyspace notifications", async () => {
        const s = await connect({ RESP });
        const heard = [];

        await redis.configSet("notify-keyspace-events", "Ex$");
        await s.pSubscribe("__keyevent@0__:*",
                           (text, channel) => heard.push([channel, text]));
        await redis.set("short", "v", { PX: 30 });
        await hears(heard, [["__keyevent@0__:set", "short"],
                            ["__keyevent@0__:expired", "short"]]);
        await redis.configSet("notify-keyspace-events", "");
        s.destroy();
    });

    for (const [command, push, pop] of [
        ["BLPOP", (c, i) => c.rPush("queue", String(i)),
         async (c) => (await c.blPop(["empty", "queue"], 0)).element],
        ["BLMOVE", (c, i) => c.rPush("queue", String(i)),
         (c) => c.blMove("queue", "done", "LEFT", "RIGHT", 0)],
        ["BZPOPMIN", (c, i) => c.zAdd("zqueue", { score: i, value: String(i) }),
         async (c) => (await c.bzPopMin("zqueue", 0)).value],
    ]) {
        await is(`${command}: several consumers of a queue`, async () => {
            const n = 600;
            const lists = Array.from({ length: 6 }, () => []);

            await redis.flushAll();

            const work = lists.map(async (list) => {
                const c = await connect({ RESP });

                for (;;) {
                    const v = await pop(c);

                    if (Number(v) > n) {
                        return c.destroy();
                    }

                    list.push(v);
                }
            });

            await until("all wait", async () =>
                /blocked_clients:6\r/.test(await redis.info("clients")));

            for (let i = 1; i <= n; i++) {
                await push(redis, i);
            }

            await until("all are taken", () => lists.flat().length === n);

            for (let i = 1; i <= lists.length; i++) {
                await push(redis, n + i);
            }

            await Promise.all(work);
            onceEach(lists, n);
        });
    }
}


await test("a client-side cache, changed by other workers", async () => {
    const redis = await connect({ RESP: 3 });
    const cached = await connect({
        RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0 },
    });

    await redis.set("cached", "1");
    assert.equal(await cached.get("cached"), "1");

    // what is there is served without the server
    const calls = async () => Number(
        (await redis.info("stats")).match(/keyspace_hits:(\d+)/)[1]);
    const before = await calls();

    for (let i = 0; i < 20; i++) {
        assert.equal(await cached.get("cached"), "1");
    }

    assert.equal(await calls(), before);

    for (const change of [
        () => redis.set("cached", "2"), () => redis.incr("cached"),
        () => redis.del("cached"), () => redis.set("cached", "x", { PX: 30 }),
        () => redis.flushAll(),
    ]) {
        await change();
        await until("it sees the change", async () =>
            await cached.get("cached") === await redis.get("cached"));
    }

    // what expires by itself is told of, too
    await redis.set("cached", "soon gone", { PX: 200 });
    await until("it is cached", async () =>
        await cached.get("cached") !== null);
    await until("it has expired", async () =>
        await cached.get("cached") === null);

    // and nothing old is served after its worker was killed
    await redis.set("cached", "before");
    await until("it is cached again", async () =>
        await cached.get("cached") === "before");
    process.kill(await worker(cached), "SIGKILL");
    await until("others write", () =>
        redis.set("cached", "after").then(() => true, () => false));
    await until("the new value", async () =>
        await cached.get("cached").catch(() => "") === "after");
});


// A client that is destroyed while it connects again keeps that connection.
await until("all are connected",
            () => open.every((c) => !c.isOpen || c.isReady));
open.filter((c) => c.isOpen).forEach((c) => c.destroy());
done();
