// bee-queue against the module: node bee_queue.mjs PORT TOKEN
// Prints TAP.

import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { until } from "./listen.mjs";
import { test, done } from "./tap.mjs";

const Queue = createRequire(import.meta.url)("bee-queue");

const [port, token] = process.argv.slice(2);
const redis = { host: "127.0.0.1", port: Number(port), password: token };
const queues = [];


function queue(name, options = {}) {
    const q = new Queue(name, { redis, ...options });

    q.on("error", () => {});
    queues.push(q);
    return q;
}


// What a job of a queue comes to.
const result = (job) => new Promise((succeeded, failed) => {
    job.on("succeeded", succeeded);
    job.on("failed", failed);
});


// The same of a job that is saved now, and done by a worker that begins behind
// that: bee-queue does not hear what is told of a job before it knows its id.
async function done_by(worker, job, code) {
    const outcome = result(job);

    outcome.catch(() => {});
    await job.save();
    worker.process(code);

    return await outcome;
}


await test("a job is done by another, who tells its result", async () => {
    const producer = queue("one", { isWorker: false });
    const worker = queue("one");

    assert.equal(await done_by(worker, producer.createJob({ x: 2, y: 3 }),
                               async (job) => job.data.x + job.data.y), 5);
    assert.deepEqual(await producer.checkHealth(),
                     { waiting: 0, active: 0, succeeded: 1, failed: 0,
                       delayed: 0, newestJob: 1 });
});


await test("many jobs, by several workers, each once", async () => {
    const n = 300;
    const seen = [];
    const producer = queue("many", { isWorker: false });

    const jobs = Array.from({ length: n }, (_, i) =>
        producer.createJob({ i }));
    const results = Promise.all(jobs.map(result));

    await producer.saveAll(jobs);

    for (let i = 0; i < 4; i++) {
        queue("many").process(5, async (job) => {
            seen.push(job.data.i);
            return job.data.i * 2;
        });
    }

    assert.deepEqual(await results, jobs.map((j) => j.data.i * 2));
    assert.deepEqual(seen.sort((x, y) => x - y), jobs.map((j) => j.data.i));
});


await test("progress is told", async () => {
    const producer = queue("progress", { isWorker: false });
    const heard = [];

    const job = producer.createJob({});

    job.on("progress", (p) => heard.push(p.done));

    await done_by(queue("progress"), job, async (job) => {
        job.reportProgress({ done: 1 });
        job.reportProgress({ done: 2 });
        await until("it is told", () => heard.length === 2);
    });
    assert.deepEqual(heard, [1, 2]);
});


await test("one that fails is tried again", async () => {
    const producer = queue("fails", { isWorker: false });
    const other = queue("never", { isWorker: false });
    let tries = 0;

    assert.equal(await done_by(queue("fails"),
                               producer.createJob({}).retries(2), async () => {
        if (++tries < 3) {
            throw new Error(`try ${tries}`);
        }

        return "at last";
    }), "at last");

    await assert.rejects(done_by(queue("never"), other.createJob({}),
                                 async () => { throw new Error("try 1"); }),
                         /try 1/);
    assert.equal((await producer.checkHealth()).failed, 0);
    assert.equal((await other.checkHealth()).failed, 1);
});


await test("one that is to be done later", async () => {
    const worker = queue("later", { activateDelayedJobs: true });
    const due = Date.now() + 300;

    assert.ok(await done_by(worker, worker.createJob({}).delayUntil(due),
                            async () => Date.now()) >= due);
});


await test("jobs are found, and taken away", async () => {
    const q = queue("kept", { isWorker: false });
    const job = await q.createJob({ text: "grüße" }).setId("own").save();

    assert.equal(job.id, "own");
    assert.equal(await q.createJob({}).setId("own").save()
                        .then((j) => j.id), null);
    assert.equal((await q.getJob("own")).data.text, "grüße");
    assert.equal((await q.getJobs("waiting", { start: 0, end: 10 })).length, 1);
    await q.removeJob("own");
    assert.equal(await q.getJob("own"), null);
    await q.destroy();
});


await test("stalled ones are taken on", async () => {
    const dead = queue("stalled", { stallInterval: 100 });
    let began;
    const begun = new Promise((r) => (began = r));

    dead.process(() => new Promise(began));

    const job = await dead.createJob({}).save();

    await begun;
    await dead.close(0).catch(() => {});

    const worker = queue("stalled", { stallInterval: 100 });

    worker.process(async () => "done by another");
    await until("it is seen", async () => {
        await worker.checkStalledJobs();
        return (await worker.checkHealth()).succeeded === 1;
    });
    assert.equal((await worker.getJob(job.id)).status, "succeeded");
});


await Promise.all(queues.map((q) => q.close(5000).catch(() => {})));
done();
