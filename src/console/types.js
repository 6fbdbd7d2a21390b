
/*
 * --- types of values ---
 *
 * A row for each; see elementsTable() for what it has.  Where editor() is, the
 * value is shown by that.
 */

function textField(label, value = "") {
    const input = el("input", { type: "text", autocomplete: "off", value });

    return { node: labelled(label, input), input,
             get: () => toBytes(input.value.trim()) };
}


function longField(label, bytes = "") {
    return bytesField(label, bytes, { lines: 5 });
}


/* Pages by a cursor; what a reply has for an element is n of its items. */

function cursorPage(command, n, ...more) {
    return async (key, cursor = "0") => {
        const [next, items] = await run(command, key, cursor, "COUNT", PAGE,
                                        ...more);
        const rows = [];

        for (let i = 0; i < items.length; i += n) {
            rows.push({ cells: items.slice(i, i + n) });
        }

        return { rows, next: next === "0" ? null : next };
    };
}


const scanHash = cursorPage("HSCAN", 2);
const scanSet = cursorPage("SSCAN", 1);


/* "12", or nothing for a field that does not end */

function fieldTtl(ms) {
    return ms < 0 ? "" : span(ms);
}


const values = {

    string: {
        element: "value",

        editor: (key, changed) => textEditor("Value", async () => {
            const [length, bytes] = await pipeline([
                ["STRLEN", key], ["GETRANGE", key, 0, WHOLE - 1]]);

            if (bytes instanceof Error) {
                throw bytes;
            }

            return { bytes, whole: length <= WHOLE };

        }, (bytes) => run("SET", key, bytes, "KEEPTTL"), changed),

        fields: () => [longField("Value")],
        add: (key, [value]) => run("SET", key, value),
    },

    hash: {
        element: "field",
        columns: ["Field", "Value", "Ends in"],

        page: async (key, from) => {
            const page = await scanHash(key, from);

            if (page.rows.length && commands.has("hpttl")) {
                const ttls = await run("HPTTL", key, "FIELDS",
                                       page.rows.length,
                                       ...page.rows.map((r) => r.cells[0]));

                page.rows.forEach((row, i) => {
                    row.ttl = ttls?.[i] ?? -1;
                    row.cells.push(toBytes(fieldTtl(row.ttl)));
                });
            } else {
                page.rows.forEach((row) => row.cells.push(""));
            }

            return page;
        },

        fields: (row) => [
            ...row ? [] : [bytesField("Field")],
            longField("Value", row?.cells[1]),
            textField("Seconds to live; empty: with the key",
                      row?.ttl > 0 ? String(Math.ceil(row.ttl / 1000)) : ""),
        ],

        add: (key, [field, value, ttl]) => setField(key, field, value, ttl),
        edit: (key, row, [value, ttl]) =>
            setField(key, row.cells[0], value, ttl),
        remove: (key, row) => run("HDEL", key, row.cells[0]),
    },

    list: {
        element: "element",
        columns: ["#", "Value"],

        page: async (key, from = 0) => {
            const items = await run("LRANGE", key, from, from + PAGE - 1);

            return {
                rows: items.map((item, i) => ({
                    cells: [String(from + i), item],
                })),
                next: items.length < PAGE ? null : from + PAGE,
            };
        },

        fields: (row) => {
            const value = longField("Value", row?.cells[1]);

            if (row) {
                return [value];
            }

            const end = select([["RPUSH", "The end"], ["LPUSH", "The head"]]);

            return [value, { node: labelled("At", end), input: end,
                             get: () => end.value }];
        },

        add: (key, [value, end]) => run(end, key, value),
        edit: (key, row, [value]) => run("LSET", key, row.cells[0], value),

        /* by its place: what stands there becomes a mark, which is removed */

        remove: (key, row) => {
            const mark = `deleted ${crypto.getRandomValues(
                new Uint32Array(4)).join("-")}`;

            return transaction(["LSET", key, row.cells[0], mark],
                               ["LREM", key, 1, mark]);
        },
    },

    set: {
        element: "member",
        columns: ["Member"],
        page: scanSet,
        fields: (row) => [longField("Member", row?.cells[0])],
        add: (key, [member]) => run("SADD", key, member),
        edit: (key, row, [member]) => transaction(
            ["SREM", key, row.cells[0]], ["SADD", key, member]),
        remove: (key, row) => run("SREM", key, row.cells[0]),
    },

    zset: {
        element: "member",
        columns: ["Member", "Score"],

        page: async (key, from = 0) => {
            const items = await run("ZRANGE", key, from, from + PAGE - 1,
                                    "WITHSCORES");
            const rows = [];

            for (let i = 0; i < items.length; i += 2) {
                rows.push({ cells: [items[i], String(items[i + 1])] });
            }

            return { rows, next: rows.length < PAGE ? null : from + PAGE };
        },

        fields: (row) => [
            ...row ? [] : [longField("Member")],
            textField("Score", row?.cells[1] ?? "0"),
        ],

        add: (key, [member, score]) => run("ZADD", key, score, member),
        edit: (key, row, [score]) => run("ZADD", key, "XX", score,
                                         row.cells[0]),
        remove: (key, row) => run("ZREM", key, row.cells[0]),
    },

    stream: {
        element: "entry",
        columns: ["Id", "Fields"],

        editor: (key, changed) => {
            const table = elementsTable(key, values.stream, changed);
            const groups = el("div");

            return {
                node: el("div", {}, table.node, groups),
                load: async () => {
                    await table.load();
                    fill(groups, await groupsOf(key));
                },
            };
        },

        page: async (key, from = "+") => {
            const entries = await run("XREVRANGE", key, from, "-", "COUNT",
                                      PAGE);
            const last = entries.at(-1)?.[0];

            return {
                rows: entries.map(([id, fields]) => ({
                    cells: [id, fields.map((text, i) =>
                        text + (i % 2 ? "  " : "=")).join("")],
                })),
                next: entries.length < PAGE ? null : `(${last}`,
            };
        },

        fields: () => [textField("Id; * makes one", "*"),
                       bytesField("Field"), longField("Value")],
        add: (key, [id, field, value]) => run("XADD", key, id, field, value),
        remove: (key, row) => run("XDEL", key, row.cells[0]),
    },

    json: {
        element: "document",
        known: () => commands.has("json.set"),

        editor: (key, changed) => textEditor("Document", async () => {
            const bytes = await run("JSON.GET", key);

            return { bytes: bytes.slice(0, WHOLE),
                     whole: bytes.length <= WHOLE };

        }, (bytes) => run("JSON.SET", key, "$", bytes), changed),

        fields: () => [longField("Document", "{}")],
        add: (key, [value]) => run("JSON.SET", key, "$", value),
    },
};


/* A field that is set ends with its key, unless it is told otherwise. */

function setField(key, field, value, ttl) {
    if (ttl === "") {
        return run("HSET", key, field, value);
    }

    if (!(Number(ttl) > 0)) {
        throw new Error("That is no time.");
    }

    return transaction(
        ["HSET", key, field, value],
        ["HPEXPIRE", key, Math.round(Number(ttl) * 1000), "FIELDS", 1, field]);
}


async function groupsOf(key) {
    const groups = (await run("XINFO", "GROUPS", key)).map(pairs);

    if (groups.length === 0) {
        return [];
    }

    return [el("h3", {}, "Groups"), plainTable(
        "Consumer groups", ["Name", "Consumers", "Pending", "Last id", "Lag"],
        groups.map((group) => [
            show(group.name), number(group.consumers), number(group.pending),
            show(group["last-delivered-id"]),
            group.lag === null ? "unknown" : number(group.lag)]))];
}
