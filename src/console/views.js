
/*
 * --- the slow log, limits, sessions, clients, users ---
 */

/* A view that is a list, made anew by load(). */

function listView(view, title, load, ...acts) {
    const body = el("div");
    const reload = async () => fill(body, await load(reload));

    fill(view, section(title, el("div", { class: "row" },
                                 button("Reload", reload),
                                 acts.map((act) => act(reload))), body));

    return reload();
}


function slowView(view) {
    return listView(view, "Slow commands", async () => {
        const entries = await run("SLOWLOG", "GET", 128);

        return plainTable("Slow commands",
            ["When", "Took", "Command", "Client"],
            entries.map(([, seconds, took, args, address, name]) => [
                when(seconds * 1000), micros(took),
                el("td", { class: "bytes" },
                   args.map((arg) => show(arg, 100)).join(" ")),
                show(name || address)]),
            "No command was slow.");

    }, (reload) => button("Forget them", async () => {
        await run("SLOWLOG", "RESET");
        await reload();
    }, { write: true }));
}


/* --- rate limits --- */

const LIMIT_KEYS = 20000;           /* that are looked at of a rule */
const LIMIT_SHOWN = 100;
const SWEEP = 10000;                /* keys that SCAN passes at a time */


/*
 * What of the quota is in use by a state, as ks_limit.h keeps it; now and the
 * period in ms.  The quota is null where it differs by the key.
 */

function limitUse(rule, state, now) {
    const n = (name) => Number(state[name] ?? 0);

    switch (rule.algorithm) {

    case "fixed_window":
        return { used: Number(state), quota: rule.count ?? null };

    case "sliding_window": {
        const period = rule.period ?? 0;
        const age = period ? (now - n("window")) / period : 0;
        const used = age >= 2 ? 0
            : age >= 1 ? Math.floor(n("current") * (2 - age))
            : n("current") + Math.floor(n("previous") * (1 - age));

        return { used, quota: rule.count ?? null };
    }

    case "token_bucket": {
        if (!rule.count) {
            return { used: null, quota: null };
        }

        const more = Math.max(now - n("at"), 0) * rule.count / rule.period;
        const left = Math.min(Math.floor(n("tokens") + more), rule.burst);

        return { used: rule.burst - left, quota: rule.burst };
    }

    default: {
        if (!rule.count) {
            return { used: null, quota: null };
        }

        const ahead = Number(BigInt(state) / 1000000n) - now;
        const used = Math.ceil(Math.max(ahead, 0) * rule.count / rule.period);

        return { used, quota: rule.burst + 1 };
    }
    }
}


async function limitStates(rule, told) {
    const hash = ["sliding_window", "token_bucket"].includes(rule.algorithm);
    const prefix = toBytes(rule.prefix);
    const match = `${prefix.replace(/[*?[\]\\]/g, "\\$&")}*`;
    const found = [];
    let cursor = "0", passed = 0;

    do {
        const [next, keys] = await run("SCAN", cursor, "MATCH", match,
                                       "COUNT", SWEEP);
        const replies = await pipeline(keys.flatMap((key) =>
            [[hash ? "HGETALL" : "GET", key], ["PTTL", key]]));

        keys.forEach((key, i) => {
            const state = replies[2 * i];

            if (state === null || state instanceof Error) {
                return;
            }

            found.push({ key, who: key.slice(prefix.length),
                         ttl: replies[2 * i + 1],
                         ...limitUse(rule, hash ? pairs(state) : state,
                                     Date.now()) });
        });

        cursor = next;
        told(passed += SWEEP);
    } while (cursor !== "0" && found.length < LIMIT_KEYS);

    const share = (s) => s.quota ? s.used / s.quota : s.used ?? 0;

    return found.sort((a, b) => share(b) - share(a));
}


function meter({ used, quota }) {
    if (!quota) {
        return used === null ? "" : number(used);
    }

    const share = used / quota;
    const kind = share >= 1 ? "over" : share >= 0.8 ? "near" : "fine";
    const bar = el("span", { class: "part" });

    bar.style.width = `${Math.min(share, 1) * 100}%`;

    return el("div", { class: `meter ${kind}` },
              el("span", { class: "track", "aria-hidden": "true" }, bar),
              `${number(used)} of ${number(quota)}`,
              kind === "fine" ? null : el("b", {}, kind === "over"
                                               ? " used up" : " nearly"));
}


function limitsView(view) {
    if (about.limits.length === 0) {
        fill(view, section("Rate limits", el("p", { class: "none" },
            "No keyspace_limit_rule keeps its states in this zone.")));
        return;
    }

    const load = (rule, body) => async () => {
        const states = await limitStates(rule, (n) => {
            body.firstChild.textContent = `${number(n)} keys passed`;
        });

        fill(body, el("p", { class: "state", role: "status" },
                      `${number(states.length)} clients`
                      + (states.length > LIMIT_SHOWN
                         ? `, the ${LIMIT_SHOWN} nearest to their limit` : "")),
             plainTable(`Clients of ${rule.name}`,
                        ["Who", "Used", "All is there again in", ""],
                        states.slice(0, LIMIT_SHOWN).map((state) => [
                            el("td", { class: "bytes" }, show(state.who)),
                            meter(state), span(Math.max(state.ttl, 0)),
                            button("Reset", async () => {
                                await run("DEL", state.key);
                                note("The whole quota is there again.");
                                await load(rule, body)();
                            }, { write: true, class: "quiet",
                                 "aria-label": `Reset ${show(state.who)}` })]),
                        "Nobody was charged."));
    };

    const cards = about.limits.map((rule) => {
        const body = el("div", {}, el("p", { class: "state", role: "status" }));
        const act = load(rule, body);
        const what = rule.count
            ? `${number(rule.count)} in ${span(rule.period)}`
            : "a rate for each";

        return { act, node: section(rule.name,
            el("p", { class: "none" }, `${rule.algorithm.replace("_", " ")}, `
                                       + what),
            el("div", { class: "row" }, button("Reload", act)), body) };
    });

    fill(view, cards.map((card) => card.node));

    return Promise.all(cards.map((card) => card.act()));
}


/* --- sessions --- */

async function sessionPage(prefix, cursor) {
    const match = `${prefix.replace(/[*?[\]\\]/g, "\\$&")}*`;
    const found = [];

    do {
        const [next, keys] = await run("SCAN", cursor, "MATCH", match,
                                       "COUNT", SWEEP, "TYPE", "hash");
        const replies = await pipeline(keys.flatMap((key) =>
            [["HGETALL", key], ["PTTL", key]]));

        keys.forEach((key, i) => {
            const fields = replies[2 * i] instanceof Error
                ? {} : pairs(replies[2 * i]);

            if ("_created" in fields) {
                found.push({ key, fields, ttl: replies[2 * i + 1] });
            }
        });

        cursor = next;
    } while (cursor !== "0" && found.length < PAGE);

    return { found, next: cursor === "0" ? null : cursor };
}


function sessionsView(view) {
    const prefix = el("input", { type: "text", spellcheck: "false",
                                 autocomplete: "off",
                                 value: about.sessions[0] ?? "session:" });
    const body = el("div");

    async function load(cursor = "0") {
        const { found, next } = await sessionPage(toBytes(prefix.value),
                                                  cursor);

        fill(body, plainTable("Sessions",
            ["Id", "Began", "Ends in", "Fields", ""],
            found.map(({ key, fields, ttl }) => [
                el("td", { class: "bytes" },
                   show(key.slice(toBytes(prefix.value).length), 16)),
                when(Number(fields._created)), span(Math.max(ttl, 0)),
                el("td", { class: "bytes" }, Object.entries(fields)
                    .filter(([name]) => !name.startsWith("_"))
                    .map(([name, value]) => `${show(name, 40)}=`
                                            + show(value, 80)).join("  ")),
                button("End", () => confirmed(
                    "End the session?", show(key, 60), "End", async () => {
                        await run("DEL", key);
                        note("Ended.");
                        await load(cursor);
                    }), { write: true, class: "quiet danger",
                          "aria-label": `End ${show(key, 30)}` })]),
            "There are no sessions."),
        next && button("More", () => load(next), { class: "quiet" }));
    }

    fill(view, section("Sessions", el("form", { class: "row", on: {
        submit: (event) => {
            event.preventDefault();
            attempt(load);
        },
    } }, labelled("Prefix of their keys", prefix),
    el("button", { type: "submit" }, "Show")), body));

    return load();
}


/* --- clients and users --- */

function clientsView(view) {
    return listView(view, "Clients", async (reload) => {
        const lines = (await run("CLIENT", "LIST")).split("\n")
            .filter((line) => line !== "");
        const clients = lines.map((line) => Object.fromEntries(
            line.split(" ").map((part) => {
                const at = part.indexOf("=");

                return [part.slice(0, at), part.slice(at + 1)];
            })));

        return plainTable("Clients",
            ["Id", "Address", "Name", "User", "Here for", "Idle", "Last", ""],
            clients.map((client) => [
                client.id, client.addr, show(client.name), show(client.user),
                span(client.age * 1000), span(client.idle * 1000), client.cmd,
                button("End", async () => {
                    await run("CLIENT", "KILL", "ID", client.id);
                    note("Its connection is closed.");
                    await reload();
                }, { write: true, class: "quiet danger",
                     "aria-label": `End client ${client.id}` })]),
            "Nobody is connected for long.");
    });
}


/* Of commands that a user has run in a day or a month; limit 0: no quota. */

function used(usage, window) {
    const n = usage[`commands-${window}`];
    const limit = usage[`commands-${window}-limit`];

    return limit ? `${number(n)} of ${number(limit)}` : number(n);
}


/* What users use: pairs of names and values, or an error for who has no meter. */

async function usages(names) {
    const replies = await pipeline(names.map((name) =>
        ["ACL", "USAGE", name]));

    return replies.map((reply) => {
        if (!Array.isArray(reply)) {
            return ["–", "–"];
        }

        const usage = {};

        for (let i = 0; i < reply.length; i += 2) {
            usage[reply[i]] = reply[i + 1];
        }

        return [used(usage, "day"), used(usage, "month")];
    });
}


function usersView(view) {
    return listView(view, "Users", async () => {
        const lines = await run("ACL", "LIST");
        const users = lines.map((line) => line.split(" "));
        const usage = await usages(users.map(([, name]) => name));

        return plainTable("Users",
            ["Name", "State", "Commands today", "This month", "Rights"],
            users.map(([, name, state, ...rights], i) =>
                [show(name), state, ...usage[i],
                 el("td", { class: "bytes wide" },
                    rights.filter((right) => !right.startsWith("#")
                                             && right !== "sanitize-payload")
                        .join(" "))]));
    });
}
