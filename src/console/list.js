
/*
 * --- a list of any length ---
 *
 * Only the rows that are seen are there.  Browsers end elements at some 16
 * million pixels: beyond, the bar of the list moves in larger steps, and keys
 * go from row to row as ever.
 */

const LIST_MAX = 8e6;


class VirtualList {

    /* render(i): the children of a row; open(i): it was chosen; seen(from,
       to): these rows are shown. */

    constructor({ label, height, render, open, seen }) {
        Object.assign(this, { height, render, open, seen });

        this.count = 0;
        this.active = -1;
        this.chosen = -1;
        this.space = el("div", { class: "space", role: "presentation" });

        this.node = el("div", {
            class: "list", role: "listbox", tabindex: "0", "aria-label": label,
            on: {
                scroll: () => this.draw(),
                keydown: (event) => this.key(event),
                focus: () => this.move(Math.max(this.active, 0), false),
            },
        }, this.space);

        this.watch = new ResizeObserver(() => this.draw());
        this.watch.observe(this.node);
    }

    setCount(count) {
        this.count = count;
        this.space.style.height =
            `${Math.min(count * this.height, LIST_MAX)}px`;
        this.active = Math.min(this.active, count - 1);
        this.draw();
    }

    /* How many rows the pane has, and the first of them, not always whole. */

    window() {
        const pane = this.node.clientHeight;
        const whole = this.count * this.height;
        const tall = Math.min(whole, LIST_MAX);
        const room = Math.max(tall - pane, 1);
        const ratio = Math.max(whole - pane, 0) / room;
        const top = Math.min(this.node.scrollTop, room) * ratio;

        return { pane, ratio: ratio || 1, top };
    }

    draw() {
        const { pane, top } = this.window();
        const from = Math.max(Math.floor(top / this.height) - 2, 0);
        const to = Math.min(Math.ceil((top + pane) / this.height) + 2,
                            this.count);
        const rows = [];

        for (let i = from; i < to; i++) {
            rows.push(this.row(i, this.node.scrollTop + i * this.height - top));
        }

        this.space.replaceChildren(...rows);
        this.mark();

        if (to > from) {
            this.seen(from, to);
        }
    }

    row(i, y) {
        const row = el("div", {
            class: "item", role: "option", id: `row${i}`,
            "aria-setsize": this.count, "aria-posinset": i + 1,
            "aria-selected": i === this.chosen ? "true" : "false",
            on: { click: () => this.choose(i) },
        }, this.render(i));

        row.style.transform = `translateY(${y}px)`;
        row.style.height = `${this.height}px`;
        row.classList.toggle("active", i === this.active);

        return row;
    }

    mark() {
        if (this.active >= 0 && document.getElementById(`row${this.active}`)) {
            this.node.setAttribute("aria-activedescendant",
                                   `row${this.active}`);
        } else {
            this.node.removeAttribute("aria-activedescendant");
        }
    }

    choose(i) {
        this.chosen = i;
        this.active = i;
        this.draw();
        this.open(i);
    }

    move(i, scroll = true) {
        if (this.count === 0) {
            return;
        }

        this.active = Math.max(0, Math.min(i, this.count - 1));

        if (scroll) {
            const { pane, ratio, top } = this.window();
            const y = this.active * this.height;

            if (y < top) {
                this.node.scrollTop = y / ratio;
            } else if (y + this.height > top + pane) {
                this.node.scrollTop = (y + this.height - pane) / ratio + 1;
            }
        }

        this.draw();
    }

    key(event) {
        const page = Math.max(Math.floor(this.node.clientHeight / this.height)
                              - 1, 1);
        const moves = {
            ArrowDown: this.active + 1, ArrowUp: this.active - 1,
            PageDown: this.active + page, PageUp: this.active - page,
            Home: 0, End: this.count - 1,
        };

        if (event.key in moves) {
            event.preventDefault();
            this.move(moves[event.key]);

        } else if ((event.key === "Enter" || event.key === " ")
                   && this.active >= 0)
        {
            event.preventDefault();
            this.choose(this.active);
        }
    }
}
