
/*
 * --- elements ---
 *
 * All that is shown is made here, of elements and texts; nothing is parsed.
 */

const $ = (id) => document.getElementById(id);


/* props: attributes; on: handlers; a child is an element or a text. */

function el(name, props = {}, ...children) {
    const element = document.createElement(name);

    for (const [key, value] of Object.entries(props)) {
        if (key === "on") {
            for (const [event, handler] of Object.entries(value)) {
                element.addEventListener(event, handler);
            }

        } else if (value === true) {
            element.setAttribute(key, "");

        } else if (value !== false && value !== null && value !== undefined) {
            element.setAttribute(key, value);
        }
    }

    element.append(...given(children));

    return element;
}


/* Children that may be missing, or be several. */

function given(children) {
    return children.flat().filter((child) => child !== null
                                             && child !== undefined);
}


function fill(element, ...children) {
    element.replaceChildren(...given(children));

    return element;
}


/* act(): may take its time, during which the button is off. */

function button(text, act, { write = false, ...props } = {}) {
    const b = el("button", { type: "button", ...props, on: {
        click: async () => {
            b.disabled = true;
            await attempt(act);
            b.disabled = false;
        },
    } }, text);

    return write ? forWriters(b) : b;
}


/* A control that changes something: readers see it, and cannot use it. */

function forWriters(control) {
    if (!about.writes) {
        control.disabled = true;
        control.title = "This user may only read.";
    }

    return control;
}


/* Says what went wrong, if anything does; whether all went well. */

async function attempt(act) {
    try {
        await act();
        return true;

    } catch (e) {
        if (e.name !== "AbortError") {
            note(e.message, "bad");
        }

        return false;
    }
}


function note(text, kind = "good") {
    const line = el("p", { class: `note ${kind}` }, text);

    $("notes").append(line);

    while ($("notes").children.length > 3) {
        $("notes").firstChild.remove();
    }

    setTimeout(() => line.remove(), kind === "bad" ? 8000 : 3000);
}


let ids = 0;


function labelled(text, control, props = {}) {
    control.id ||= `f${++ids}`;

    return el("div", { class: "field", ...props },
              el("label", { for: control.id }, text), control);
}


function select(options, chosen, props = {}) {
    return el("select", props, options.map(([value, text]) =>
        el("option", { value, selected: value === chosen }, text ?? value)));
}


/* --- a field for bytes --- */

/*
 * Text where the bytes are text, which can be chosen; else with escapes.  One
 * that was not touched gives back what it was given.
 */

function bytesField(label, bytes = "", { lines = 1, ...props } = {}) {
    let escaped = !isPlain(bytes);

    const input = lines > 1
        ? el("textarea", { rows: lines, spellcheck: "false", ...props })
        : el("input", { type: "text", autocomplete: "off",
                        spellcheck: "false", ...props });

    if (lines === 1 && bytes.includes("\n")) {
        escaped = true;
    }

    const form = select([["text", "Text"], ["escaped", "Escaped (\\xff)"]],
                        escaped ? "escaped" : "text",
                        { "aria-label": `Form of ${label.toLowerCase()}`,
                          class: "form" });

    const write = (value) => {
        input.value = escaped ? escapeBytes(value) : toText(value);
    };

    const get = () => escaped ? unescapeBytes(input.value)
                              : toBytes(input.value);

    form.addEventListener("change", () => {
        const value = get();

        if (form.value === "text" && (!isPlain(value)
                                      || (lines === 1 && value.includes("\n"))))
        {
            form.value = "escaped";
            note("These bytes are no text: they are shown with escapes.",
                 "bad");
            return;
        }

        escaped = form.value === "escaped";
        write(value);
    });

    write(bytes);

    const node = labelled(label, input, { class: "field bytes" });
    node.append(form);

    return { node, input, get, set: (value) => {
        escaped = !isPlain(value) || (lines === 1 && value.includes("\n"));
        form.value = escaped ? "escaped" : "text";
        write(value);
    } };
}


/* --- dialogs --- */

/*
 * Asks with the fields given, each { node, get }; act(values) may refuse by an
 * error, and the dialog stays.  Focus goes back to where it was.
 */

function ask(title, fields, act, { text = null, verb = "Save" } = {}) {
    const error = el("p", { class: "error", role: "alert" });
    const ok = el("button", { type: "submit", class: "main" }, verb);
    const head = el("h2", { id: `f${++ids}` }, title);

    const form = el("form", { method: "dialog", on: { submit: async (event) => {
        event.preventDefault();
        ok.disabled = true;
        error.textContent = "";

        try {
            await act(fields.map((field) => field.get()));
            dialog.close();
        } catch (e) {
            error.textContent = e.message;
            ok.disabled = false;
        }
    } } }, head, text && el("p", {}, text), fields.map((field) => field.node),
    error, el("div", { class: "row end" },
              el("button", { type: "button", on: {
                  click: () => dialog.close(),
              } }, "Cancel"), ok));

    const dialog = el("dialog", { "aria-labelledby": head.id, on: {
        close: () => dialog.remove(),
    } }, form);

    document.body.append(dialog);
    dialog.showModal();
    (fields[0]?.input ?? ok).focus();
}


function confirmed(title, text, verb, act) {
    ask(title, [], act, { text, verb });
}


/* --- parts of views --- */

function section(title, ...children) {
    const id = `f${++ids}`;

    return el("section", { class: "card", "aria-labelledby": id },
              el("h2", { id }, title), children);
}


/* cells are elements or texts; with actions behind them. */

function plainTable(caption, columns, rows, empty = "There is nothing.") {
    const body = rows.length === 0
        ? el("tr", {}, el("td", { colspan: columns.length, class: "none" },
                          empty))
        : rows.map((cells) => el("tr", {}, cells.map((cell) =>
            cell instanceof HTMLTableCellElement ? cell
                                                 : el("td", {}, cell))));

    return el("div", { class: "scroll", tabindex: "0", role: "region",
                       "aria-label": caption },
              el("table", {}, el("caption", { class: "unseen" }, caption),
                 el("thead", {}, el("tr", {}, columns.map((column) =>
                     el("th", { scope: "col" }, column)))),
                 el("tbody", {}, body)));
}


/* Calls act() now and every so many ms, while the page is seen. */

async function repeat(ms, signal, act) {
    while (!signal.aborted) {
        if (!document.hidden) {
            await attempt(act);
        }

        await new Promise((resolve) => setTimeout(resolve, ms));
    }
}
