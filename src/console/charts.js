
/*
 * --- figures ---
 *
 * Counters are read every two seconds; a chart shows how they have grown, for
 * five minutes.
 */

const STEP = 2000;
const POINTS = 150;
const WIDE = 300;
const HIGH = 90;

const SVG = "http://www.w3.org/2000/svg";


function svg(name, props) {
    const element = document.createElementNS(SVG, name);

    for (const [key, value] of Object.entries(props)) {
        element.setAttribute(key, value);
    }

    return element;
}


/* The number above all, of 1, 2 or 5 and zeros: a chart's upper end. */

function ceiling(n) {
    const power = 10 ** Math.floor(Math.log10(n));

    return [1, 2, 5, 10].map((f) => f * power).find((f) => f >= n * 0.9999);
}


class Chart {

    /* lines: names; form: a number as text; top: where it ends, if that is
       known */

    constructor(title, lines, form, top = null) {
        Object.assign(this, { lines, form, top });

        this.points = lines.map(() => []);
        this.now = lines.map(() => el("dd", {}, "–"));
        this.paths = lines.map((_, i) => svg("path", { class: `line${i}` }));
        this.high = el("span", { class: "high" });

        this.picture = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`,
                                    preserveAspectRatio: "none",
                                    "aria-hidden": "true" });
        this.picture.append(svg("path", {
            class: "grid",
            d: `M0 ${HIGH / 2}H${WIDE}M0 1H${WIDE}M0 ${HIGH - 1}H${WIDE}`,
        }), ...this.paths);

        this.node = section(title,
            el("dl", { class: "now" }, lines.map((line, i) =>
                el("div", { class: `of${i}` }, el("dt", {}, line),
                   this.now[i]))),
            el("div", { class: "chart" }, this.high, this.picture));
    }

    add(values) {
        values.forEach((value, i) => {
            const points = this.points[i];

            points.push(value);
            points.splice(0, points.length - POINTS);
            this.now[i].textContent = value === null ? "–" : this.form(value);
        });

        this.draw();
    }

    draw() {
        const top = this.top ?? ceiling(Math.max(...this.points.flat(), 1));

        this.high.textContent = this.form(top);

        this.paths.forEach((path, i) => {
            const points = this.points[i];
            const first = POINTS - points.length;
            let d = "", pen = "M";

            points.forEach((value, k) => {
                if (value === null) {
                    pen = "M";
                    return;
                }

                const x = (first + k) * WIDE / (POINTS - 1);
                const y = HIGH - 1 - value / top * (HIGH - 2);

                d += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
                pen = "L";
            });

            path.setAttribute("d", d);
        });
    }
}


/*
 * The time in µs that a part of the calls did not exceed; times[i] took up to
 * 125 ns, and twice that for each step.
 */

function percentile(times, part) {
    const all = times.reduce((sum, n) => sum + n, 0);
    let seen = 0;

    if (all === 0) {
        return null;
    }

    for (let i = 0; i < times.length; i++) {
        if (times[i] > 0 && seen + times[i] >= part * all) {
            const high = 0.125 * 2 ** i;
            const low = i ? high / 2 : 0;

            return low + (high - low) * (part * all - seen) / times[i];
        }

        seen += times[i];
    }

    return null;
}


/* How a counter has grown in a second; one that began anew has not. */

function rate(now, before, name, seconds) {
    return before ? Math.max(now[name] - before[name], 0) / seconds : null;
}


function figuresView(view, signal) {
    const small = (n) => n < 10 ? n.toFixed(1) : number(Math.round(n));
    const charts = {
        commands: new Chart("Commands", ["a second"], small),
        latency: new Chart("Latency", ["p50", "p99", "p99.9"], micros),
        hits: new Chart("Hits", ["of reads"],
                        (n) => `${(n * 100).toFixed(1)} %`, 1),
        memory: new Chart("Memory", ["in use"], size),
        ended: new Chart("Keys that went", ["expired a second",
                                            "evicted a second"], small),
        clients: new Chart("Clients", ["connected", "waiting"], number),
    };
    const table = el("div");
    let before = null, at = 0;

    function draw(now) {
        const seconds = (performance.now() - at) / 1000;
        const hits = rate(now, before, "keyspace_hits", seconds);
        const misses = rate(now, before, "keyspace_misses", seconds);
        const times = before && now.times
            ? now.times.map((n, i) => Math.max(n - before.times[i], 0)) : [];

        charts.commands.add([rate(now, before, "total_commands_processed",
                                  seconds)]);
        charts.latency.add([0.5, 0.99, 0.999].map((part) =>
            percentile(times, part)));
        charts.hits.add([hits + misses > 0 ? hits / (hits + misses) : null]);
        charts.memory.top = now.maxmemory;
        charts.memory.add([now.used_memory]);
        charts.ended.add([rate(now, before, "expired_keys", seconds),
                          rate(now, before, "evicted_keys", seconds)]);
        charts.clients.add([now.connected_clients, now.blocked_clients]);

        fill(table, now.commands ? commandTable(now, seconds)
                                 : el("p", { class: "none" },
            "Commands are counted and timed where the zone has "
            + "\"metrics on\"."));

        before = now;
        at = performance.now();
    }

    function commandTable(now, seconds) {
        const rows = Object.entries(now.commands).map(([name, c]) => ({
            name, c, rate: before?.commands?.[name]
                ? Math.max(c.calls - before.commands[name].calls, 0) / seconds
                : 0,
        })).sort((a, b) => b.rate - a.rate || b.c.calls - a.c.calls);

        return plainTable("Commands", ["Command", "A second", "Calls", "Mean",
                                       "p99", "Failed", "Refused"],
            rows.slice(0, 40).map(({ name, c, rate }) => [
                name, small(rate), number(c.calls),
                micros(c.calls ? c.usec / c.calls : 0), micros(c.p99),
                number(c.failed_calls), number(c.rejected_calls)]));
    }

    fill(view, el("div", { class: "charts" },
                  Object.values(charts).map((chart) => chart.node)),
         section("Each command", table));

    repeat(STEP, signal, async () => draw(await getMetrics()));
}
