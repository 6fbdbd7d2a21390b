
/*
 * --- the page ---
 */

const VIEWS = {
    keys: ["Keys", keysView],
    line: ["Command line", lineView],
    figures: ["Figures", figuresView],
    live: ["Live", liveView],
    slow: ["Slow log", slowView],
    limits: ["Rate limits", limitsView],
    sessions: ["Sessions", sessionsView],
    clients: ["Clients", clientsView],
    users: ["Users", usersView],
};

let leaving = new AbortController();        /* of the view that is shown */


function viewNames() {
    return Object.keys(VIEWS).filter((name) => name !== "users"
                                               || commands.has("acl"));
}


function showView() {
    const asked = location.hash.slice(1);
    const name = viewNames().includes(asked) ? asked : "keys";
    const [title, view] = VIEWS[name];

    leaving.abort();
    leaving = new AbortController();

    for (const link of $("nav").children) {
        if (link.hash === `#${name}`) {
            link.setAttribute("aria-current", "page");
            link.scrollIntoView({ block: "nearest", inline: "nearest" });
        } else {
            link.removeAttribute("aria-current");
        }
    }

    document.title = `${title} – ${about.zone} – keyspace`;
    $("view").className = "view";
    fill($("view"));

    attempt(() => view($("view"), leaving.signal));
}


function showLogin(text = "") {
    const input = el("input", { type: "password", autocomplete: "off",
                                required: true });
    const error = el("p", { class: "error", role: "alert" }, text);

    leaving.abort();
    $("nav").hidden = $("leave").hidden = true;
    fill($("zone"));
    fill($("who"));
    document.title = "keyspace";
    $("view").className = "view";

    fill($("view"), el("form", { class: "card login", on: {
        submit: async (event) => {
            event.preventDefault();
            setToken(input.value);
            await begin();
        },
    } }, el("h2", {}, "Log in"),
    el("p", {}, "The token stays in this tab, until it is closed."),
    labelled("Token", input), error,
    el("button", { type: "submit", class: "main" }, "Log in")));

    input.focus();
}


async function begin() {
    try {
        about = await getAbout();
        commands = new Set(await run("COMMAND", "LIST"));

    } catch (e) {
        const known = token !== "";

        setToken("");
        showLogin(e.status !== 401 ? e.message
                                   : known ? "This is no token of the zone."
                                           : "");
        return;
    }

    $("zone").textContent = about.zone;
    $("who").textContent = about.writes ? about.user
                                        : `${about.user}, read only`;
    $("leave").hidden = token === "";

    fill($("nav"), viewNames().map((name) =>
        el("a", { href: `#${name}` }, VIEWS[name][0])));
    $("nav").hidden = false;

    showView();
}


window.addEventListener("hashchange", showView);

$("leave").addEventListener("click", () => {
    setToken("");
    sessionStorage.removeItem(HISTORY);
    showLogin();
});

document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("view").focus();
});

begin();
