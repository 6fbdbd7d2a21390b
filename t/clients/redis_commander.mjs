// redis-commander, a browser of keys, started as people start it, and asked by
// HTTP for all that its page asks for: node redis_commander.mjs PORT TOKEN
// Prints TAP.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { Redis } from "ioredis";
import { test, until, done } from "./tap.mjs";

const [port, token] = process.argv.slice(2);
const redis = new Redis({ port: Number(port), host: "127.0.0.1",
                          password: token });
const id = `R:127.0.0.1:${port}:0`;

await redis.flushall();


function freePort() {
    return new Promise((resolve) => {
        const server = createServer();
        server.listen(0, "127.0.0.1", () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

const web = await freePort();
const child = spawn("node", [
    createRequire(import.meta.url).resolve("redis-commander/bin/redis-commander.js"),
    "--redis-host", "127.0.0.1", "--redis-port", port,
    "--redis-password", token, "--address", "127.0.0.1", "--port", String(web),
    "--nosave",
], { stdio: "ignore" });


async function ask(path, method = "GET", body = undefined) {
    const r = await fetch(`http://127.0.0.1:${web}${path}`, {
        method, body: body && new URLSearchParams(body).toString(),
        headers: body ? { "content-type": "application/x-www-form-urlencoded" }
                      : {},
    });
    const text = await r.text();

    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

const key = (name) => ask(`/apiv1/key/${id}/${encodeURIComponent(name)}`);
const cli = async (cmd) => {
    const reply = await ask(`/apiv1/exec/${id}`, "POST", { cmd });
    return reply?.data ?? reply;
};

const post = (path, body) => ask(`/apiv2${path}`, "POST",
                                 { connectionId: id, ...body });

try {
    await test("it starts and connects", async () => {
        await until(() => ask("/apiv2/connection").catch(() => false));
        await until(async () =>
            (await ask("/connections")).connections[0]?.conId === id);
        const { data: [server] } = await ask("/apiv2/server/info");
        const info = Object.fromEntries(server.info.map((i) => [i.key,
                                                                i.value]));
        assert.match(info["Redis version"], /^7\./);
        assert.equal(info["Connected clients"] > 0, true);
        assert.match(await ask("/"), /Redis Commander/);
    });

    await test("keys are made", async () => {
        const make = (name, body) => ask(`/apiv2/key/${id}/${name}`, "POST",
                                         body);
        await make("app:text", { keyType: "string", stringValue: "grüße" });
        await make("app:list", { keyType: "list", stringValue: "one" });
        await make("app:set", { keyType: "set", stringValue: "a" });
        await make("app:zset", { keyType: "zset", keyScore: "2",
                                 stringValue: "m" });
        await make("app:hash", { keyType: "hash", fieldName: "f",
                                 stringValue: "v" });
        await make("app:stream", { keyType: "stream", keyTimestamp: "*",
                                   fieldValue: "f", stringValue: "v" });
        assert.equal(await redis.get("app:text"), "grüße");
        assert.equal(await redis.dbsize(), 6);
        assert.equal(await redis.xlen("app:stream"), 1);
    });

    await test("the tree", async () => {
        await redis.set("top", "x");
        const top = await ask(`/apiv2/keystree/${id}`);
        assert.deepEqual(top.data.map((k) => k.text ?? k.data).sort(),
                         ["app:* (6)", "top"]);
        const { data } = await ask(`/apiv2/keystree/${id}/app:`);
        assert.deepEqual(Object.fromEntries(data.map((k) => [k.keyName, k.rel])),
            { text: "string", list: "list", set: "set", zset: "zset",
              hash: "hash", stream: "stream" });
        assert.deepEqual((await ask(`/apiv2/keys/${id}/app:*`)).data.length, 6);
    });

    await test("a look at a key of each type", async () => {
        await redis.expire("app:text", 1000);
        const text = await key("app:text");
        assert.equal(text.type, "string");
        assert.equal(text.value, "grüße");
        assert.ok(text.ttl > 990);
        assert.equal((await key("app:list")).items[0].value, "one");
        assert.deepEqual((await key("app:set")).members, ["a"]);
        assert.equal((await key("app:zset")).items[0].score, "2");
        assert.deepEqual((await key("app:hash")).data, { f: "v" });
        assert.equal((await key("app:stream")).type, "stream");
        assert.equal((await key("none")).type, "none");
    });

    await test("keys are changed", async () => {
        await post("/list/value", { key: "app:list", value: "two",
                                    type: "rpush" });
        await post("/list/value/edit", { key: "app:list", index: "0",
                                         value: "first" });
        assert.deepEqual(await redis.lrange("app:list", 0, -1),
                         ["first", "two"]);
        await post("/list/value/delete", { key: "app:list", index: "0" });
        assert.deepEqual(await redis.lrange("app:list", 0, -1), ["two"]);

        await post("/set/member", { key: "app:set", value: "b" });
        await post("/set/member/edit", { key: "app:set", value: "c",
                                         oldValue: "b" });
        await post("/set/member/delete", { key: "app:set", value: "a" });
        assert.deepEqual(await redis.smembers("app:set"), ["c"]);

        await post("/zset/member", { key: "app:zset", score: "5",
                                     value: "n" });
        await post("/zset/member/edit", { key: "app:zset", score: "7",
                                          value: "o", oldValue: "n" });
        await post("/zset/member/delete", { key: "app:zset", value: "m" });
        assert.deepEqual(await redis.zrange("app:zset", 0, -1, "WITHSCORES"),
                         ["o", "7"]);

        await post("/hash/field", { key: "app:hash", field: "g",
                                    value: "w" });
        await post("/hash/field/delete", { key: "app:hash", field: "f" });
        assert.deepEqual(await redis.hgetall("app:hash"), { g: "w" });
        assert.equal((await ask(`/apiv2/hash/key/${id}/app:hash?field=g`)).data,
                     "w");

        const [[entry]] = await redis.xrange("app:stream", "-", "+");
        await post("/xset/member", { key: "app:stream", timestamp: "*",
                                     field: "k", value: "x" });
        await post("/xset/member/delete", { key: "app:stream",
                                            timestamp: entry });
        assert.deepEqual((await redis.xrange("app:stream", "-", "+"))[0][1],
                         ["k", "x"]);
    });

    await test("its command line", async () => {
        assert.equal(await cli("SET cli 'two words'"), "OK");
        assert.equal(await cli("GET cli"), "two words");
        assert.equal(await cli("INCR cli"),
                     "ERR value is not an integer or out of range");
        assert.deepEqual(await cli("MGET cli none"), ["two words", null]);
        assert.equal(await cli("DBSIZE"), 8);
        assert.match(String(await cli("INFO server")), /redis_version:7/);
        assert.match(String(await cli("NOSUCH x")),
                     /unknown command|not supported|is not a function/i);
        assert.ok((await ask("/apiv2/redisCommands")).data.length > 100);
    });

    await test("keys are renamed and deleted", async () => {
        await ask(`/apiv2/key/${id}/cli`, "PATCH", { key: "renamed" });
        assert.equal(await redis.get("renamed"), "two words");
        await ask(`/apiv2/key/${id}/renamed?action=delete`, "POST", {});
        assert.equal(await redis.exists("renamed"), 0);
        await ask(`/apiv2/keys/${id}/app:*?action=delete`, "POST", {});
        assert.deepEqual(await redis.keys("*"), ["top"]);
    });

    await test("all is written out, and read in again", async () => {
        await redis.rpush("list", "a");
        await redis.hset("hash", "f", "v");
        const text = await ask(`/tools/export?connection=${id}&type=redis`);
        assert.match(text, /RPUSH +["']?list|LPUSH +["']?list/i);
        await redis.flushall();
        const report = await ask(`/tools/import?connection=${id}`, "POST",
                                 { data: text, connection: id });
        assert.equal(report.status, "OK");
        assert.deepEqual(await redis.lrange("list", 0, -1), ["a"]);
        assert.equal(await redis.hget("hash", "f"), "v");
        assert.equal(await redis.get("top"), "x");
    });
} finally {
    child.kill();
}

redis.disconnect();
done();
