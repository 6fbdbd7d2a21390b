// What the programs here share: TAP.

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
