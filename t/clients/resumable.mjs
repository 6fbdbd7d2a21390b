// resumable-stream over node-redis and over ioredis against the module:
// node resumable.mjs PORT TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import { createResumableStreamContext as withRedis } from "resumable-stream";
import { createResumableStreamContext as withIoredis }
    from "resumable-stream/ioredis";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { test, done } from "./tap.mjs";

const [port, token] = process.argv.slice(2);
const url = `redis://127.0.0.1:${port}`;

const node = async () => {
    const c = createClient({ url, password: token });
    await c.connect();
    return c;
};
const io = async () => new Redis({ port: Number(port), host: "127.0.0.1",
                                   password: token });

const waiting = [];
const waitUntil = (promise) => waiting.push(promise);

// A source of texts that are given to it one by one.
function source() {
    let controller;
    const stream = new ReadableStream({ start(c) { controller = c; } });
    return { stream, say: (t) => controller.enqueue(t),
             end: () => controller.close() };
}

async function text(stream) {
    let all = "";
    for await (const part of stream) all += part;
    return all;
}

for (const [name, create, connect] of [["redis", withRedis, node],
                                       ["ioredis", withIoredis, io]]) {
    const context = async () => create({ waitUntil, keyPrefix: `of-${name}`,
        publisher: await connect(), subscriber: await connect() });
    const [one, two] = [await context(), await context()];

    await test(`${name}: a stream, and a second reader`, async () => {
        const s = source();
        const first = text(await one.resumableStream("a", () => s.stream));
        s.say("one ");
        s.say("two ");
        const second = text(await two.resumableStream("a", () => {
            throw new Error("it is there already");
        }));
        setTimeout(() => { s.say("three"); s.end(); }, 100);
        assert.equal(await first, "one two three");
        assert.equal(await second, "one two three");
    });

    await test(`${name}: resumed behind so many characters`, async () => {
        const s = source();
        const first = text(await one.createNewResumableStream("b",
                                                              () => s.stream));
        s.say("0123456789");
        const second = text(await two.resumeExistingStream("b", 4));
        setTimeout(() => { s.say("x".repeat(50_000)); s.end(); }, 100);
        assert.equal((await first).length, 50_010);
        assert.equal((await second).length, 50_006);
        assert.match(await second, /^456789x/);
    });

    await test(`${name}: one that is over, and one that is not there`, async () => {
        assert.equal(await two.resumeExistingStream("a"), null);
        assert.equal(await two.resumeExistingStream("none"), undefined);
    });
}

await Promise.all(waiting);
done();
process.exit();
