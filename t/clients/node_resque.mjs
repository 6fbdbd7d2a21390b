// node-resque, a queue with the keys of Ruby's resque, over ioredis:
// node node_resque.mjs PORT TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import resque from "node-resque";
import { Redis } from "ioredis";
import { restart, test, until, done } from "./tap.mjs";

const { Plugins, Queue, Scheduler, Worker } = resque;
const [port, token] = process.argv.slice(2);
const redis = new Redis({ port: Number(port), host: "127.0.0.1",
                          password: token, maxRetriesPerRequest: null });
const connection = { redis, pkg: "ioredis", namespace: "resque" };
redis.on("error", () => {});
await redis.flushall();

const results = [];
const jobs = {
    add: { perform: async (a, b) => { results.push(a + b); return a + b; } },
    fail: { perform: async () => { throw new Error("it fails"); } },
    once: { plugins: [Plugins.JobLock], pluginOptions: { JobLock: {} },
            perform: async () => { results.push("once"); } },
    retried: { plugins: [Plugins.Retry],
               pluginOptions: { Retry: { retryLimit: 3, retryDelay: 10 } },
               perform: async () => { throw new Error("again"); } },
};

const queue = new Queue({ connection }, jobs);
queue.on("error", () => {});
await queue.connect();


function worker(queues) {
    const w = new Worker({ connection, queues, timeout: 20 }, jobs);
    w.on("error", () => {});
    return w.connect().then(() => w);
}

await test("jobs are added, looked at and taken back", async () => {
    await queue.enqueue("math", "add", [1, 2]);
    await queue.enqueue("math", "add", [3, 4]);
    await queue.enqueue("math", "add", [1, 2]);
    assert.equal(await queue.length("math"), 3);
    assert.deepEqual(await queue.queues(), ["math"]);
    assert.deepEqual((await queue.queued("math", 0, -1)).map((j) => j.args),
                     [[1, 2], [3, 4], [1, 2]]);
    assert.equal(await queue.del("math", "add", [1, 2], 1), 1);
    assert.equal(await queue.length("math"), 2);
});

await test("a worker does them", async () => {
    const w = await worker(["math"]);
    await w.start();
    await until(() => results.length === 2);
    assert.deepEqual(results.splice(0).sort(), [3, 7]);
    assert.deepEqual(Object.values(await queue.workers()), ["math"]);
    await until(async () =>
        Number((await queue.stats()).processed) === 2);
    await w.end();
    assert.deepEqual(await queue.workers(), {});
});

await test("what fails is kept, and may be done again", async () => {
    const w = await worker(["bad"]);
    await queue.enqueue("bad", "fail", ["x"]);
    await w.start();
    await until(async () => await queue.failedCount() === 1);
    await w.end();
    const [failed] = await queue.failed(0, -1);
    assert.equal(failed.error, "it fails");
    assert.deepEqual(failed.payload.args, ["x"]);
    await queue.retryAndRemoveFailed(failed);
    assert.equal(await queue.failedCount(), 0);
    assert.equal(await queue.length("bad"), 1);
    await queue.delQueue("bad");
});

await test("a scheduler moves what is due", async () => {
    const scheduler = new Scheduler({ connection, timeout: 20 });
    scheduler.on("error", () => {});
    await scheduler.connect();
    await queue.enqueueIn(50, "math", "add", [10, 10]);
    await queue.enqueueAt(Date.now() + 3_600_000, "math", "add", [7, 7]);
    assert.equal((await queue.scheduledAt("math", "add", [7, 7])).length, 1);
    assert.equal(Object.keys(await queue.allDelayed()).length, 2);

    await scheduler.start();
    await until(() => scheduler.leader);
    assert.match(await queue.leader(), /./);
    await until(async () => await queue.length("math") === 1);
    const w = await worker(["math"]);
    await w.start();
    await until(() => results.length === 1);
    assert.deepEqual(results.splice(0), [20]);
    assert.equal((await queue.delDelayed("math", "add", [7, 7])).length, 1);
    await w.end();
    await scheduler.end();
    assert.equal(await queue.leader(), null);
});

await test("plugins: a lock of a job, and one that is tried again",
           async () => {
    const w = await worker(["plug"]);
    await queue.enqueue("plug", "once", [1]);
    await queue.enqueue("plug", "retried", [1]);
    await w.start();
    await until(() => results.includes("once"));
    await until(async () =>
        (await redis.keys("resque:*resque-retry*")).length > 0);
    await until(async () =>
        Object.keys(await queue.allDelayed()).length === 1);
    await w.end();
    assert.deepEqual(await queue.locks(), {});
});

await test("a worker goes on when the server is started anew", async () => {
    const w = await worker(["again"]);
    results.length = 0;
    await w.start();
    await queue.enqueue("again", "add", [1, 1]);
    await until(() => results.length === 1);
    await restart();
    await until(() => redis.status === "ready");
    await queue.enqueue("again", "add", [2, 2]);
    await until(() => results.includes(4));
    await w.end();
});

await queue.end();
redis.disconnect();
done();
process.exit();
