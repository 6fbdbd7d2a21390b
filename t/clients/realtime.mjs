// @upstash/realtime against the module: node realtime.mjs URL TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import { Redis } from "@upstash/redis";
import { CursorUnavailableError, Realtime, handle } from "@upstash/realtime";
import * as z from "zod/v4";
import { test, done } from "./tap.mjs";

const [url, token] = process.argv.slice(2);
const redis = new Redis({ url, token });
const schema = { chat: { message: z.object({ n: z.number(), text: z.string() }) },
                 done: z.string() };
const realtime = new Realtime({ schema, redis, maxDurationSecs: 600,
                                history: { maxLength: 100,
                                           expireAfterSecs: 600 } });

await redis.flushall();

async function until(what, code) {
    for (let i = 0; i < 600; i++) {
        if (code()) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`not in time: ${what}`);
}

await test("what is emitted is history", async () => {
    const room = realtime.channel("room");

    for (let n = 0; n < 5; n++) {
        await room.emit("chat.message", { n, text: `grüße ${n}` });
    }
    await room.emit("done", "all");

    const all = await room.history();
    assert.deepEqual(all.map((m) => m.event), [...Array(5).fill("chat.message"),
                                               "done"]);
    assert.deepEqual(all[3].data, { n: 3, text: "grüße 3" });
    assert.equal((await room.history({ limit: 2 })).length, 2);
    assert.equal(await redis.ttl("room") > 0, true);
});

await test("what is wrong is not emitted", async () => {
    await assert.rejects(realtime.channel("room").emit("chat.message", { n: "x" }));
    assert.equal(await redis.xlen("room"), 6);
});

await test("history is cut", async () => {
    const long = realtime.channel("long");
    for (let n = 0; n < 130; n++) await long.emit("done", `t${n}`);
    const all = await long.history();
    assert.equal(all.length, 100);
    assert.equal(all[0].data, "t30");
});

await test("history and what is new, without a gap", async () => {
    const live = realtime.channel("live");
    const seen = [];
    let n = 0;

    for (; n < 20; n++) await live.emit("chat.message", { n, text: "" });

    const more = (async () => {
        for (; n < 60; n++) await live.emit("chat.message", { n, text: "" });
    })();
    const stop = await live.subscribe({ events: ["chat.message"], history: true,
        onData: (e) => seen.push(e) });
    await more;
    await until("60 events", () => seen.length >= 60);
    assert.deepEqual(seen.map((e) => e.data.n), [...Array(60).keys()]);
    stop();

    const behind = [];
    const end = await live.subscribe({ events: ["chat.message"],
        after: seen[49].cursor, onData: (e) => behind.push(e.data.n) });
    await until("10 events", () => behind.length === 10);
    assert.deepEqual(behind, [50, 51, 52, 53, 54, 55, 56, 57, 58, 59]);
    end();

    await assert.rejects(live.subscribe({ events: ["done"], after: "1-1",
                                          onData: () => {} }),
                         CursorUnavailableError);
});

await test("a response of server-sent events, resumed by its last id", async () => {
    const GET = handle({ realtime });

    async function read(last, n) {
        const stop = new AbortController();
        const r = await GET(new Request(
            `http://x/?channel=sse${last ? `&last_ack_sse=${last}` : ""}`,
            { signal: stop.signal }));
        assert.match(r.headers.get("content-type"), /text\/event-stream/);
        const events = [];
        let text = "";

        for await (const part of r.body.pipeThrough(new TextDecoderStream())) {
            text += part;
            const lines = text.split("\n\n");
            text = lines.pop();
            for (const line of lines) {
                const e = JSON.parse(line.slice("data: ".length));
                if (e.type === "connected") ready();
                // one may come twice about when it connects
                if (e.id && !events.some((x) => x.id === e.id)) events.push(e);
            }
            if (events.length >= n) break;
        }

        stop.abort();
        return events;
    }

    let ready = () => {};
    const channel = realtime.channel("sse");
    const connected = new Promise((resolve) => { ready = resolve; });
    const first = read(null, 3);
    await connected;
    for (const t of ["a", "b", "c", "d", "e"]) await channel.emit("done", t);
    const got = await first;
    assert.deepEqual(got.slice(0, 3).map((e) => e.data), ["a", "b", "c"]);

    const rest = await read(got[2].id, 2);
    assert.deepEqual(rest.map((e) => e.data), ["d", "e"]);
});

done();
process.exit();
