
/*
 * --- a key ---
 */

async function showValue(pane, key, { back, gone, renamed }) {
    const [type, ttl, bytes, encoding] = await pipeline([
        ["TYPE", key], ["PTTL", key], ["MEMORY", "USAGE", key],
        ["OBJECT", "ENCODING", key]]);

    if (type === "none") {
        note(`There is no key ${show(key, 60)}.`, "bad");
        return gone();
    }

    const facts = el("dl", { class: "facts" });
    const head = el("h2", { class: "bytes", tabindex: "-1" }, show(key));
    const of = values[type];

    function setFacts(ttl, bytes, encoding) {
        fill(facts, [["Type", typeName(type)], ["Encoding", show(encoding)],
                     ["Memory", size(bytes)],
                     ["Ends", ttl < 0 ? "never" : `in ${span(ttl)}`]]
            .map(([name, text]) => el("div", {}, el("dt", {}, name),
                                      el("dd", {}, text))));
    }

    /* What has changed beside the value; it may have gone with its last
       element. */

    async function changed() {
        const [ttl, bytes, encoding] = await pipeline([
            ["PTTL", key], ["MEMORY", "USAGE", key],
            ["OBJECT", "ENCODING", key]]);

        if (ttl === -2) {
            return gone();
        }

        setFacts(ttl, bytes ?? 0, encoding instanceof Error ? "" : encoding);
    }

    setFacts(ttl, bytes, encoding);

    const body = of ? of.editor?.(key, changed)
                      ?? elementsTable(key, of, changed)
                    : { node: el("p", { class: "none" },
                                 "This page does not know the type.") };

    fill(pane, el("section", { class: "card", "aria-label": "Value" },
        el("div", { class: "row" },
           button("Back", back, { class: "quiet back" }), head),
        facts,
        el("div", { class: "row" },
           button("Reload", async () => {
               await body.load?.();
               await changed();
           }),
           button("Time to live", () => askTtl(key, changed), { write: true }),
           button("Rename", () => askName(key, renamed), { write: true }),
           button("Delete", () => confirmed(
               "Delete the key?", show(key, 100), "Delete", async () => {
                   await run("UNLINK", key);
                   note("Deleted.");
                   await gone();
               }), { write: true, class: "danger" })),
        body.node));

    await body.load?.();
    head.focus({ preventScroll: true });
}


function askTtl(key, changed) {
    const input = el("input", { type: "text", inputmode: "decimal",
                                autocomplete: "off" });

    ask("Time to live", [{
        node: labelled("Seconds; empty: it never ends", input), input,
        get: () => input.value.trim(),
    }], async ([seconds]) => {
        if (seconds === "") {
            await run("PERSIST", key);

        } else {
            if (!(Number(seconds) > 0)) {
                throw new Error("That is no time.");
            }

            await run("PEXPIRE", key, Math.round(Number(seconds) * 1000));
        }

        note("Saved.");
        await changed();
    });
}


function askName(key, renamed) {
    const name = bytesField("New name", key);

    ask("Rename", [name], async ([to]) => {
        if (to === key) {
            return;
        }

        if (await run("RENAMENX", key, to) === 0) {
            throw new Error("There is a key of this name.");
        }

        note("Renamed.");
        await renamed(to);
    }, { verb: "Rename" });
}


/* --- a value that is one text: a string, a document --- */

const WHOLE = 1024 * 1024;          /* up to here it can be changed */

/* read(): { bytes, whole }; write(bytes) */

function textEditor(label, read, write, changed) {
    const field = bytesField(label, "", { lines: 14 });
    const told = el("p", { class: "none", role: "status" });

    const save = button("Save", async () => {
        await write(field.get());
        note("Saved.");
        await changed();
    }, { write: true, class: "main" });

    const format = button("Format JSON", () => {
        const text = toText(field.get());

        try {
            field.set(toBytes(JSON.stringify(JSON.parse(text), null, 2)));
        } catch {
            throw new Error("It is no JSON.");
        }
    });

    field.input.readOnly = !about.writes;

    return {
        node: el("div", {}, field.node, told,
                 el("div", { class: "row" }, save, format)),
        load: async () => {
            const { bytes, whole } = await read();

            field.set(bytes);

            if (!whole) {
                told.textContent = `These are the first ${size(bytes.length)} `
                    + "of it. It is too long to be changed here.";
                field.input.readOnly = true;
                save.disabled = true;
            }
        },
    };
}
