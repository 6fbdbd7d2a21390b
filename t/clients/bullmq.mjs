// bullmq over ioredis against the module: node bullmq.mjs PORT TOKEN
// Prints TAP.
//
// First its scripts job by job, as a worker would run them; then workers, events
// and flows as programs have them.

import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const require = createRequire(import.meta.url);
const { Queue, QueueEvents, Worker, FlowProducer,
        RateLimitError, UnrecoverableError } = require("bullmq");
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


// --- job by job ---

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


// --- as programs have it ---

const open = [];

// to be closed with all the others
function keep(one) {
    open.push(one);
    return one;
}

// What comes so often from an emitter; an error, if it takes too long.
function times(n, emitter, event) {
    return new Promise((resolve, reject) => {
        const all = [];
        const timer = setTimeout(() => reject(new Error(
            `${all.length} times ${event}, not ${n}`)), 60_000);

        emitter.on(event, (...args) => {
            all.push(args);

            if (all.length === n) {
                clearTimeout(timer);
                resolve(all);
            }
        });
    });
}

await test("workers that wait for jobs", async () => {
    const real = keep(new Queue("real", { connection }));
    const workers = [1, 2, 3].map(() => keep(new Worker("real",
        async (job) => job.data.n * 2, { connection, concurrency: 3 })));
    await Promise.all(workers.map((w) => w.waitUntilReady()));

    const results = [];
    const all = new Promise((resolve) => {
        for (const w of workers) {
            w.on("completed", (job, r) => {
                results.push(r);
                if (results.length === 100) resolve();
            });
        }
    });
    await real.addBulk([...Array(50).keys()].map((n) => ({ name: "w",
                                                           data: { n } })));
    for (let n = 50; n < 100; n++) {
        await real.add("w", { n });
    }
    await all;
    assert.deepEqual(results.sort((a, b) => a - b),
                     [...Array(100).keys()].map((n) => n * 2));
});

await test("events tell what becomes of jobs, in order", async () => {
    const told = keep(new Queue("told", { connection }));
    const events = keep(new QueueEvents("told", { connection,
                                                  lastEventId: "0-0" }));
    const seen = [];
    await events.waitUntilReady();

    for (const name of ["added", "waiting", "active", "progress", "completed",
                        "failed", "drained", "removed"]) {
        events.on(name, (args) => seen.push(args.jobId ? `${name} ${args.jobId}`
                                                       : name));
    }

    const job = await told.add("one", { n: 1 }, { jobId: "one" });
    const other = await told.add("two", { n: 2 }, { jobId: "two" });
    const worker = keep(new Worker("told", async (job) => {
        await job.updateProgress(job.data.n);
        if (job.data.n === 2) throw new UnrecoverableError("no");
        return "fine";
    }, { connection }));

    assert.equal(await job.waitUntilFinished(events, 60_000), "fine");
    await assert.rejects(other.waitUntilFinished(events, 60_000), /no/);
    await job.remove();
    if (!seen.includes("removed one")) {
        await times(1, events, "removed");
    }

    assert.deepEqual(seen.filter((e) => e.endsWith(" one")),
        ["added one", "waiting one", "active one", "progress one",
         "completed one", "removed one"]);
    assert.deepEqual(seen.filter((e) => e.endsWith(" two")),
        ["added two", "waiting two", "active two", "progress two",
         "failed two"]);
    assert.ok(worker.isRunning());
    assert.ok(await redis.xlen("bull:told:events") >= 11);
    assert.equal(await told.trimEvents(0) > 0, true);
});

await test("events of before are read from where a reader was", async () => {
    const told = keep(new Queue("past", { connection }));
    const job = await told.add("one", {});
    const events = keep(new QueueEvents("past", { connection, lastEventId: "0-0",
                                                  autorun: false }));
    const added = times(1, events, "added");
    events.run();
    assert.equal((await added)[0][0].jobId, job.id);
});

await test("delayed jobs come at their time, and by their priority", async () => {
    const later = keep(new Queue("later", { connection }));
    const begin = Date.now();
    const order = [];

    await later.addBulk([[300, 1], [100, 2], [200, 3]].map(([delay, n]) => ({
        name: "d", data: { n, delay }, opts: { delay } })));
    const w = keep(new Worker("later", async (job) => {
        order.push(job.data.n);
        assert.ok(Date.now() >= begin + job.data.delay);
    }, { connection }));
    await times(3, w, "completed");
    assert.deepEqual(order, [2, 3, 1]);

    await w.pause();
    order.length = 0;
    for (const priority of [7, 2, 9, 1]) {
        await later.add("p", { n: priority, delay: 0 }, { priority });
    }
    const done = times(4, w, "completed");
    w.resume();
    await done;
    assert.deepEqual(order, [1, 2, 7, 9]);
});

await test("a worker is limited in its rate", async () => {
    const slow = keep(new Queue("slow", { connection }));
    const at = [];
    const w = keep(new Worker("slow", async () => { at.push(Date.now()); },
                              { connection, limiter: { max: 2,
                                                       duration: 300 } }));
    await slow.addBulk([...Array(6).keys()].map((n) => ({ name: "s",
                                                          data: { n } })));
    await times(6, w, "completed");
    assert.ok(at[5] - at[0] >= 550, `${at[5] - at[0]} ms`);
});

await test("a worker that is told to slow down", async () => {
    const full = keep(new Queue("full", { connection }));
    let tries = 0;
    const w = keep(new Worker("full", async () => {
        if (++tries === 1) {
            await full.rateLimit(200);
            throw new RateLimitError();
        }
        return tries;
    }, { connection, limiter: { max: 100, duration: 1000 } }));
    await full.add("one", {});
    assert.equal((await times(1, w, "completed"))[0][1], 2);
});

await test("jobs are tried again after a while", async () => {
    const again = keep(new Queue("again", { connection }));
    const w = keep(new Worker("again", async (job) => {
        if (job.attemptsMade < 2) throw new Error(`try ${job.attemptsMade}`);
        return job.attemptsMade;
    }, { connection }));
    const done = times(1, w, "completed");
    await again.add("one", {}, { attempts: 3,
                                 backoff: { type: "fixed", delay: 50 } });
    assert.equal((await done)[0][1], 2);
});

await test("flows: parents wait for children in several queues", async () => {
    const flow = keep(new FlowProducer({ connection }));
    const events = keep(new QueueEvents("top", { connection }));
    await events.waitUntilReady();
    keep(new Worker("left", async (job) => job.data.n, { connection }));
    keep(new Worker("right", async (job) => {
        const values = Object.values(await job.getChildrenValues());
        return job.data.n + values.reduce((a, b) => a + b, 0);
    }, { connection }));
    keep(new Worker("top", async (job) => {
        const values = Object.values(await job.getChildrenValues());
        return values.sort((a, b) => a - b);
    }, { connection }));

    const tree = await flow.add({ name: "top", queueName: "top", data: {},
        children: [
            { name: "a", queueName: "left", data: { n: 1 } },
            { name: "b", queueName: "right", data: { n: 10 }, children: [
                { name: "c", queueName: "left", data: { n: 2 } },
                { name: "d", queueName: "left", data: { n: 3 } },
            ] },
        ] });
    assert.deepEqual(await tree.job.waitUntilFinished(events, 60_000), [1, 15]);
});

await test("a scheduler makes jobs over and over", async () => {
    const clock = keep(new Queue("clock", { connection }));
    const w = keep(new Worker("clock", async (job) => job.name, { connection }));
    const ticks = times(3, w, "completed");
    await clock.upsertJobScheduler("tick", { every: 100 }, { name: "tick" });
    assert.deepEqual((await ticks).map(([job]) => job.name),
                     ["tick", "tick", "tick"]);
    assert.equal(await clock.removeJobScheduler("tick"), true);
});

await test("a job whose worker has gone is done by another", async () => {
    const stall = keep(new Queue("stall", { connection }));
    const options = { connection, lockDuration: 200, stalledInterval: 200 };
    const gone = new Worker("stall", null, { ...options, autorun: false,
                                             skipStalledCheck: true });
    const added = await stall.add("one", {});
    const job = await gone.getNextJob("gone", { block: false });
    assert.equal(job.id, added.id);
    await gone.close(true);

    const w = keep(new Worker("stall", async () => "done", options));
    assert.equal((await times(1, w, "completed"))[0][1], "done");
});

await Promise.all(open.map((one) => one.close()));
await worker.close();
await queue.close();
redis.disconnect();
done();
process.exit();
