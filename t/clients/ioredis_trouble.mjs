// What goes wrong for ioredis, of any line, and how it goes on:
// node ioredis_trouble.mjs PACKAGE PORT TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import { restart, test, until, done } from "./tap.mjs";

const [name, port, token] = process.argv.slice(2);
const { Redis } = await import(name);


function make(options = {}) {
    const client = new Redis({ port: Number(port), host: "127.0.0.1",
                               password: token, ...options });

    client.readies = 0;
    client.on("error", () => {});
    client.on("ready", () => client.readies++);

    return client;
}

const is = (what, code) => test(`${name}: ${what}`, code);
const redis = make();

await redis.flushall();

await is("values and pipelines", async () => {
    const replies = await redis.pipeline().set("s", "grüße", "EX", 100)
        .get("s").incr("s").hset("h", { a: 1 }).hgetall("h").exec();
    assert.deepEqual(replies.filter((r) => !r[0]).map((r) => r[1]),
                     ["OK", "grüße", 1, { a: "1" }]);
    assert.match(replies[2][0].message, /not an integer/);
    assert.deepEqual(await redis.multi().set("n", 1).incr("n").exec(),
                     [[null, "OK"], [null, 2]]);
});

await is("keys with a prefix, and commands of one's own", async () => {
    const own = make({ keyPrefix: "app:" });
    own.defineCommand("addTo", { numberOfKeys: 1, lua:
        "return redis.call('INCRBY', KEYS[1], ARGV[1])" });
    assert.equal(await own.addTo("sum", 5), 5);
    assert.equal(await own.addTo("sum", 5), 10);
    assert.equal(await redis.get("app:sum"), "10");
    await redis.script("FLUSH");
    assert.equal(await own.addTo("sum", 1), 11);
    own.disconnect();
});

await is("streams of a scan", async () => {
    await redis.mset(...Array.from({ length: 200 },
                                   (_, i) => [`scan:${i}`, i]).flat());
    const seen = new Set();

    for await (const keys of redis.scanStream({ match: "scan:*", count: 50 })) {
        keys.forEach((k) => seen.add(k));
    }

    assert.equal(seen.size, 200);
});

await is("another database, and one that is not there", async () => {
    const second = make({ db: 1 });
    await second.set("only", "here");
    assert.equal(await redis.get("only"), null);
    await second.flushdb();
    second.disconnect();

    const errors = [];
    const none = make({ db: 7, retryStrategy: null });
    none.on("error", (e) => errors.push(e.message));
    await until(() => errors.some((e) => /DB index is out of range/.test(e)));
    none.disconnect();
});

await is("a wrong password, and none", async () => {
    for (const [password, error] of [["wrong", /WRONGPASS/],
                                     [undefined, /NOAUTH/]]) {
        const client = make({ password, retryStrategy: null });
        await assert.rejects(client.get("n"), error);
        client.disconnect();
    }
});

await is("a client that is killed comes back, with its database",
         async () => {
    const victim = make({ db: 1 });
    const id = await victim.client("ID");
    await victim.set("in", "one");
    assert.equal(await redis.client("KILL", "ID", id), 1);
    await until(() => victim.readies === 2);
    assert.equal(await victim.get("in"), "one");
    assert.notEqual(await victim.client("ID"), id);
    await victim.flushdb();
    victim.disconnect();
});

await is("a new start: subscribers, and one that waits, go on", async () => {
    const subscriber = make();
    const waiting = make({ maxRetriesPerRequest: null });
    const seen = [];
    subscriber.on("message", (_, m) => seen.push(m));
    await subscriber.subscribe("news");
    const popped = waiting.blpop("list", 0);
    popped.catch(() => {});
    await until(async () =>
        /blocked_clients:1\r/.test(await redis.info("clients")));
    await redis.set("kept", "value");

    await restart();
    await until(() => subscriber.readies >= 2 && redis.readies >= 2
                      && waiting.readies >= 2);
    assert.equal(await redis.get("kept"), "value");
    await redis.rpush("list", "element");
    assert.deepEqual(await popped, ["list", "element"]);

    await until(async () => {
        await redis.publish("news", "after");
        return seen.includes("after");
    });
    subscriber.disconnect();
    waiting.disconnect();
});

await is("commands that are sent meanwhile are not lost", async () => {
    const writer = make();
    let going = true;
    let good = 0;
    let lost = 0;

    const writing = (async () => {
        while (going) {
            await writer.incr("meanwhile").then(() => good++, () => lost++);
        }
    })();

    await until(() => good > 10);
    await restart();
    const then = good;
    await until(() => good > then + 10);
    going = false;
    await writing;

    // ioredis sends again what it has no reply to
    const n = Number(await writer.get("meanwhile"));
    assert.ok(n >= good && n <= good + lost + 5, `${good} ${n} ${lost}`);
    writer.disconnect();
});

redis.disconnect();
done();
