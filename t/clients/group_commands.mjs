// Consumer groups with people's clients, and the shapes that these make of the
// replies: node group_commands.mjs HTTP-PORT PORT TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import { Redis as Upstash } from "@upstash/redis";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { test, done } from "./tap.mjs";

const [web, port, token] = process.argv.slice(2);
const upstash = new Upstash({ url: `http://127.0.0.1:${web}`, token });
const connection = { port: Number(port), host: "127.0.0.1", password: token };
const io = new Redis(connection);
const node = createClient({ url: `redis://127.0.0.1:${port}`, password: token,
                            RESP: 2 });
await node.connect();
await upstash.flushall();


// --- @upstash/redis ---

await test("@upstash/redis: a group is made", async () => {
    assert.equal(await upstash.xgroup("s", { type: "CREATE", group: "g", id: "$",
        options: { MKSTREAM: true } }), "OK");
    await assert.rejects(upstash.xgroup("s", { type: "CREATE", group: "g",
                                               id: "$" }), /BUSYGROUP/);
    assert.equal(await upstash.xgroup("s", { type: "CREATECONSUMER", group: "g",
                                             consumer: "ann" }), 1);
});

await test("@upstash/redis: xreadgroup and what is pending", async () => {
    for (let n = 1; n <= 4; n++) {
        await upstash.xadd("s", `${n}-0`, { n, text: "ü" });
    }

    assert.deepEqual(await upstash.xreadgroup("g", "ann", "s", ">", { count: 2 }),
        [["s", [["1-0", ["n", 1, "text", "ü"]],
                ["2-0", ["n", 2, "text", "ü"]]]]]);
    assert.deepEqual(await upstash.xreadgroup("g", "ben", ["s"], [">"],
                                              { NOACK: true, count: 1 }),
        [["s", [["3-0", ["n", 3, "text", "ü"]]]]]);
    assert.deepEqual(await upstash.xreadgroup("g", "ann", "s", "1-0"),
        [["s", [["2-0", ["n", 2, "text", "ü"]]]]]);
    assert.deepEqual(await upstash.xpending("s", "g", "-", "+", 10)
                         .then((p) => p.map(([id, who, , n]) => [id, who, n])),
        [["1-0", "ann", 1], ["2-0", "ann", 2]]);
});

await test("@upstash/redis: claims", async () => {
    assert.deepEqual(await upstash.xclaim("s", "g", "ben", 0, "1-0"),
                     [["1-0", ["n", 1, "text", "ü"]]]);
    await upstash.xdel("s", "2-0");
    assert.deepEqual(await upstash.xautoclaim("s", "g", "cat", 0, "0-0",
                                              { count: 10 }),
        ["0-0", [["1-0", ["n", 1, "text", "ü"]]], ["2-0"]]);
    assert.deepEqual(await upstash.xautoclaim("s", "g", "cat", 0, "0-0",
                                              { justId: true }),
        ["0-0", ["1-0"], []]);
});

await test("@upstash/redis: xack, xackdel, xinfo", async () => {
    assert.equal(await upstash.xack("s", "g", ["1-0", "9-0"]), 1);
    await upstash.xreadgroup("g", "ann", "s", ">");
    assert.deepEqual(await upstash.xackdel("s", "g", "KEEPREF", "4-0",
                                           "5-0"), [1, -1]);
    const groups = await upstash.xinfo("s", { type: "GROUPS" });
    assert.deepEqual(groups, [["name", "g", "consumers", 3, "pending", 0,
        "last-delivered-id", "4-0", "entries-read", 4, "lag", 0]]);
    const who = await upstash.xinfo("s", { type: "CONSUMERS", group: "g" });
    assert.deepEqual(who.map((c) => [c[1], c[3]]),
                     [["ann", 0], ["ben", 0], ["cat", 0]]);
    assert.equal(await upstash.xgroup("s", { type: "DELCONSUMER", group: "g",
                                             consumer: "cat" }), 0);
    assert.equal(await upstash.xgroup("s", { type: "DESTROY", group: "g" }), 1);
});


// --- ioredis ---

await test("ioredis: work that is shared", async () => {
    await io.xgroup("CREATE", "jobs", "g", "0", "MKSTREAM");
    const had = [];

    const workers = [...Array(8).keys()].map(async (i) => {
        const mine = new Redis(connection);
        for (;;) {
            const r = await mine.xreadgroup("GROUP", "g", `w${i}`, "COUNT", 3,
                "BLOCK", 20_000, "STREAMS", "jobs", ">");
            const entries = r[0][1];
            const stop = entries.some(([, f]) => f[1] === "stop");

            had.push(...entries.map(([id]) => id));
            await mine.xack("jobs", "g", ...entries.map(([id]) => id));
            if (stop) break;
        }
        mine.disconnect();
    });

    const added = [];
    for (let n = 0; n < 300; n++) {
        added.push(await io.xadd("jobs", "*", "n", n));
    }
    const all = Promise.all(workers);
    let over = false;
    all.then(() => { over = true; });
    while (!over) {
        added.push(await io.xadd("jobs", "*", "n", "stop"));
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await all;

    assert.equal(new Set(had).size, had.length);
    for (const id of added.slice(0, 300)) assert.ok(had.includes(id));
    assert.deepEqual((await io.xpending("jobs", "g")).slice(0, 1), [0]);
});

await test("ioredis: the group goes while a consumer waits", async () => {
    await io.xgroup("CREATE", "gone", "g", "0", "MKSTREAM");
    const mine = new Redis(connection);
    const waits = mine.xreadgroup("GROUP", "g", "c", "BLOCK", 0, "STREAMS",
                                  "gone", ">");
    waits.catch(() => {});
    while (!/blocked_clients:1/.test(await io.info("clients"))) { /* again */ }
    assert.equal(await io.xgroup("DESTROY", "gone", "g"), 1);
    await assert.rejects(waits, /NOGROUP/);
    mine.disconnect();
});


// --- node-redis ---

await test("node-redis: maps and arrays", async () => {
    await node.xGroupCreate("n", "g", "0", { MKSTREAM: true });
    await node.xAdd("n", "1-1", { a: "1" });
    assert.deepEqual(JSON.parse(JSON.stringify(await node.xReadGroup("g", "c",
        { key: "n", id: ">" }))), [{ name: "n", messages: [
            { id: "1-1", message: { a: "1" } }] }]);
    const p = await node.xPending("n", "g");
    assert.equal(p.pending, 1);
    assert.equal(p.firstId, "1-1");
    const [one] = await node.xPendingRange("n", "g", "-", "+", 5);
    assert.equal(one.consumer, "c");
    assert.equal(one.deliveriesCounter, 1);
    const claimed = await node.xAutoClaim("n", "g", "d", 0, "0-0");
    assert.equal(claimed.nextId, "0-0");
    assert.equal(claimed.messages[0].id, "1-1");
    const [group] = await node.xInfoGroups("n");
    assert.equal(group.name, "g");
    assert.equal(group.lag, 0);
    assert.equal(await node.xAck("n", "g", "1-1"), 1);
});

io.disconnect();
await node.close();
done();
process.exit();
