"""What clients in Python share: tests that are told as TAP."""

import traceback

count = 0
failed = 0


def equal(got, want):
    assert got == want, f"{got!r} is not {want!r}"


def test(name, code, *args):
    global count, failed
    count += 1

    try:
        code(*args)
        print(f"ok {count} - {name}", flush=True)
    except Exception:
        failed += 1
        print(f"not ok {count} - {name}", flush=True)
        print("".join("# " + line + "\n"
                      for line in traceback.format_exc().splitlines()))


def done():
    print(f"1..{count}")
    return 1 if failed else 0
