// ioredis and @upstash/redis as named users: node acl.mjs URL PORT
// The users are those of t/acl_clients.t.  Prints TAP.

import { Redis as Upstash } from "@upstash/redis";
import { Redis } from "ioredis";
import assert from "node:assert/strict";
import { test, done } from "./tap.mjs";

const [url, port] = process.argv.slice(2);
const common = { url, enableTelemetry: false };
const app = new Upstash({ ...common, token: "app-token" });
const reader = new Upstash({ ...common, token: "reader-token" });
const few = new Upstash({ ...common, token: "few-token", retry: false });
const options = { port: Number(port), host: "127.0.0.1",
                  maxRetriesPerRequest: 1 };
const redis = new Redis({ ...options, username: "app", password: "app-token" });

await test("@upstash/redis: keys of its own", async () => {
    assert.equal(await app.set("app:1", { a: 1 }), "OK");
    assert.deepEqual(await app.get("app:1"), { a: 1 });
    assert.equal(await app.exec(["ACL", "WHOAMI"]), "app");
});

await test("@upstash/redis: keys of others", async () => {
    await assert.rejects(app.get("other"), /NOPERM .*key/);
    await assert.rejects(app.mget("app:1", "other"), /NOPERM/);
    await assert.rejects(app.flushall(), /NOPERM .*'flushall'/);
});

await test("@upstash/redis: a pipeline in which some is denied", async () => {
    const p = app.pipeline();
    p.set("app:2", "x");
    p.get("other");
    const r = await p.exec({ keepErrors: true });
    assert.equal(r[0].result, "OK");
    assert.match(r[1].error, /NOPERM/);
});

await test("@upstash/redis: a transaction in which some is denied", async () => {
    const m = app.multi();
    m.set("app:2", "y");
    m.set("other", "y");
    await assert.rejects(m.exec(), /EXECABORT.*NOPERM/);
    assert.equal(await app.get("app:2"), "x");
});

await test("@upstash/redis: a script", async () => {
    assert.equal(await app.eval("return redis.call('GET', KEYS[1])",
                                ["app:2"], []), "x");
    await assert.rejects(app.eval("return redis.call('GET', 'other')", [], []),
                         /ACL failure in script/);
});

await test("@upstash/redis: a user that reads", async () => {
    assert.equal(await reader.get("app:2"), "x");
    await assert.rejects(reader.set("app:2", "z"), /NOPERM/);
});

await test("@upstash/redis: a user that has used up its quota", async () => {
    for (let i = 0; i < 3; i++) {
        await few.incr("few:n");
    }

    await assert.rejects(few.incr("few:n"),
                         /max daily request limit exceeded\. Limit: 3, Usage: 3/);
    assert.equal(await few.ping(), "PONG");
});

await test("@upstash/redis: no such token", async () => {
    const none = new Upstash({ ...common, token: "none", retry: false });
    await assert.rejects(none.get("app:1"), /WRONGPASS/);
});

await test("ioredis: a user and its password", async () => {
    assert.equal(await redis.acl("WHOAMI"), "app");
    assert.equal(await redis.set("app:i", "1"), "OK");
    await assert.rejects(redis.get("other"), /NOPERM/);
    await assert.rejects(redis.config("GET", "*"), /NOPERM/);
});

await test("ioredis: MULTI", async () => {
    const r = await redis.multi().incr("app:i").get("app:i").exec();
    assert.deepEqual(r, [[null, 2], [null, "2"]]);
    await assert.rejects(redis.multi().incr("app:i").get("other").exec(),
                         /EXECABORT/);
    assert.equal(await redis.get("app:i"), "2");
});

await test("ioredis: channels", async () => {
    const sub = new Redis({ ...options, username: "app",
                            password: "app-token" });
    const heard = new Promise((resolve) =>
        sub.on("message", (channel, text) => resolve([channel, text])));
    await sub.subscribe("app:news");
    await assert.rejects(sub.subscribe("news"), /NOPERM/);
    assert.equal(await redis.publish("app:news", "hi"), 1);
    assert.deepEqual(await heard, ["app:news", "hi"]);
    sub.disconnect();
});

await test("ioredis: a wrong password", async () => {
    const wrong = new Redis({ ...options, username: "app", password: "no",
                              retryStrategy: null, lazyConnect: true });
    wrong.on("error", () => {});
    await wrong.connect().catch(() => {});
    await assert.rejects(wrong.get("app:1"),
                         /WRONGPASS|NOAUTH|Connection is closed/);
    wrong.disconnect();
});

redis.disconnect();
done();
