// express with express-session over connect-redis, and with express-rate-limit
// over rate-limit-redis: node express.mjs PORT TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import express from "express";
import session from "express-session";
import { rateLimit } from "express-rate-limit";
import { RedisStore } from "connect-redis";
import { RedisStore as LimitStore } from "rate-limit-redis";
import { restart, test, until, done } from "./tap.mjs";

const [port, token] = process.argv.slice(2);
const clients = [];

for (const name of ["redis", "redis-5", "redis-4"]) {
    const { createClient } = await import(name);
    const client = createClient({ url: `redis://:${token}@127.0.0.1:${port}` });
    client.on("error", () => {});
    await client.connect();
    clients.push([name, client]);
}

const { Redis } = await import("ioredis");
const io = new Redis({ port: Number(port), host: "127.0.0.1",
                       password: token });
io.on("error", () => {});
await io.flushall();


// A server, as long as the code runs that has its address.
async function serve(app, code) {
    const server = app.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));

    try {
        await code(`http://127.0.0.1:${server.address().port}`);
    } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
    }
}


function shop(client, options = {}) {
    const store = new RedisStore({ client, prefix: "sess:", ttl: 600,
                                   ...options });
    const app = express();

    app.use(session({ store, secret: "s", resave: false,
                      saveUninitialized: false }));
    app.get("/count", (req, res) => {
        req.session.n = (req.session.n ?? 0) + 1;
        res.json(req.session.n);
    });
    app.get("/logout", (req, res) => req.session.destroy(() => res.json("bye")));
    app.get("/renew", (req, res) => {
        const { n } = req.session;
        req.session.regenerate(() => {
            req.session.n = n;
            res.json(n);
        });
    });
    app.use((error, req, res, next) => res.status(500).json(error.message));

    return [app, store];
}

const promised = (store, name, ...args) => new Promise((resolve, reject) =>
    store[name](...args, (e, v) => e ? reject(e) : resolve(v)));


// connect-redis is for node-redis from 5 on
for (const [name, client] of clients.slice(0, 2)) {
    await test(`connect-redis over ${name}: a session`, async () => {
        const [app, store] = shop(client);

        await serve(app, async (url) => {
            const first = await fetch(`${url}/count`);
            let cookie = first.headers.get("set-cookie").split(";")[0];
            const get = async (path) =>
                (await fetch(url + path, { headers: { cookie } })).json();

            assert.equal(await first.json(), 1);
            assert.equal(await get("/count"), 2);
            assert.equal(await (await fetch(`${url}/count`)).json(), 1);
            assert.equal(await promised(store, "length"), 2);
            assert.equal((await promised(store, "ids")).length, 2);
            assert.deepEqual((await promised(store, "all")).map((s) => s.n)
                .sort(), [1, 2]);

            const id = decodeURIComponent(cookie).match(/s:([^.]+)/)[1];
            const ttl = await io.ttl(`sess:${id}`);
            assert.ok(ttl > 590 && ttl <= 600, String(ttl));

            const renewed = await fetch(`${url}/renew`, { headers: { cookie } });
            cookie = renewed.headers.get("set-cookie").split(";")[0];
            assert.equal(await io.exists(`sess:${id}`), 0);
            assert.equal(await get("/count"), 3);

            assert.equal(await get("/logout"), "bye");
            assert.equal(await get("/count"), 1);
            await promised(store, "clear");
            assert.equal(await promised(store, "length"), 0);
        });
    });
}

await test("a session lasts when the server is started anew", async () => {
    const [name, client] = clients[0];
    const [app] = shop(client, { disableTouch: true });
    let readies = 0;

    client.on("ready", () => readies++);

    await serve(app, async (url) => {
        const first = await fetch(`${url}/count`);
        const cookie = first.headers.get("set-cookie").split(";")[0];

        await restart();
        await until(() => readies);
        const again = await fetch(`${url}/count`, { headers: { cookie } });
        assert.equal(await again.json(), 2, name);
    });
});

const senders = [
    ...clients.map(([name, c]) => [name, (...args) => c.sendCommand(args)]),
    ["ioredis", (command, ...args) => io.call(command, ...args)],
];

for (const [name, sendCommand] of senders) {
    await test(`rate-limit-redis over ${name}`, async () => {
        const store = new LimitStore({ sendCommand, prefix: `rl:${name}:` });
        const app = express();

        app.use(rateLimit({ windowMs: 60_000, limit: 3, store,
                            standardHeaders: "draft-7", legacyHeaders: false,
                            keyGenerator: (req) => req.query.who }));
        app.get("/", (req, res) => res.json("fine"));

        await serve(app, async (url) => {
            const ask = (who) => fetch(`${url}/?who=${who}`);
            const states = [];

            for (let i = 0; i < 4; i++) {
                states.push((await ask("a")).status);
            }

            assert.deepEqual(states, [200, 200, 200, 429]);

            const other = await ask("b");
            assert.match(other.headers.get("ratelimit"),
                         /limit=3, remaining=2, reset=(60|59|58)/);

            const { totalHits, resetTime } = await store.get("a");
            assert.equal(totalHits, 4);
            assert.ok(resetTime.getTime() > Date.now() + 50_000);
            await store.decrement("a");
            assert.equal((await store.get("a")).totalHits, 3);
            await store.resetKey("a");
            assert.equal((await ask("a")).status, 200);

            // its scripts are sent anew when they are forgotten
            await io.script("FLUSH");
            assert.equal((await ask("a")).status, 200);
        });
    });
}

await Promise.all(clients.map(([name, c]) => name === "redis-4" ? c.quit()
                                                                : c.close()));
io.disconnect();
done();
