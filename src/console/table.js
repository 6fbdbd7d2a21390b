
/*
 * --- the elements of a value ---
 *
 * A table of pages, with what can be done to each element.  A type says:
 *
 *   columns             their names
 *   page(key, from)     { rows, next }: an array of cells for each element, in
 *                       bytes, and where it goes on (null: nowhere)
 *   fields(row)         for the dialog, of an element or (null) of a new one
 *   add, edit, remove   what is done; edit and remove may be missing
 */

const PAGE = 100;


function elementsTable(key, type, changed) {
    const body = el("tbody");
    const more = button("More", load, { class: "quiet" });
    const empty = el("p", { class: "none" });
    let next;

    async function load() {
        const page = await type.page(key, next);

        next = page.next;
        more.hidden = next === null;
        body.append(...page.rows.map(rowOf));
        empty.textContent = body.children.length ? "" : "There is nothing.";
    }

    async function reload() {
        next = undefined;
        body.replaceChildren();
        await load();
    }

    async function done(text) {
        note(text);
        await reload();
        await changed();
    }

    function rowOf(row) {
        const name = show(row.cells[0], 60);
        const edit = type.edit && button("Edit", () => ask(
            `Edit ${type.element}`, type.fields(row), async (values) => {
                await type.edit(key, row, values);
                await done("Saved.");
            }), { write: true, class: "quiet",
                  "aria-label": `Edit ${name}` });
        const remove = type.remove && button("Delete", () => confirmed(
            `Delete ${type.element}?`, name, "Delete", async () => {
                await type.remove(key, row);
                await done("Deleted.");
            }), { write: true, class: "quiet danger",
                  "aria-label": `Delete ${name}` });

        return el("tr", {}, row.cells.map((cell) =>
            el("td", { class: "bytes" }, show(cell))),
        el("td", { class: "acts" }, edit, remove));
    }

    const add = type.add && button(`Add ${type.element}`, () => ask(
        `Add ${type.element}`, type.fields(null), async (values) => {
            await type.add(key, values);
            await done("Added.");
        }, { verb: "Add" }), { write: true });

    const node = el("div", {},
        el("div", { class: "row" }, add),
        el("div", { class: "scroll", tabindex: "0", role: "region",
                    "aria-label": `Elements of ${show(key, 60)}` },
           el("table", {}, el("thead", {}, el("tr", {},
              type.columns.map((column) => el("th", { scope: "col" }, column)),
              el("th", { scope: "col" },
                 el("span", { class: "unseen" }, "What can be done")))),
           body)), empty, more);

    return { node, load: reload };
}
