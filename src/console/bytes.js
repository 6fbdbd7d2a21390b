
/*
 * The console's script: one module, made of the files of this directory in the
 * order in which ngx_http_keyspace_console_page.c names them.
 *
 * What is in the store is bytes.  Here they are a string each of whose
 * characters is a byte, 0 to 255: keys, values and replies have this form
 * everywhere, and become text where they are shown.
 */

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/* a character that hides itself, or changes what stands beside it */
const ODD = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;


function toArray(bytes) {
    return Uint8Array.from(bytes, (c) => c.charCodeAt(0));
}


/* Text as the bytes of its UTF-8. */

function toBytes(text) {
    let bytes = "";

    for (const byte of new TextEncoder().encode(text)) {
        bytes += String.fromCharCode(byte);
    }

    return bytes;
}


/* The text that the bytes are; null: they are none. */

function toText(bytes) {
    try {
        return utf8.decode(toArray(bytes));
    } catch {
        return null;
    }
}


/* Printable ASCII alone, in the form that redis-cli shows and reads. */

function escapeBytes(bytes) {
    const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };

    return bytes.replace(/[^ -~]|\\/g, (c) => short[c]
        ?? "\\x" + c.charCodeAt(0).toString(16).padStart(2, "0"));
}


function unescapeBytes(text) {
    const short = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b" };
    const form = /\\x([0-9a-fA-F]{2})|\\([^])/g;

    return toBytes(text).replace(form, (_, hex, c) => hex
        ? String.fromCharCode(parseInt(hex, 16)) : short[c] ?? c);
}


/* Whether a field of text gives back the very bytes that it was given. */

function isPlain(bytes) {
    const text = toText(bytes);

    return text !== null && !ODD.test(text);
}


/* As it is shown: one line, of so many characters at the most. */

function show(bytes, max = 300) {
    const cut = bytes.length > max * 4 ? bytes.slice(0, max * 4) : bytes;
    let text = isPlain(cut) ? toText(cut) : null;

    if (text === null && cut !== bytes) {       /* cut in a character? */
        const shorter = cut.replace(/[\x80-\xff]{1,4}$/, "");
        text = isPlain(shorter) ? toText(shorter) : null;
    }

    text = text === null ? escapeBytes(cut)
                         : text.replace(/\n/g, "⏎").replace(/\t/g, "⇥");

    return text.length > max || cut !== bytes ? text.slice(0, max) + "…"
                                              : text;
}


/* --- numbers --- */

const grouped = new Intl.NumberFormat("en-US");


function number(n) {
    return grouped.format(n);
}


function size(n) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let i = 0;

    for (; n >= 1024 && i < units.length - 1; i++) {
        n /= 1024;
    }

    return `${i && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}


function span(ms) {
    const s = Math.round(ms / 1000);

    if (ms < 1000) {
        return `${Math.round(ms)} ms`;
    }

    if (s < 120) {
        return `${s} s`;
    }

    if (s < 7200) {
        return `${Math.floor(s / 60)} min`;
    }

    return s < 172800 ? `${Math.floor(s / 3600)} h`
                      : `${number(Math.floor(s / 86400))} days`;
}


function micros(us) {
    if (us < 10) {
        return `${us.toFixed(2)} µs`;
    }

    if (us < 1000) {
        return `${Math.round(us)} µs`;
    }

    return us < 1e6 ? `${(us / 1000).toFixed(1)} ms`
                    : `${(us / 1e6).toFixed(1)} s`;
}


function when(ms) {
    return new Date(ms).toLocaleString("en-GB", { hour12: false });
}


/* A reply of names and values, one after the other, as an object. */

function pairs(list) {
    const object = Object.create(null);

    for (let i = 0; i + 1 < list.length; i += 2) {
        object[list[i]] = list[i + 1];
    }

    return object;
}
