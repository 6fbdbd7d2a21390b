// What the programs here share: TAP, and waiting for what is to come.

import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

let count = 0;
let failed = 0;


export async function test(name, code) {
    count++;

    try {
        await code();
        console.log(`ok ${count} - ${name}`);
    } catch (e) {
        failed++;
        console.log(`not ok ${count} - ${name}`);
        console.log(String(e.stack).replace(/^/gm, "# "));
    }
}


export function done() {
    console.log(`1..${count}`);
    process.exitCode = failed ? 1 : 0;
}


// Until it is true; an error, if that takes too long.
export async function until(code) {
    const end = Date.now() + 60_000;

    while (!await code()) {
        if (Date.now() > end) {
            throw new Error(`never: ${code}`);
        }

        await sleep(10);
    }
}


// Starts the server anew, as t/lib/KS/Clients.pm says.
export function restart() {
    return new Promise((resolve, reject) => {
        const [command, ...args] = process.env.KS_RESTART.split(" ");
        execFile(command, args, (e) => e ? reject(e) : resolve());
    });
}
