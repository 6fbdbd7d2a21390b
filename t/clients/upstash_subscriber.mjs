// The Subscriber of @upstash/redis against the module:
// node upstash_subscriber.mjs URL TOKEN
// Prints TAP.

import { Redis } from "@upstash/redis";
import assert from "node:assert/strict";

import { done, test } from "./tap.mjs";

const [url, token] = process.argv.slice(2);
const common = { url, token, enableTelemetry: false };
const redis = new Redis(common);
const raw = new Redis({ ...common, automaticDeserialization: false });


// What a subscriber hears, in the order in which it comes.
class Listener {
    constructor(subscriber, ...types) {
        this.subscriber = subscriber;
        this.heard = [];

        for (const type of types) {
            subscriber.on(type, (data) => this.heard.push([type, data]));
        }
    }

    async hears(n) {
        for (let i = 0; i < 300 && this.heard.length < n; i++) {
            await new Promise((r) => setTimeout(r, 100));
        }

        assert.equal(this.heard.length, n, JSON.stringify(this.heard));
        return this.heard;
    }
}


async function channels(n) {
    for (let i = 0; i < 300; i++) {
        const found = await redis.exec(["PUBSUB", "CHANNELS"]);

        if (found.length === n) {
            return;
        }

        await new Promise((r) => setTimeout(r, 100));
    }

    assert.fail("there are other channels");
}


await test("subscribe", async () => {
    const s = redis.subscribe(["news", "chat"]);
    const l = new Listener(s, "subscribe", "message", "message:chat", "error");

    await l.hears(2);
    assert.deepEqual(l.heard, [["subscribe", 1], ["subscribe", 1]]);
    assert.deepEqual(s.getSubscribedChannels(), ["news", "chat"]);

    assert.equal(await redis.publish("news", "hello"), 1);
    await l.hears(3);
    assert.equal(await redis.publish("chat", { a: [1, "b,c"] }), 1);
    await l.hears(5);

    assert.deepEqual(l.heard.slice(2), [
        ["message", { channel: "news", message: "hello" }],
        ["message", { channel: "chat", message: { a: [1, "b,c"] } }],
        ["message:chat", { channel: "chat", message: { a: [1, "b,c"] } }],
    ]);

    await s.unsubscribe(["chat"]);
    await channels(1);
    assert.deepEqual(s.getSubscribedChannels(), ["news"]);
    assert.equal(await redis.publish("chat", "x"), 0);

    await s.unsubscribe();
    await channels(0);
});

await test("psubscribe", async () => {
    const s = redis.psubscribe("user:*");
    const l = new Listener(s, "psubscribe", "pmessage", "pmessage:user:*",
                           "error");

    await l.hears(1);
    assert.deepEqual(l.heard[0], ["psubscribe", 1]);

    await redis.publish("user:1", { name: "Ada" });
    await redis.publish("other", "x");
    await redis.publish("user:2", 42);
    await l.hears(5);

    const first = { pattern: "user:*", channel: "user:1",
                    message: { name: "Ada" } };
    assert.deepEqual(l.heard.slice(1, 3),
                     [["pmessage", first], ["pmessage:user:*", first]]);
    assert.equal(l.heard[3][1].message, 42);

    await s.unsubscribe();
});

const texts = [
    "a\nb", "a\r\n\r\nb", "\n", "x\ndata: message,odd,forged\n\n", "1,2,,3", "",
    "grüße 😀", "\u0000\u0001", ' "', "{\n  \"n\": 1\n}", "back\\slash\n",
    "text ".repeat(20_000),
];

await test("any text comes whole, and once", async () => {
    const s = redis.subscribe("odd");
    const l = new Listener(s, "subscribe", "message", "error");

    await l.hears(1);

    for (const text of texts) {
        await raw.publish("odd", text);
    }

    await l.hears(1 + texts.length);
    assert.deepEqual(l.heard.slice(1).map(([, data]) => data.message), texts);
    await s.unsubscribe();
});

// as docs/rest.md says: a space and a quote are the sign
const plain = (field) => field.startsWith(' "') ? JSON.parse(field) : field;

await test("texts as they are sent", async () => {
    const s = raw.subscribe("odd");
    const l = new Listener(s, "subscribe", "message", "error");
    const more = [...texts, "42", "true", '{"n": 1}', '"quoted"', "null"];

    await l.hears(1);

    for (const text of more) {
        await raw.publish("odd", text);
    }

    await l.hears(1 + more.length);
    assert.deepEqual(l.heard.slice(1).map(([, d]) => plain(d.message)), more);
    assert.equal(l.heard.at(-1)[1].message, "null");
    await s.unsubscribe();
});

await test("in pipelines and transactions", async () => {
    const s = redis.subscribe("p");
    const l = new Listener(s, "subscribe", "message");

    await l.hears(1);
    assert.deepEqual(await redis.pipeline().publish("p", 1).publish("p", 2)
                                .exec(), [1, 1]);
    assert.deepEqual(await redis.multi().publish("p", 3).set("k", "v").exec(),
                     [1, "OK"]);
    await l.hears(4);
    assert.deepEqual(l.heard.slice(1).map(([, d]) => d.message), [1, 2, 3]);
    await s.unsubscribe();
    await channels(0);
});

await test("an error is heard", async () => {
    const s = new Redis({ ...common, token: "wrong" }).subscribe("c");
    const l = new Listener(s, "error");

    await l.hears(1);
    assert.match(l.heard[0][1].message, /WRONGPASS/);
});

done();
