
/*
 * --- keys ---
 *
 * SCAN goes on as far as is looked at, and further if that is asked for.  What
 * a row says besides the name is asked for the rows that are seen.
 */

const ROW = 34;
const AHEAD = 2000;

const TYPES = ["string", "list", "set", "hash", "zset", "stream",
               "json"];

const TYPE_NAMES = { zset: "sorted set", json: "JSON" };


function typeName(type) {
    return TYPE_NAMES[type] ?? type;
}


/* A text that has no special character is looked for anywhere in the key. */

function patternOf(text) {
    if (text === "") {
        return "*";
    }

    return toBytes(/[*?[\\]/.test(text) ? text : `*${text}*`);
}


class KeyScan {

    constructor(pattern, type, told) {
        Object.assign(this, { pattern, type, told });

        this.keys = [];
        this.types = [];
        this.counts = Object.create(null);
        this.looked = 0;            /* keys that were passed, about */
        this.cursor = "0";
        this.wanted = AHEAD;
        this.done = false;
        this.running = false;
        this.stopped = false;
        this.replaced = false;      /* by that of another search */
    }

    readsAll() {
        return this.running && !this.stopped && this.wanted === Infinity;
    }

    want(n) {
        this.wanted = Math.max(this.wanted, n);

        if (!this.running && !this.stopped && !this.done
            && this.keys.length < this.wanted)
        {
            attempt(() => this.go());
        }
    }

    async go() {
        const rest = this.type ? ["TYPE", this.type] : [];

        this.running = true;
        this.stopped = false;

        try {
            while (!this.done && !this.stopped
                   && this.keys.length < this.wanted)
            {
                const [cursor, found] = await run(
                    "SCAN", this.cursor, "MATCH", this.pattern, "COUNT", AHEAD,
                    ...rest, "WITHTYPE");

                this.take(cursor, found);
                this.told();
            }

        } finally {
            this.running = false;
            this.told();
        }
    }

    take(cursor, found) {
        for (let i = 0; i < found.length; i += 2) {
            this.keys.push(found[i]);
            this.types.push(found[i + 1]);
            this.counts[found[i + 1]] = (this.counts[found[i + 1]] ?? 0) + 1;
        }

        this.looked += AHEAD;
        this.cursor = cursor;
        this.done = cursor === "0";
    }
}


function keysView(view, signal) {
    const pattern = el("input", { type: "search", spellcheck: "false",
                                  autocomplete: "off",
                                  placeholder: "user:* or a part of a name" });
    const type = select([["", "All types"], ...TYPES.map((t) =>
        [t, typeName(t)])], "");
    const state = el("p", { class: "state", role: "status" });
    const counts = el("p", { class: "counts" });
    const value = el("div", { class: "value" });
    const known = new Map();        /* what was asked of keys */
    let scan, total = 0, asking = false, lists = true, seen = [0, 0];

    /* a scan that reads for what is seen goes on to the end */

    const all = button("Read all", () => {
        if (scan.readsAll()) {
            scan.stopped = true;
            return;
        }

        scan.stopped = false;
        scan.want(Infinity);
        told();
    }, { class: "quiet" });

    const list = new VirtualList({
        label: "Keys", height: ROW, render: rowOf,
        open: (i) => openKey(scan.keys[i]),
        seen: (from, to) => {
            seen = [from, to];
            scan.want(to + AHEAD);
            attempt(askRows);
        },
    });

    function rowOf(i) {
        const about = known.get(scan.keys[i]);

        return [el("span", { class: "type" },
                   typeName(scan.types[i])),
                el("span", { class: "name" }, show(scan.keys[i])),
                el("span", { class: "ttl" }, about ? ttlOf(about[0]) : ""),
                el("span", { class: "size" }, about && about[1] !== null
                                              ? size(about[1]) : "")];
    }

    /* TTLs and sizes of the rows that are seen */

    async function askRows() {
        if (asking) {
            return;
        }

        const keys = scan.keys.slice(...seen).filter((key) => !known.has(key));

        if (keys.length === 0) {
            return;
        }

        asking = true;

        try {
            const replies = await pipeline(keys.flatMap((key) =>
                [["PTTL", key], ["MEMORY", "USAGE", key]]));

            keys.forEach((key, i) => known.set(key, replies.slice(2 * i,
                                                                  2 * i + 2)));
        } finally {
            asking = false;
        }

        if (!signal.aborted) {
            list.draw();
        }
    }

    function told() {
        const n = number(scan.keys.length);

        list.setCount(scan.keys.length);
        all.textContent = scan.readsAll() ? "Stop" : "Read all";
        all.hidden = scan.done || scan.replaced;

        state.textContent = scan.done
            ? `${n} ${scan.keys.length === 1 ? "key" : "keys"}`
            : `${n} keys found, ${number(Math.min(scan.looked, total))} of `
              + `${number(total)} read`;

        fill(counts, Object.entries(scan.counts).sort((a, b) => b[1] - a[1])
            .map(([t, n]) => el("span", { class: "type" },
                                `${typeName(t)} ${number(n)}`)));
    }

    async function search() {
        all.hidden = true;              /* it would be that of the last one */

        if (scan) {
            scan.stopped = scan.replaced = true;
        }

        total = await run("DBSIZE");
        known.clear();

        scan = new KeyScan(patternOf(pattern.value), type.value, told);
        list.active = list.chosen = -1;
        list.node.scrollTop = 0;
        told();

        try {
            await scan.go();

        } catch (e) {
            if (!/^NOPERM/.test(e.message)) {
                throw e;
            }

            openNamed();
        }
    }

    /* A token that only reads sees what it can name. */

    function openNamed() {
        lists = false;
        all.hidden = true;
        state.textContent = "This user may not list keys: search for the "
            + "whole name of one.";

        if (pattern.value !== "") {
            openKey(toBytes(pattern.value));
        }
    }

    function openKey(key) {
        known.delete(key);
        view.classList.add("opened");
        attempt(() => showValue(value, key, {
            back: () => {
                view.classList.remove("opened");
                list.node.focus();
            },
            gone: async () => {
                view.classList.remove("opened");
                fill(value, noValue());

                if (lists) {
                    await search();
                }
            },
            renamed: async (to) => {
                await search();
                openKey(to);
            },
        }));
    }

    const form = el("form", { class: "row search", role: "search", on: {
        submit: (event) => {
            event.preventDefault();
            attempt(search);
        },
    } }, labelled("Pattern", pattern, { class: "field grow" }),
    labelled("Type", type), el("button", { type: "submit", class: "main" },
                               "Search"),
    button("New key", () => newKey(async (key) => {
        await search();
        openKey(key);
    }), { write: true }));

    type.addEventListener("change", () => attempt(search));
    view.classList.add("split");
    signal.addEventListener("abort", () => {
        view.classList.remove("split", "opened");
        scan.stopped = true;
        list.watch.disconnect();
    });

    fill(view, el("section", { class: "keys card", "aria-label": "Keys" },
                  form, el("div", { class: "row" }, state, all), counts,
                  list.node),
         fill(value, noValue()));

    return search();
}


function noValue() {
    return el("p", { class: "lone" }, "Choose a key to see its value.");
}


function ttlOf(ms) {
    return ms < 0 ? "" : span(ms);
}


/* A type, a name, and what its first element has. */

function newKey(done) {
    const type = select(TYPES.filter((t) => t in values
                                            && values[t].known?.() !== false)
        .map((t) => [t, typeName(t)]), "string");
    const name = bytesField("Name");
    const place = el("div");
    let fields;

    const choose = () => {
        fields = values[type.value].fields(null);
        fill(place, fields.map((field) => field.node));
    };

    type.addEventListener("change", choose);
    choose();

    ask("New key", [
        { node: labelled("Type", type), input: type, get: () => type.value },
        name, { node: place, get: () => fields.map((field) => field.get()) },
    ], async ([of, key, rest]) => {
        if (await run("EXISTS", key)) {
            throw new Error("There is a key of this name.");
        }

        await values[of].add(key, rest);
        note("Made.");
        await done(key);
    }, { verb: "Make" });
}
