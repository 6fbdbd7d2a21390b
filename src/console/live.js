
/*
 * --- what goes on ---
 */

const LINES = 500;


function liveView(view, signal) {
    const what = select([["SUBSCRIBE", "Channel"], ["PSUBSCRIBE", "Pattern"],
                         ["MONITOR", "All commands"]]);
    const name = el("input", { type: "text", autocomplete: "off",
                               spellcheck: "false", placeholder: "news" });
    const filter = el("input", { type: "search", autocomplete: "off",
                                 spellcheck: "false" });
    const state = el("p", { class: "state", role: "status" });
    const log = el("ol", { class: "log lines", role: "log", tabindex: "0",
                           "aria-label": "What goes on" });
    const start = el("button", { type: "submit", class: "main" }, "Start");
    let running = null, count = 0;

    const naming = labelled("Name", name, { class: "field grow" });

    what.addEventListener("change", () => {
        naming.hidden = what.value === "MONITOR";
    });

    function say(from, text) {
        const seen = (from + text).toLowerCase()
            .includes(filter.value.toLowerCase());

        log.append(el("li", { hidden: !seen },
                      el("time", {}, new Date().toLocaleTimeString("en-GB")),
                      el("b", {}, from), el("span", { class: "bytes" }, text)));

        while (log.children.length > LINES) {
            log.firstChild.remove();
        }

        log.scrollTop = log.scrollHeight;
        state.textContent = `${number(++count)} so far`;
    }

    function got(data) {
        if (data === "\"OK\"") {
            return;
        }

        const kind = data.split(",", 1)[0];

        if (what.value === "MONITOR") {
            say("", data);

        } else if (kind === "message") {
            const [, channel, text] = eventFields(data, 3);
            say(show(channel), show(text, 2000));

        } else if (kind === "pmessage") {
            const [, , channel, text] = eventFields(data, 4);
            say(show(channel), show(text, 2000));
        }
    }

    async function toggle() {
        if (running) {
            running.abort();
            return;
        }

        const args = what.value === "MONITOR"
            ? ["MONITOR"] : [what.value, toBytes(name.value)];

        running = new AbortController();
        start.textContent = "Stop";
        what.disabled = name.disabled = true;
        count = 0;
        state.textContent = "Waiting for the first.";

        try {
            await listen(args, running.signal, got);
            note("The stream has ended.", "bad");

        } finally {
            running = null;
            start.textContent = "Start";
            what.disabled = name.disabled = false;
        }
    }

    filter.addEventListener("input", () => {
        for (const line of log.children) {
            line.hidden = !line.textContent.toLowerCase()
                .includes(filter.value.toLowerCase());
        }
    });

    signal.addEventListener("abort", () => running?.abort());

    fill(view,
        el("section", { class: "card tall", "aria-label": "What goes on" },
           el("form", { class: "row", on: { submit: (event) => {
               event.preventDefault();
               attempt(toggle);
           } } }, labelled("What", what), naming, labelled("Filter", filter),
           start),
           el("div", { class: "row" }, state,
              button("Clear", () => fill(log), { class: "quiet" })),
           log),
        section("Publish", publishForm()));
}


function publishForm() {
    const channel = el("input", { type: "text", autocomplete: "off",
                                  spellcheck: "false" });
    const text = bytesField("Message");

    return el("form", { class: "row", on: { submit: (event) => {
        event.preventDefault();
        attempt(async () => {
            const n = await run("PUBLISH", toBytes(channel.value), text.get());

            note(`${number(n)} ${n === 1 ? "client has" : "clients have"} `
                 + "got it.");
        });
    } } }, labelled("Channel", channel), text.node,
    forWriters(el("button", { type: "submit" }, "Publish")));
}
