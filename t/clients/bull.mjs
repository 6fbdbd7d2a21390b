// bull, the queue before bullmq: node bull.mjs PORT TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import Bull from "bull";
import { Redis } from "ioredis";
import { restart, test, until, done } from "./tap.mjs";

const [port, token] = process.argv.slice(2);
const redis = { port: Number(port), host: "127.0.0.1", password: token };
const open = [];
const raw = new Redis(redis);
await raw.flushall();


function make(name, options = {}) {
    const queue = new Bull(name, { redis, ...options });
    queue.on("error", () => {});
    queue.setMaxListeners(0);
    open.push(queue);
    return queue;
}

await test("jobs are done, with their results", async () => {
    const queue = make("sums");
    queue.process(3, async (job) => {
        await job.progress(50);
        return job.data.a + job.data.b;
    });
    const all = await queue.addBulk([...Array(50).keys()].map((n) => ({
        data: { a: n, b: 1 } })));
    assert.deepEqual(await Promise.all(all.map((job) => job.finished())),
                     all.map((_, n) => n + 1));
    const counts = await queue.getJobCounts();
    assert.equal(counts.completed, 50);
    assert.equal(counts.waiting, 0);
    assert.equal((await queue.getJob(all[0].id)).progress(), 50);
});

await test("what fails is tried again, and kept", async () => {
    const queue = make("fails");
    queue.process(async (job) => {
        if (job.attemptsMade < job.data.tries) throw new Error("no");
        return "at last";
    });
    const good = await queue.add({ tries: 2 }, { attempts: 3, backoff: 20 });
    const bad = await queue.add({ tries: 9 }, { attempts: 2 });
    assert.equal(await good.finished(), "at last");
    await assert.rejects(bad.finished(), /no/);
    assert.equal(await queue.getFailedCount(), 1);
    assert.equal((await queue.getFailed())[0].attemptsMade, 2);
});

await test("delays, priorities and limits", async () => {
    const queue = make("order");
    const seen = [];
    await queue.pause();

    for (const priority of [3, 1, 2]) {
        await queue.add({ priority }, { priority });
    }

    const later = await queue.add({ priority: "later" }, { delay: 300 });
    queue.process(async (job) => { seen.push(job.data.priority); });
    await queue.resume();
    await later.finished();
    assert.deepEqual(seen, [1, 2, 3, "later"]);
});

await test("jobs over and over, and cleaning", async () => {
    const queue = make("tick");
    let n = 0;
    queue.process(async () => { n++; });
    await queue.add({}, { repeat: { every: 100 } });
    await until(() => n >= 3);
    const [repeat] = await queue.getRepeatableJobs();
    await queue.removeRepeatableByKey(repeat.key);
    assert.deepEqual(await queue.getRepeatableJobs(), []);
    await until(async () => await queue.getActiveCount() === 0);
    assert.ok((await queue.clean(0, "completed")).length >= 3);
    await queue.empty();
    await queue.obliterate({ force: true });
});

await test("events come from other processes' jobs", async () => {
    const [worker, watcher] = [make("told"), make("told")];
    const seen = [];
    watcher.on("global:completed", (id, result) => seen.push(result));
    await watcher.isReady();
    worker.process(async (job) => job.data.n);
    await worker.add({ n: 7 });
    await until(() => seen.includes("7"));
});

await test("it goes on when the server is started anew", async () => {
    const queue = make("again");
    queue.process(async (job) => job.data.n * 2);
    const before = await queue.add({ n: 1 });
    assert.equal(await before.finished(), 2);
    await restart();
    const after = await queue.add({ n: 2 });
    await until(async () =>
        (await queue.getJob(after.id))?.returnvalue === 4);
});

await Promise.all(open.map((queue) => queue.close()));
raw.disconnect();
done();
process.exit();
