// socket.io with its adapter of Redis streams against the module:
// node socketio_streams.mjs PORT TOKEN
// Two servers, each with a client library of its own.  Prints TAP.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io as connect } from "socket.io-client";
import { test, done } from "./tap.mjs";

const [port, token] = process.argv.slice(2);
const options = { heartbeatInterval: 200, blockTimeInMs: 500 };

const node = createClient({ url: `redis://127.0.0.1:${port}`, password: token });
await node.connect();
await node.flushAll();

const ioredis = new Redis({ port: Number(port), host: "127.0.0.1",
                            password: token });

async function serve(client) {
    const http = createServer();
    const io = new Server(http, {
        adapter: createAdapter(client, options),
        connectionStateRecovery: { maxDisconnectionDuration: 60_000 },
        pingInterval: 300, pingTimeout: 600,
    });
    await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
    return { io, url: `http://127.0.0.1:${http.address().port}` };
}

const servers = [await serve(node), await serve(ioredis)];
const clients = [];

// What has come by the name of "news" is in its list.
async function client(server, more = {}) {
    const socket = connect(server.url, { transports: ["websocket"],
                                         forceNew: true, ...more });
    socket.news = [];
    socket.on("news", (n) => socket.news.push(n));
    clients.push(socket);
    await new Promise((resolve) => socket.once("connect", resolve));
    return socket;
}

async function until(what, code) {
    for (let i = 0; i < 600; i++) {
        if (await code()) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`not in time: ${what}`);
}

const side = (socket) => servers.map(({ io }) => io.sockets.sockets.get(socket.id))
                                .find((s) => s);

await test("the servers find each other", async () => {
    for (const { io } of servers) {
        await until("two servers", async () =>
            await io.of("/").adapter.serverCount() === 2);
    }
});

const [a, b, c] = [await client(servers[0]), await client(servers[1]),
                   await client(servers[1])];

await test("to all, from each server", async () => {
    servers[0].io.emit("news", 1);
    servers[1].io.emit("news", 2);
    for (const s of [a, b, c]) {
        await until("both", () => s.news.length === 2);
        assert.deepEqual(s.news.sort(), [1, 2]);
        s.news.length = 0;
    }
});

await test("many, in their order", async () => {
    for (let n = 0; n < 500; n++) {
        servers[0].io.emit("news", n);
    }
    for (const s of [a, b, c]) {
        await until("500", () => s.news.length === 500);
        assert.deepEqual(s.news, [...Array(500).keys()]);
        s.news.length = 0;
    }
});

await test("bytes arrive as they are", async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 36]);
    servers[0].io.emit("news", { bytes });
    await until("bytes", () => b.news.length === 1);
    assert.deepEqual(Buffer.from(b.news[0].bytes), bytes);
    for (const s of [a, b, c]) s.news.length = 0;
});

await test("rooms, over both servers", async () => {
    servers[0].io.in(b.id).socketsJoin("room");
    await until("joined", () => side(b).rooms.has("room"));
    servers[0].io.to("room").emit("news", "in");
    servers[0].io.except("room").emit("news", "out");
    await until("all", () => a.news.length + b.news.length + c.news.length === 3);
    assert.deepEqual([a.news, b.news, c.news], [["out"], ["in"], ["out"]]);
    servers[0].io.in("room").socketsLeave("room");
    await until("left", () => !side(b).rooms.has("room"));
    for (const s of [a, b, c]) s.news.length = 0;
});

await test("who is there, over both servers", async () => {
    const all = await servers[0].io.fetchSockets();
    assert.deepEqual(all.map((s) => s.id).sort(), [a.id, b.id, c.id].sort());
});

await test("acknowledgements come back", async () => {
    for (const s of [a, b, c]) s.on("ask", (n, reply) => reply(n + 1));
    assert.deepEqual(await servers[1].io.timeout(20_000)
                                        .emitWithAck("ask", 4), [5, 5, 5]);
});

await test("servers speak to each other", async () => {
    servers[1].io.on("hello", (n, reply) => reply(`${n} heard`));
    assert.deepEqual(await servers[0].io.serverSideEmitWithAck("hello", "x"),
                     ["x heard"]);
});

await test("a client that was away gets what it has missed", async () => {
    servers[0].io.emit("news", "before");
    await until("before", () => c.news.length === 1);
    const id = c.id;
    c.io.engine.close();
    await until("gone", () => !side(c) && !c.connected);
    servers[0].io.emit("news", "missed 1");
    servers[1].io.emit("news", "missed 2");
    await until("back", () => c.connected);
    await until("missed", () => c.news.length === 3);
    assert.deepEqual(c.news.sort(), ["before", "missed 1", "missed 2"]);
    assert.equal(c.recovered, true);
    assert.equal(c.id, id);
});

await test("clients of both servers are sent away", async () => {
    servers[0].io.disconnectSockets(true);
    await until("away", () => servers.every(({ io }) =>
        io.sockets.sockets.size === 0));
});

await test("the stream is trimmed, and has no groups", async () => {
    const info = await node.xInfoStream("socket.io");
    assert.ok(info.length > 500);
    assert.equal(info.groups, 0);
});

for (const s of clients) s.close();
for (const { io } of servers) await io.close();
done();
process.exit();
