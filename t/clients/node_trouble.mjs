// What goes wrong for npm's redis, of any line, and how it goes on:
// node node_trouble.mjs PACKAGE PORT TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import { restart, test, until, done } from "./tap.mjs";

const [name, port, token] = process.argv.slice(2);
const { createClient } = await import(name);
const is4 = name.endsWith("-4");


function make(RESP, options = {}) {
    const client = createClient({
        url: `redis://default:${token}@127.0.0.1:${port}/${options.db ?? 0}`,
        ...is4 ? {} : { RESP }, ...options,
    });

    client.errors = [];
    client.ready = 0;
    client.on("error", (e) => client.errors.push(e));
    client.on("ready", () => client.ready++);

    return client;
}

const connect = (...args) => make(...args).connect();
const close = (client) => is4 ? client.quit() : client.close();
const destroy = (client) => is4 ? client.disconnect().catch(() => {})
                               : client.isOpen && client.destroy();


for (const RESP of is4 ? [2] : [2, 3]) {
    const is = (what, code) => test(`${name}, RESP${RESP}: ${what}`, code);
    const redis = await connect(RESP);

    await redis.flushAll();

    await is("values of each type", async () => {
        assert.equal(await redis.set("s", "grüße", { EX: 100, NX: true }),
                     "OK");
        assert.equal(await redis.set("s", "x", { NX: true }), null);
        assert.equal(await redis.get("s"), "grüße");
        assert.ok(await redis.ttl("s") > 90);
        await redis.hSet("h", { a: "1", b: "2" });
        assert.deepEqual({ ...await redis.hGetAll("h") }, { a: "1", b: "2" });
        assert.equal(await redis.hIncrBy("h", "a", 4), 5);
        await redis.zAdd("z", [{ score: 1, value: "one" },
                               { score: 2.5, value: "two" }]);
        assert.deepEqual(await redis.zRangeWithScores("z", 0, -1),
                         [{ value: "one", score: 1 },
                          { value: "two", score: 2.5 }]);
        assert.deepEqual(await redis.zRangeByScore("z", 2, "+inf"), ["two"]);
        await redis.sAdd("set", ["x", "y"]);
        assert.equal(Number(await redis.sIsMember("set", "x")), 1);
        const id = await redis.xAdd("x", "*", { f: "v" });
        assert.deepEqual((await redis.xRange("x", "-", "+")).map((m) => m.id),
                         [id]);
        await redis.geoAdd("g", { longitude: 13.4, latitude: 52.5,
                                  member: "Berlin" });
        assert.deepEqual(await redis.geoSearch("g",
            { longitude: 13, latitude: 52 }, { radius: 100, unit: "km" }),
            ["Berlin"]);
        assert.equal(await redis.type("z"), "zset");
        assert.equal(await redis.del(["s", "h", "z", "set", "x", "g"]), 6);
    });

    await is("a script, and one that is known", async () => {
        const script = { keys: ["k"], arguments: ["7"] };
        assert.equal(await redis.eval(
            "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', " +
            "KEYS[1])", script), "7");
        const sha = await redis.scriptLoad("return #ARGV");
        assert.equal(await redis.evalSha(sha, script), 1);
        await assert.rejects(redis.evalSha("0".repeat(40), script),
                             /NOSCRIPT/);
    });

    await is("an error of one command leaves the others", async () => {
        const [a, b, c] = await Promise.allSettled([
            redis.set("n", "text"), redis.incr("n"), redis.get("n")]);
        assert.equal(a.value, "OK");
        assert.equal(b.reason.message,
                     "ERR value is not an integer or out of range");
        assert.equal(c.value, "text");

        const result = await redis.multi().set("n", "1").lPush("n", "x")
            .incr("n").exec().catch((e) => e.replies);
        assert.equal(result[0], "OK");
        assert.match(result[1].message, /^WRONGTYPE/);
        assert.equal(result[2], 2);
    });

    await is("the name and the library are known", async () => {
        const named = await connect(RESP, { name: "worker-1" });
        assert.equal(await named.clientGetName(), "worker-1");
        const line = await named.sendCommand(["CLIENT", "INFO"]);
        assert.match(line, / name=worker-1 /);

        // Redis knows lib-name since 7.2
        if (!is4 && /lib-name=/.test(line)) {
            assert.match(line, / lib-name=node-redis lib-ver=[56]\.\d+\.\d+/);
        }

        if (process.env.KS_SERVER === "keyspace") {
            assert.match(line, / lib-name=/);
        }

        await close(named);
    });

    await is("another database", async () => {
        const second = await connect(RESP, { db: 1 });
        await second.set("only", "here");
        assert.equal(await redis.get("only"), null);
        await second.select(0);
        assert.equal(await second.get("only"), null);
        assert.equal(await second.get("n"), "2");
        await second.select(1);
        assert.equal(await second.get("only"), "here");
        await assert.rejects(second.select(2),
                             /DB index is out of range/);
        await second.flushDb();
        await close(second);
        await assert.rejects(connect(RESP, {
            db: 7, socket: { reconnectStrategy: false } }),
            /DB index is out of range/);
    });

    await is("a wrong password, and none", async () => {
        for (const [password, error] of [["wrong", /WRONGPASS/],
                                         [undefined, /NOAUTH/]]) {
            const client = createClient({
                url: `redis://127.0.0.1:${port}`, password,
                ...is4 ? {} : { RESP }, socket: { reconnectStrategy: false },
            });
            client.on("error", () => {});
            await assert.rejects(
                client.connect().then(() => client.get("n")), error);
            destroy(client);
        }
    });

    await is("a client that is killed comes back", async () => {
        const victim = await connect(RESP);
        const id = await victim.clientId();
        assert.equal(await redis.sendCommand(["CLIENT", "KILL", "ID",
                                              String(id)]), 1);
        await until(() => victim.ready === 2);
        assert.equal(await victim.get("n"), "2");
        assert.notEqual(await victim.clientId(), id);
        await close(victim);
    });

    await is("a subscriber goes on when the server is started anew",
             async () => {
        const subscriber = await connect(RESP);
        const seen = [];
        await subscriber.subscribe("news", (m) => seen.push(m));
        await subscriber.pSubscribe("ne*", (m) => seen.push(`p ${m}`));
        await redis.publish("news", "before");
        await until(() => seen.length === 2);
        await redis.set("kept", "value");

        await restart();
        await until(() => subscriber.ready >= 2 && redis.ready >= 2);
        assert.equal(await redis.get("kept"), "value");

        // who subscribes anew may do so a moment later
        await until(async () => {
            await redis.publish("news", "after");
            return seen.includes("after") && seen.includes("p after");
        });
        await close(subscriber);
    });

    await is("commands that are sent meanwhile are not lost", async () => {
        const writer = await connect(RESP);
        let going = true;
        let good = 0;
        let lost = 0;

        const writing = (async () => {
            while (going) {
                await writer.incr("meanwhile").then(() => good++,
                                                    () => lost++);
            }
        })();

        await until(() => good > 10);
        await restart();
        const then = good;
        await until(() => good > then + 10);
        going = false;
        await writing;

        const n = Number(await writer.get("meanwhile"));
        assert.ok(n >= good && n <= good + lost, `${good} ${n} ${lost}`);
        await close(writer);
    });

    await close(redis);
}

done();
