// socket.io with @socket.io/redis-adapter against the module: two servers that
// know of each other by publish/subscribe only, with a client of each.
// node socket_io.mjs PORT TOKEN
// Prints TAP.

import { createServer } from "node:http";
import assert from "node:assert/strict";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { hears, until } from "./listen.mjs";
import { test, done } from "./tap.mjs";

const [port, token] = process.argv.slice(2);


function withIoredis() {
    const client = new Redis({ host: "127.0.0.1", port: Number(port),
                               password: token });

    return { client, end: () => client.quit() };
}


async function withNodeRedis() {
    const client = await createClient({
        url: `redis://127.0.0.1:${port}`, password: token,
    }).connect();

    return { client, end: () => client.close() };
}


// A server with its adapter, and a client that is connected to it.
async function start(connect, adapter) {
    const ends = [await connect(), await connect()];
    const http = createServer();
    const server = new Server(http, {
        adapter: adapter(ends[0].client, ends[1].client),
    });

    server.on("connection", (socket) => {
        socket.on("join", (room, reply) => {
            socket.join(room);
            reply();
        });
        socket.on("say", (room, text) => socket.to(room).emit("said", text));
        socket.on("ask", (text, reply) => reply(`${text}!`));
    });

    await new Promise((r) => http.listen(0, "127.0.0.1", r));

    const client = io(`http://127.0.0.1:${http.address().port}`,
                      { transports: ["websocket"] });
    const heard = [];

    client.on("said", (text) => heard.push(text));
    await new Promise((r) => client.once("connect", r));

    return { server, client, heard, redis: ends[0].client, end: async () => {
        client.close();
        await new Promise((r) => server.close(r));
        await Promise.all(ends.map((e) => e.end()));
    } };
}


for (const [name, connect, adapter] of [
    ["over ioredis", withIoredis, createAdapter],
    ["over npm's redis", withNodeRedis, createAdapter],
    ["sharded, over npm's redis", withNodeRedis, createShardedAdapter],
]) {
    const is = (what, code) => test(`${name}: ${what}`, code);
    const a = await start(connect, adapter);
    const b = await start(connect, adapter);
    const both = [a, b];

    const expect = async (side, ...want) => {
        await hears(side.heard, want);
        side.heard.length = 0;
    };

    // The sharded adapter has a channel for each room, and says that a socket
    // has joined before it listens there.
    const listens = (room) => adapter === createAdapter ||
        until(`there is a channel for ${room}`, async () =>
            (await a.redis.sendCommand(["PUBSUB", "SHARDCHANNELS",
                                        `*#${room}#`])).length === 1);

    await is("the servers know of each other", () =>
        until("two servers", async () =>
            await a.server.of("/").adapter.serverCount() === 2
            && await b.server.of("/").adapter.serverCount() === 2));

    await is("a broadcast is heard at both", async () => {
        a.server.emit("said", "grüße\r\n");
        await expect(a, "grüße\r\n");
        await expect(b, "grüße\r\n");
    });

    await is("many, in their order", async () => {
        const all = Array.from({ length: 500 }, (_, i) => i);

        all.forEach((i) => a.server.emit("said", i));
        await expect(b, ...all);
        await expect(a, ...all);
    });

    await is("bytes", async () => {
        b.server.emit("said", Buffer.from([0, 255, 13, 10]));
        await until("they come", () => a.heard.length && b.heard.length);
        assert.deepEqual([...a.heard[0]], [0, 255, 13, 10]);
        a.heard.length = b.heard.length = 0;
    });

    await is("a room is told, and nobody else", async () => {
        await new Promise((r) => b.client.emit("join", "tea", r));
        await listens("tea");
        a.server.to("tea").emit("said", "to tea");
        a.server.emit("said", "to all");
        await expect(b, "to tea", "to all");
        await expect(a, "to all");
    });

    await is("a client speaks to a room of the other server", async () => {
        a.client.emit("say", "tea", "from a");
        await expect(b, "from a");
        assert.deepEqual(a.heard, []);
    });

    await is("what is said to one socket", async () => {
        a.server.to(b.client.id).emit("said", "only b");
        await expect(b, "only b");
    });

    await is("all sockets, and their rooms", async () => {
        const sockets = await a.server.fetchSockets();

        assert.deepEqual(sockets.map((s) => s.id).sort(),
                         [a.client.id, b.client.id].sort());
        assert.deepEqual((await a.server.in("tea").fetchSockets())
                             .map((s) => s.id), [b.client.id]);
    });

    await is("a server has the other's sockets join and leave", async () => {
        a.server.in(b.client.id).socketsJoin("coffee");
        await until("it has joined", async () =>
            (await b.server.in("coffee").fetchSockets()).length === 1);
        await listens("coffee");
        a.server.to("coffee").emit("said", "coffee");
        await expect(b, "coffee");
        a.server.in(b.client.id).socketsLeave("coffee");
        await until("it has left", async () =>
            (await a.server.in("coffee").fetchSockets()).length === 0);
    });

    await is("a server asks the other one", async () => {
        b.server.on("sum", (x, y, reply) => reply(x + y));
        assert.deepEqual(await a.server.serverSideEmitWithAck("sum", 2, 3),
                         [5]);
    });

    await is("all clients are asked", async () => {
        both.forEach((s) => s.client.on("where", (reply) =>
            reply(s === a ? "a" : "b")));
        assert.deepEqual(
            (await a.server.timeout(20000).emitWithAck("where")).sort(),
            ["a", "b"]);
    });

    await is("a server ends a socket of the other", async () => {
        const gone = new Promise((r) => b.client.once("disconnect", r));

        a.server.in(b.client.id).disconnectSockets();
        assert.equal(await gone, "io server disconnect");
        await until("none but its own is left", async () =>
            (await a.server.fetchSockets()).length === 1);
    });

    await b.end();

    await is("one goes", () =>
        until("one server", async () =>
            await a.server.of("/").adapter.serverCount() === 1));

    await a.end();
}


done();

// its timers run on
process.exit();
