// What the programs with subscribers and consumers share.

import assert from "node:assert/strict";


// Waits for what is to happen; fails after two minutes.
export async function until(what, condition) {
    for (let i = 0; i < 2400; i++) {
        if (await condition()) {
            return;
        }

        await new Promise((r) => setTimeout(r, 50));
    }

    assert.fail(`never: ${what}`);
}


// What was heard comes to be these, in this order.
export async function hears(heard, want) {
    for (let i = 0; i < 2400 && heard.length < want.length; i++) {
        await new Promise((r) => setTimeout(r, 50));
    }

    assert.deepEqual(heard, want);
}


// Whether each of 1 .. n is in some consumer's list, once, and all of them
// had some.
export function onceEach(lists, n) {
    const all = lists.flat().map(Number).sort((a, b) => a - b);

    assert.deepEqual(all, Array.from({ length: n }, (_, i) => i + 1));
    assert.ok(lists.every((l) => l.length > 0), "each consumer has some");
}
