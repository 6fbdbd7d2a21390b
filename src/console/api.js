
/*
 * --- what is asked of the server ---
 *
 * All goes to "api/" below this page, by POST, with a field that no other site
 * can send.  The token is in this tab's memory and in no address.
 */

const TOKEN = "keyspace-token";

let token = sessionStorage.getItem(TOKEN) ?? "";
let about = { writes: false, limits: [], sessions: [] };
let commands = new Set();


class Refused extends Error {
    constructor(status, text) {
        super(text);
        this.name = "Refused";
        this.status = status;
    }
}


function setToken(value) {
    token = value;

    if (value === "") {
        sessionStorage.removeItem(TOKEN);
    } else {
        sessionStorage.setItem(TOKEN, value);
    }
}


async function post(path, body, signal, fields = {}) {
    const headers = { "Keyspace-Console": "1",
                      "Content-Type": "application/octet-stream", ...fields };

    if (token !== "") {
        headers["Keyspace-Token"] = toBytes(token);
    }

    const response = await fetch(`api/${path}`, {
        method: "POST", headers, body, signal, cache: "no-store",
        credentials: "same-origin", redirect: "error",
    });

    if (response.ok) {
        return response;
    }

    const said = await response.json().catch(() => null);

    throw new Refused(response.status, said?.error
                      ?? `the server says ${response.status}`);
}


/* Strings come in base64, but for OK; errors of a pipeline as such. */

function decode(reply) {
    if (typeof reply === "string") {
        return reply === "OK" ? reply : atob(reply);
    }

    if (Array.isArray(reply)) {
        return reply.map(decode);
    }

    if (reply !== null && typeof reply === "object") {
        return "error" in reply ? new Refused(400, reply.error)
                                : decode(reply.result);
    }

    return reply;
}


/* Bytes as they are, in quotes: JSON as the server reads it. */

function encode(args) {
    return toArray(JSON.stringify(args, (_, value) =>
        typeof value === "number" ? String(value) : value));
}


async function sendCommands(path, args, signal) {
    const response = await post(path, encode(args), signal,
                                { "Upstash-Encoding": "base64" });

    return decode(await response.json());
}


/* A command; its reply, or an error is thrown. */

function run(...args) {
    return sendCommands("", args);
}


/* Several, one after the other: errors are among the replies. */

function pipeline(list) {
    return list.length === 0 ? [] : sendCommands("pipeline", list);
}


/* Several as one; the first error is thrown. */

async function transaction(...list) {
    const replies = await sendCommands("multi-exec", list);
    const wrong = replies.find((reply) => reply instanceof Refused);

    if (wrong) {
        throw wrong;
    }

    return replies;
}


/* A line as it is typed. */

async function runText(text) {
    const response = await post("", text, undefined,
                                { "Upstash-Encoding": "base64" });

    return decode(await response.json());
}


async function getAbout() {
    return (await post("about", "")).json();
}


async function getMetrics() {
    return (await post("metrics", "")).json();
}


/* --- streams of events --- */

/* What follows "data: ", cut at its commas: each field as bytes. */

function eventFields(data, max) {
    const fields = [];
    let rest = data;

    while (rest !== null && fields.length < max) {
        const quoted = /^ "(?:[^"\\]|\\.)*"/.exec(rest);
        const end = quoted ? quoted[0].length
                           : fields.length === max - 1 ? -1
                                                       : rest.indexOf(",");

        const field = end === -1 ? rest : rest.slice(0, end);

        fields.push(quoted ? fromEscaped(JSON.parse(field)) : toBytes(field));
        rest = end === -1 || end === rest.length ? null : rest.slice(end + 1);
    }

    return fields;
}


/* In a JSON string of an event, \udc80 to \udcff are bytes. */

function fromEscaped(text) {
    return Array.from(text, (c) => /[\udc80-\udcff]/.test(c) && c.length === 1
        ? String.fromCharCode(c.charCodeAt(0) & 0xff) : toBytes(c)).join("");
}


/* Each event's data goes to got(), until the signal or the server's end. */

async function listen(args, signal, got) {
    const response = await post("", encode(args), signal);
    const reader = response.body.pipeThrough(new TextDecoderStream())
        .getReader();
    let rest = "";

    for (;;) {
        const { done, value } = await reader.read();

        if (done) {
            return;
        }

        const lines = (rest + value).split("\n");
        rest = lines.pop();

        for (const line of lines) {
            if (line.startsWith("data: ")) {
                got(line.slice(6).replace(/\r$/, ""));
            }
        }
    }
}
