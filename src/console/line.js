
/*
 * --- the command line ---
 */

const HISTORY = "keyspace-history";
const STREAMS = ["subscribe", "psubscribe", "ssubscribe", "monitor"];

let docs = null;                    /* of all commands, by name */


/* COMMAND DOCS, once: name to { summary, usage, group }. */

async function getDocs() {
    if (docs !== null) {
        return docs;
    }

    const found = Object.create(null);

    for (const [name, doc] of Object.entries(pairs(await run("COMMAND",
                                                             "DOCS"))))
    {
        describe(found, name, pairs(doc));
    }

    docs = found;

    return docs;
}


function describe(found, name, doc) {
    found[name.replace("|", " ")] = {
        summary: doc.summary, group: doc.group,
        usage: (doc.arguments ?? []).map((arg) => usage(pairs(arg)))
            .join(" "),
    };

    for (const [sub, of] of Object.entries(pairs(doc.subcommands ?? []))) {
        describe(found, sub, pairs(of));
    }
}


/* An argument in the form that redis-cli has for it. */

function usage(arg) {
    const flags = arg.flags ?? [];
    const inner = (arg.arguments ?? []).map((a) => usage(pairs(a)));
    let text = arg.type === "oneof" ? inner.join("|")
             : arg.type === "block" ? inner.join(" ")
             : arg.type === "pure-token" ? arg.token : arg.name;

    if (arg.token && arg.type !== "pure-token") {
        text = `${arg.token} ${text}`;
    }

    if (flags.includes("multiple")) {
        text += ` [${text} ...]`;
    }

    if (flags.includes("optional")) {
        return `[${text}]`;
    }

    return arg.type === "oneof" && !arg.token ? `<${text}>` : text;
}


/* A reply in the form that redis-cli shows. */

function replyText(reply, indent = "") {
    if (reply instanceof Error) {
        return `(error) ${reply.message}`;
    }

    if (reply === null || reply === undefined) {
        return "(nil)";
    }

    if (typeof reply === "number") {
        return `(integer) ${reply}`;
    }

    if (!Array.isArray(reply)) {
        return reply === "OK" ? "OK" : isPlain(reply)
            ? `"${toText(reply).replace(/["\\]/g, "\\$&")}"`
            : `"${escapeBytes(reply).replace(/"/g, "\\\"")}"`;
    }

    if (reply.length === 0) {
        return "(empty array)";
    }

    const wide = String(reply.length).length;

    return reply.map((item, i) => {
        const head = `${String(i + 1).padStart(wide)}) `;
        const text = replyText(item, indent + " ".repeat(head.length));

        return (i ? indent : "") + head + text;
    }).join("\n");
}


function lineView(view, signal) {
    const log = el("div", { class: "log", role: "log", tabindex: "0",
                            "aria-label": "Replies" });
    const offers = el("ul", { id: "offers", class: "offers", role: "listbox",
                              "aria-label": "Commands", hidden: true });
    const help = el("p", { id: "help", class: "help" });
    const input = el("input", {
        type: "text", class: "typed", autocomplete: "off", spellcheck: "false",
        autocapitalize: "off", role: "combobox", "aria-label": "Command",
        "aria-expanded": "false", "aria-controls": "offers",
        "aria-autocomplete": "list", "aria-describedby": "help",
        placeholder: "GET key",
    });
    const history = JSON.parse(sessionStorage.getItem(HISTORY) ?? "[]");
    let at = history.length, offered = [], picked = -1;

    function say(text, kind) {
        log.append(el("pre", { class: kind }, text));

        while (log.children.length > 400) {
            log.firstChild.remove();
        }

        log.scrollTop = log.scrollHeight;
    }

    async function enter() {
        const text = input.value.trim();

        if (text === "") {
            return;
        }

        if (history.at(-1) !== text && !/^(auth|hello)\b/i.test(text)) {
            history.push(text);
            history.splice(0, history.length - 200);
            sessionStorage.setItem(HISTORY, JSON.stringify(history));
        }

        at = history.length;
        input.value = "";
        offer();
        say(text, "asked");

        const name = text.split(/\s/)[0].toLowerCase();

        if (name === "clear") {
            log.replaceChildren();

        } else if (STREAMS.includes(name)) {
            say("What goes on is shown by the view Live.", "error");

        } else if (name === "help") {
            say(await helpOf(text.slice(4).trim()), "reply");

        } else {
            try {
                say(replyText(await runText(text)), "reply");
            } catch (e) {
                say(`(error) ${e.message}`, "error");
            }
        }
    }

    async function helpOf(name) {
        const doc = (await getDocs())[name.toLowerCase()];

        return doc ? `${name.toUpperCase()} ${doc.usage}\n${doc.summary}`
                   : "Type a command; Tab completes its name, the arrows go "
                     + "through what was typed before. HELP GET tells of a "
                     + "command, CLEAR empties the page.";
    }

    /* the longest name of a command that the words begin with */

    async function explain() {
        const known = await getDocs();
        const words = input.value.trimStart().toLowerCase().split(/\s+/);
        const name = [words.slice(0, 2).join(" "), words[0]].find(
            (n) => n in known);

        help.textContent = name ? `${name.toUpperCase()} ${known[name].usage}`
                                  + ` — ${known[name].summary}` : "";
    }

    async function offer() {
        const known = await getDocs();
        const start = input.value.trimStart().toLowerCase();

        offered = start === "" ? [] : Object.keys(known).filter(
            (name) => name.startsWith(start) && name !== start)
            .sort().slice(0, 8);
        picked = -1;
        drawOffers();
        await explain();
    }

    function drawOffers() {
        offers.hidden = offered.length === 0;
        input.setAttribute("aria-expanded", String(!offers.hidden));

        fill(offers, offered.map((name, i) => el("li", {
            role: "option", id: `offer${i}`,
            "aria-selected": String(i === picked),
            on: { mousedown: (event) => {
                event.preventDefault();
                take(i);
            } },
        }, el("b", {}, name.toUpperCase()), ` ${docs[name].summary ?? ""}`)));

        if (picked >= 0) {
            input.setAttribute("aria-activedescendant", `offer${picked}`);
        } else {
            input.removeAttribute("aria-activedescendant");
        }
    }

    function take(i) {
        input.value = `${offered[i].toUpperCase()} `;
        offered = [];
        drawOffers();
        attempt(explain);
    }

    function recall(step) {
        at = Math.max(0, Math.min(at + step, history.length));
        input.value = history[at] ?? "";
        offered = [];
        drawOffers();
        attempt(explain);
    }

    function pick(step) {
        const n = offered.length;

        picked = (picked + step + n) % n;
        drawOffers();
    }

    const keys = {
        Enter: () => picked >= 0 ? take(picked) : attempt(enter),
        ArrowUp: () => picked >= 0 ? pick(-1) : recall(-1),
        ArrowDown: () => offered.length ? pick(1) : recall(1),
        Tab: () => offered.length && take(Math.max(picked, 0)),
        Escape: () => {
            offered = [];
            picked = -1;
            drawOffers();
        },
    };

    input.addEventListener("keydown", (event) => {
        if (!(event.key in keys) || event.isComposing
            || (event.key === "Tab" && (event.shiftKey || !offered.length)))
        {
            return;
        }

        event.preventDefault();
        keys[event.key]();
    });

    input.addEventListener("input", () => attempt(offer));
    signal.addEventListener("abort", () => fill(offers));

    fill(view, el("section", { class: "card tall", "aria-label":
                               "Command line" }, log,
                  el("div", { class: "prompt" },
                     el("span", { "aria-hidden": "true" }, "❯"), input,
                     offers), help));
    say("HELP tells what this line can do.", "said");
    input.focus();

    return getDocs();
}
