// bullmq over ioredis against the module: node bullmq.mjs PORT TOKEN
// Prints TAP.
//
// Streams and blocking commands are not there yet, and bullmq tells of all that
// it does in a stream.  So its scripts are run twice: as they are, as far as
// they come; and with their XADD and XTRIM left out, by a line before the text
// that is otherwise the same, to see all the rest of them.  Workers ask for
// jobs instead of waiting for them.

import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const require = createRequire(import.meta.url);
const { Queue, Worker, Job, FlowProducer } = require("bullmq");
const scripts = require("./node_modules/bullmq/dist/cjs/scripts/index.js");
const { Redis } = require("ioredis");

const [port, token] = process.argv.slice(2);
const connection = { port: Number(port), host: "127.0.0.1", password: token,
                     maxRetriesPerRequest: null };
const redis = new Redis(connection);
const all = Object.values(scripts);

await redis.flushall();
await redis.script("FLUSH");


// --- as they are ---

await test(`all ${all.length} scripts compile`, async () => {
    assert.ok(all.length > 40);

    for (const { name, content } of all) {
        const sha = await redis.script("LOAD", content).catch((e) => e.message);
        assert.match(sha, /^[0-9a-f]{40}$/, name);
    }
});

await test("a queue that is empty", async () => {
    const queue = new Queue("empty", { connection });
    assert.equal(await queue.count(), 0);
    assert.deepEqual(await queue.getJobCounts("active", "waiting", "failed"),
                     { active: 0, waiting: 0, failed: 0 });
    assert.deepEqual(await queue.getWaiting(), []);
    assert.equal(await queue.isPaused(), false);
    assert.equal(await queue.getJob("none"), undefined);
    assert.deepEqual(await queue.getJobLogs("none"), { logs: [], count: 0 });
    assert.deepEqual(await queue.getCountsPerPriority([0, 1]), { 0: 0, 1: 0 });
    assert.equal(await queue.getRateLimitTtl(), -2);
    assert.equal((await queue.getMetrics("completed")).count, 0);
    assert.equal(await queue.getJobState("none"), "unknown");
    await queue.setGlobalConcurrency(3);
    assert.equal(await queue.getGlobalConcurrency(), 3);
    await queue.close();
});

const streams = (await redis.call("COMMAND", "INFO", "XADD"))[0] !== null;

if (!streams) {
    await test("a job wants streams, and says so", async () => {
        const queue = new Queue("streams", { connection });
        await assert.rejects(queue.add("job", {}),
                             /Unknown Redis command called from script/);
        await queue.close();
    });
}


// --- without streams ---

const LEFT_OUT = `local redis = setmetatable({ call = function(c, ...) if c == "XADD" or c == "XTRIM" then return "1-1" end return redis.call(c, ...) end }, { __index = redis }) `;

if (!streams) {
    for (const script of all) {
        script.content = LEFT_OUT + script.content;
    }
}

await redis.flushall();

const queue = new Queue("q", { connection });
const worker = new Worker("q", null, { connection, autorun: false });

async function next(token = "token") {
    return worker.getNextJob(token, { block: false });
}

async function states(...jobs) {
    return Promise.all(jobs.map((j) => j.getState()));
}

await test("jobs are added", async () => {
    const job = await queue.add("first", { n: 1, text: "grüße", list: [1, 2] });
    assert.equal(job.id, "1");
    const again = await queue.getJob("1");
    assert.equal(again.name, "first");
    assert.deepEqual(again.data, { n: 1, text: "grüße", list: [1, 2] });
    assert.equal(await job.getState(), "waiting");

    const bulk = await queue.addBulk([...Array(20).keys()].map((i) => ({
        name: "bulk", data: { i } })));
    assert.equal(bulk.length, 20);
    assert.equal(await queue.getWaitingCount(), 21);
    assert.equal((await queue.getWaiting(0, 4)).length, 5);

    await queue.add("own", {}, { jobId: "own-id" });
    await queue.add("own", {}, { jobId: "own-id" });
    assert.equal(await queue.getWaitingCount(), 22);
});

await test("a job is done", async () => {
    const job = await next();
    assert.equal(job.name, "first");
    assert.equal(await job.getState(), "active");
    assert.ok(job.processedOn > 0);

    await job.updateData({ n: 2 });
    await job.updateProgress(50);
    assert.equal(await job.log("line one"), 1);
    assert.equal(await job.log("line two"), 2);
    assert.equal(await job.extendLock("token", 60_000), 1);

    const following = await job.moveToCompleted({ result: [1, 2] }, "token",
                                                true);
    assert.equal(await job.getState(), "completed");
    assert.equal(following[0].i ?? JSON.parse(following[0].data).i, 0);

    const again = await queue.getJob(job.id);
    assert.deepEqual(again.returnvalue, { result: [1, 2] });
    assert.deepEqual(again.data, { n: 2 });
    assert.equal(again.progress, 50);
    assert.deepEqual((await queue.getJobLogs(job.id)).logs,
                     ["line one", "line two"]);
});

await test("somebody else's job is not", async () => {
    const job = await next("one");
    await assert.rejects(job.moveToCompleted("x", "another", false),
                         /lock mismatch|Lock mismatch|Missing lock/);
    await job.moveToCompleted("x", "one", false);
});

await test("jobs fail, and are tried again", async () => {
    await queue.drain();
    const added = await queue.add("fails", {}, { attempts: 2 });

    const job = await next();
    assert.equal(job.id, added.id);
    await job.moveToFailed(new Error("first time"), "token");
    assert.equal(await job.getState(), "waiting");

    const second = await next();
    assert.equal(second.attemptsMade, 1);
    await second.moveToFailed(new Error("second time"), "token");
    assert.equal(await second.getState(), "failed");

    const failed = await queue.getJob(job.id);
    assert.equal(failed.failedReason, "second time");
    assert.equal(failed.stacktrace.length, 2);

    await failed.retry();
    assert.equal(await failed.getState(), "waiting");
    await (await next()).moveToCompleted(1, "token", false);
});

await test("jobs that wait for their time", async () => {
    const job = await queue.add("later", {}, { delay: 3_600_000 });
    assert.equal(await job.getState(), "delayed");
    assert.equal(await queue.getDelayedCount(), 1);
    assert.equal(await next(), undefined);

    await job.changeDelay(7_200_000);
    assert.equal((await queue.getJob(job.id)).delay, 7_200_000);

    await job.promote();
    assert.equal(await job.getState(), "waiting");
    await (await next()).moveToCompleted(1, "token", false);

    const soon = await queue.add("soon", {}, { delay: 50 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const due = await next();
    assert.equal(due.id, soon.id);
    await due.moveToDelayed(Date.now() + 1_000_000, "token");
    assert.equal(await due.getState(), "delayed");
    await due.remove();
});

await test("jobs that fail and wait before they are tried again", async () => {
    await queue.add("backoff", {}, { attempts: 3,
        backoff: { type: "exponential", delay: 100_000 } });
    const job = await next();
    await job.moveToFailed(new Error("x"), "token");
    assert.equal(await job.getState(), "delayed");
    assert.equal((await queue.getJob(job.id)).delay, 100_000);
    await job.remove();
});

await test("priorities", async () => {
    for (const priority of [5, 1, 3, 1, 10]) {
        await queue.add("p", { priority }, { priority });
    }

    assert.equal(await queue.getPrioritizedCount(), 5);
    assert.deepEqual(await queue.getCountsPerPriority([1, 3, 7]),
                     { 1: 2, 3: 1, 7: 0 });

    const seen = [];
    const [first] = await queue.getPrioritized();
    await first.changePriority({ priority: 7 });

    for (let job; (job = await next()); ) {
        seen.push(job.data.priority);
        await job.moveToCompleted(1, "token", false);
    }

    assert.deepEqual(seen, [1, 3, 5, 1, 10]);
});

await test("last in, first out", async () => {
    await queue.addBulk([1, 2, 3].map((n) => ({ name: "l", data: { n },
                                                opts: { lifo: true } })));
    const job = await next();
    assert.equal(job.data.n, 3);
    await job.moveToCompleted(1, "token", false);
    await queue.drain();
});

await test("a queue is paused and goes on", async () => {
    await queue.pause();
    assert.equal(await queue.isPaused(), true);
    await queue.add("while paused", {});
    assert.equal(await next(), undefined);
    await queue.resume();
    const job = await next();
    assert.equal(job.name, "while paused");
    await job.moveToCompleted(1, "token", false);
});

await test("deduplication", async () => {
    const one = await queue.add("d", { n: 1 }, { deduplication: { id: "x" } });
    const two = await queue.add("d", { n: 2 }, { deduplication: { id: "x" } });
    assert.equal(two.id, one.id);
    assert.equal(await queue.getDeduplicationJobId("x"), one.id);
    assert.equal(await queue.removeDeduplicationKey("x"), 1);
    const three = await queue.add("d", { n: 3 }, { deduplication: { id: "x" } });
    assert.notEqual(three.id, one.id);
    await queue.drain();
});

await test("a rate limit", async () => {
    const limited = new Worker("q", null, { connection, autorun: false,
                                            limiter: { max: 2,
                                                       duration: 60_000 } });
    await queue.addBulk([1, 2, 3].map((n) => ({ name: "r", data: { n } })));
    const got = [];

    for (let i = 0; i < 3; i++) {
        const job = await limited.getNextJob("token", { block: false });
        got.push(job?.data.n);
        await job?.moveToCompleted(1, "token", false);
    }

    assert.deepEqual(got, [1, 2, undefined]);
    assert.ok(await queue.getRateLimitTtl(2) > 10_000);
    await queue.removeRateLimitKey();
    await limited.close();
    await queue.drain();
});

await test("flows of parents and children", async () => {
    const flow = new FlowProducer({ connection });
    const tree = await flow.add({
        name: "parent", queueName: "q", data: {},
        children: [1, 2].map((n) => ({ name: "child", queueName: "q",
                                       data: { n } })),
    });
    assert.equal(await tree.job.getState(), "waiting-children");

    for (let i = 0; i < 2; i++) {
        const child = await next();
        assert.equal(child.name, "child");
        await child.moveToCompleted(child.data.n * 10, "token", false);
    }

    const parent = await next();
    assert.equal(parent.name, "parent");
    assert.deepEqual(Object.values(await parent.getChildrenValues()).sort(),
                     [10, 20]);
    assert.deepEqual(await parent.getDependenciesCount(),
                     { processed: 2, unprocessed: 0, ignored: 0, failed: 0 });
    await parent.moveToCompleted("all", "token", false);
    await flow.close();
});

await test("schedulers", async () => {
    await queue.upsertJobScheduler("every", { every: 3_600_000 },
                                   { name: "tick", data: { n: 1 } });
    await queue.upsertJobScheduler("cron", { pattern: "0 3 * * *" },
                                   { name: "night" });
    const list = await queue.getJobSchedulers();
    assert.deepEqual(list.map((s) => s.key).sort(), ["cron", "every"]);
    assert.equal((await queue.getJobScheduler("cron")).pattern, "0 3 * * *");
    assert.equal(await queue.removeJobScheduler("every"), true);
    assert.equal(await queue.removeJobScheduler("cron"), true);
    assert.equal(await queue.removeJobScheduler("none"), false);
});

await test("stalled jobs are found", async () => {
    await queue.drain();
    const added = await queue.add("stalls", {});
    const brief = new Worker("q", null, { connection, autorun: false,
                                          lockDuration: 50,
                                          stalledInterval: 50 });
    const job = await brief.getNextJob("gone", { block: false });
    assert.equal(job.id, added.id);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await brief.moveStalledJobsToWait();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await brief.moveStalledJobsToWait();
    assert.equal(await job.getState(), "waiting");
    await brief.close();
    await queue.drain();
});

await test("cleaning, draining, removing", async () => {
    assert.ok(await queue.getCompletedCount() > 5);
    const cleaned = await queue.clean(0, 1000, "completed");
    assert.ok(cleaned.length > 5);
    assert.equal(await queue.getCompletedCount(), 0);

    const [a, b] = await queue.addBulk([1, 2].map((n) => ({ name: "x",
                                                            data: { n } })));
    await a.remove();
    assert.deepEqual(await states(a, b), ["unknown", "waiting"]);
    assert.equal(await queue.remove(b.id), 1);
    await queue.addBulk([...Array(300).keys()].map((n) => ({ name: "x",
        data: { n }, opts: { removeOnComplete: true } })));
    await queue.drain();
    assert.equal(await queue.count(), 0);
});

await test("jobs are not kept longer than is wanted", async () => {
    for (let n = 0; n < 10; n++) {
        await queue.add("k", { n }, { removeOnComplete: { count: 3 } });
        await (await next()).moveToCompleted(n, "token", false);
    }

    assert.equal(await queue.getCompletedCount(), 3);
    await queue.add("k", {}, { removeOnComplete: true });
    const job = await next();
    await job.moveToCompleted(1, "token", false);
    assert.equal(await job.getState(), "unknown");
});

await test("all at once: each job is had once", async () => {
    const workers = [...Array(8).keys()].map(() =>
        new Worker("q", null, { connection, autorun: false }));
    await queue.addBulk([...Array(200).keys()].map((n) => ({ name: "m",
                                                             data: { n } })));
    const seen = [];

    await Promise.all(workers.map(async (w, i) => {
        for (let job; (job = await w.getNextJob(`t${i}`, { block: false })); ) {
            seen.push(job.data.n);
            await job.moveToCompleted(1, `t${i}`, false);
        }
    }));

    assert.equal(seen.length, 200);
    assert.equal(new Set(seen).size, 200);
    await Promise.all(workers.map((w) => w.close()));
});

await test("nothing is left", async () => {
    await queue.obliterate({ force: true });
    assert.deepEqual((await redis.keys("bull:q:*"))
        .filter((k) => !k.endsWith(":events")), []);
});

if (streams && (await redis.call("COMMAND", "INFO", "BZPOPMIN"))[0] !== null) {
    await test("a worker that waits for jobs", async () => {
        const results = [];
        const w = new Worker("real", async (job) => job.data.n * 2,
                             { connection });
        const all = new Promise((resolve) => w.on("completed", (job, r) => {
            results.push(r);
            if (results.length === 10) resolve();
        }));
        const real = new Queue("real", { connection });
        await real.addBulk([...Array(10).keys()].map((n) => ({ name: "w",
                                                               data: { n } })));
        await all;
        assert.deepEqual(results.sort((a, b) => a - b),
                         [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
        await w.close();
        await real.close();
    });
}

await worker.close();
await queue.close();
redis.disconnect();
done();
process.exit();
